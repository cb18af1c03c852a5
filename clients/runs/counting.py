"""An import in numbers: what will happen, or did, to how many rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django.db.models import Count, QuerySet

from clients.imports.cleaning import Refusal
from clients.models import Client, Run, RunRow
from clients.models.run import MASS, ONE_IN

Outcome = RunRow.Outcome
Consent = RunRow.Consent


@dataclass(frozen=True)
class Counts:
    outcomes: Mapping[str, int] = field(default_factory=dict)
    consents: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0  # that an undo left, since somebody had edited them
    listed: int = 0  # clients on the list before

    @classmethod
    def of(cls, run: Run) -> Self:
        """Counted now: some tenths of a second for half a million rows."""
        rows = run.rows.all()
        return cls(
            outcomes=by(rows, "outcome"),
            consents=by(rows.exclude(consent=""), "consent"),
            refusals=by(rows.filter(outcome=Outcome.REFUSED), "reason"),
            kept=rows.filter(is_kept=True).count(),
            listed=Client.objects.for_studio(run.studio).count(),
        )

    @classmethod
    def kept_by(cls, run: Run) -> Self:
        """As counted when the run came to where it is."""
        return cls(**run.counts)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def new(self) -> int:
        return self.outcomes.get(Outcome.NEW, 0)

    @property
    def changed(self) -> int:
        return self.outcomes.get(Outcome.CHANGED, 0)

    @property
    def unchanged(self) -> int:
        return self.outcomes.get(Outcome.UNCHANGED, 0)

    @property
    def refused(self) -> int:
        return self.outcomes.get(Outcome.REFUSED, 0)

    @property
    def deleted(self) -> int:
        return self.outcomes.get(Outcome.DELETED, 0)

    @property
    def opts_in(self) -> int:
        return self.consents.get(Consent.OPTS_IN, 0)

    @property
    def opts_out(self) -> int:
        return self.consents.get(Consent.OPTS_OUT, 0)

    @property
    def withdrawn(self) -> int:
        return self.consents.get(Consent.WITHDRAWN, 0)

    @property
    def touched(self) -> int:
        return self.new + self.changed

    @property
    def is_mass(self) -> bool:
        """True if so many are touched that integrations wait for the time of an undo."""
        return self.touched > MASS

    @property
    def is_nothing(self) -> bool:
        """True if nobody's details or consent would change."""
        return not self.touched and not self.newly_said

    @property
    def newly_said(self) -> int:
        return self.opts_in + self.opts_out

    def said_of(self, kind: Run.Kind) -> str:
        """What a run over clients did, as a sentence."""
        if kind == Run.Kind.DELETION:
            return f"{people(self.deleted)} deleted."
        if kind == Run.Kind.OPT_OUT:
            known = f" {self.unchanged} had opted out before." if self.unchanged else ""
            return f"{people(self.changed)} opted out of emails.{known}"
        return f"{people(self.changed)} sent again."

    @property
    def needs_owner(self) -> bool:
        """True if more than a fifth of the list would newly be opted in or out."""
        return self.newly_said * ONE_IN > self.listed + self.new

    @property
    def reasons(self) -> Sequence[tuple[str, int]]:
        """Why rows are refused, in words, the commonest first."""
        commonest = sorted(self.refusals.items(), key=lambda item: -item[1])
        return [(Refusal(reason).label, number) for reason, number in commonest]


def people(number: int) -> str:
    return "1 client" if number == 1 else f"{number:,} clients"


def by(rows: QuerySet[RunRow], column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(Count("pk")))
