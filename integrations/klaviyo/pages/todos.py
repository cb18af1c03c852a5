"""What waits for an owner: a row each on the card, whatever state the connection is in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import models
from django.db.models import Q

from integrations.klaviyo.contract import FEATURES, SUPPRESSION, Feature
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.models.sync import ClientSyncQuerySet, about_opt_out
from integrations.klaviyo.reasons import Reason

NAMED = 3  # people; more of them are a number


class Kind(models.TextChoices):
    OPT_OUTS = "opt_outs", "Opt-outs waiting for you"
    CLIENTS = "clients", "Clients need attention"
    PERMISSION = "permission", "A permission to allow"


@dataclass(frozen=True)
class Todo:
    kind: Kind
    number: int = 0  # of people
    names: Sequence[str] = ()  # of all of them, where they are few
    feature: Feature | None = None  # to be allowed

    @property
    def template(self) -> str:
        """The partial with its sentence and its button."""
        return f"klaviyo/todos/_{self.kind.value}.html"

    @property
    def is_pressing(self) -> bool:
        """True if somebody may be emailed who should not, or is not emailed who should."""
        return self.kind != Kind.PERMISSION

    @property
    def who(self) -> str:
        """These people, at the beginning of a sentence."""
        *others, last = self.names or [f"{self.number:,} people"]
        return f"{', '.join(others)} and {last}" if others else last


def todos_of(connection: Connection) -> Iterator[Todo]:
    """The most pressing first."""
    opt_outs = opt_outs_waiting(connection)
    waiting = opt_outs.count()
    if waiting:
        yield Todo(Kind.OPT_OUTS, waiting, names_of(opt_outs, waiting))
    clients = clients_in_need(connection)
    if number := clients.count():
        yield Todo(Kind.CLIENTS, number, names_of(clients, number))
    for feature in FEATURES.values():
        is_told_above = feature is SUPPRESSION and waiting
        if not connection.has(feature) and not is_told_above:
            yield Todo(Kind.PERMISSION, feature=feature)


def needs_owner(connection: Connection) -> bool:
    """True if a pressing one is there."""
    return opt_outs_waiting(connection).exists() or clients_in_need(connection).exists()


def opt_outs_waiting(connection: Connection) -> ClientSyncQuerySet:
    """Those of deleted clients as well."""
    return ClientSync.objects.of(connection).opt_outs_waiting()


def clients_in_need(connection: Connection) -> ClientSyncQuerySet:
    """Whom a person has to look after, but for the opt-outs above."""
    rows = ClientSync.objects.of(connection).needing_attention().exclude(client=None)
    return rows.exclude(about_opt_out() & Q(reason=Reason.PERMISSION_MISSING))


def names_of(rows: ClientSyncQuerySet, number: int) -> list[str]:
    """None where they are many."""
    if number > NAMED:
        return []
    found = rows.select_related("client").order_by("client__last_name", "pk")[:NAMED]
    return [row.client.name if row.client else "A deleted client" for row in found]
