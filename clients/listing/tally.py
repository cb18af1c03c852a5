"""How many clients there are of each kind: counted by all filters at once, in one statement.

So chips count within the search and within the other filter, and whoever adds them up (the Klaviyo
card does) gets the number of clients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import Case, CharField, Count, TextChoices, Value, When
from django.db.models.expressions import Combinable

from clients import extensions
from clients.models import ClientQuerySet


class Consent(TextChoices):
    AGREED = "agreed", "Agreed"
    NOT_AGREED = "not-agreed", "Not agreed"
    OPTED_OUT = "opted-out", "Opted out"


CONSENT = Case(
    When(email_opt_in=True, then=Value(Consent.AGREED)),
    When(opted_out_at__isnull=False, then=Value(Consent.OPTED_OUT)),
    default=Value(Consent.NOT_AGREED),
    output_field=CharField(),
)


@dataclass(frozen=True)
class Tally:
    keys: Sequence[str]  # of the filters: "consent", "klaviyo"
    numbers: Mapping[tuple[str, ...], int]  # by an option of each

    @classmethod
    def of(cls, clients: ClientQuerySet) -> Self:
        facets: dict[str, Combinable] = {"consent": CONSENT}
        facets |= {service.key: service.facet for service in extensions.registered()}
        named: Any = {f"by_{key}": facet for key, facet in facets.items()}
        counted = clients.order_by().annotate(**named).values_list(*named).annotate(n=Count("pk"))
        return cls([*facets], {tuple(kinds): number for *kinds, number in counted})

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(kept["keys"], {tuple(kinds): number for *kinds, number in kept["numbers"]})

    def as_json(self) -> Mapping[str, Any]:
        return {"keys": self.keys, "numbers": [[*kinds, n] for kinds, n in self.numbers.items()]}

    @property
    def total(self) -> int:
        return sum(self.numbers.values())

    def count(self, chosen: Mapping[str, str]) -> int:
        """How many are of all these kinds, by the filters' keys."""
        asked = [(self.keys.index(key), kind) for key, kind in chosen.items() if key in self.keys]
        return sum(
            number
            for kinds, number in self.numbers.items()
            if all(kinds[place] == kind for place, kind in asked)
        )
