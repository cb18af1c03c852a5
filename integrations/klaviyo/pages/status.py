"""Each client's status with Klaviyo: one of four, decided by one expression in SQL.

Card, counters, lists and client pages all read this expression, so they can't disagree, and the
four always add up to the number of clients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Case, CharField, Count, F, Q, Value, When

from clients.listing.tally import Consent, Tally
from clients.models import Client, ClientQuerySet
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.models.sync import unsettled
from integrations.klaviyo.reasons import NEEDS_ATTENTION, Reason
from studios.models import Studio


class ClientStatus(models.TextChoices):
    ATTENTION = "attention", "Needs attention"  # a person has to act, the owner's opt-outs included
    NOT_SENT = "not_sent", "Not sent"  # nothing is meant to be there
    IN_KLAVIYO = "in_klaviyo", "In Klaviyo"  # an edit may be on its way, the phone may be missing
    WAITING = "waiting", "Waiting"  # on its way for the first time, or an opt-out on its way


SYNC = "klaviyo_sync__"
DUE = unsettled(SYNC)
UNSENDABLE = Q(email_opt_in=False) | Q(email="")
NEEDS_PERSON = Q(klaviyo_sync__reason__in=NEEDS_ATTENTION) & ~DUE

STATUS = Case(
    When(NEEDS_PERSON, then=Value(ClientStatus.ATTENTION)),
    When(DUE & Q(opted_out_at__isnull=False), then=Value(ClientStatus.WAITING)),
    When(UNSENDABLE, then=Value(ClientStatus.NOT_SENT)),
    When(klaviyo_profile_id__isnull=False, then=Value(ClientStatus.IN_KLAVIYO)),
    default=Value(ClientStatus.WAITING),
    output_field=CharField(),
)

# Why nothing is sent, before any request is thought of; blank where something is.
UNSENT_REASON = Case(
    When(opted_out_at__isnull=False, then=Value(Reason.OPTED_OUT)),
    When(email_opt_in=False, then=Value(Reason.NOT_OPTED_IN)),
    When(email="", then=Value(Reason.NO_EMAIL)),
    default=Value(""),
    output_field=CharField(),
)

# Of the clients nothing is sent of: each reason is a consent of its own.
UNSENT_CONSENTS = {
    Reason.OPTED_OUT: Consent.OPTED_OUT,
    Reason.NOT_OPTED_IN: Consent.NOT_AGREED,
    Reason.NO_EMAIL: Consent.AGREED,
}
MOST_LOOKED_UP = 3_000  # clients: PostgreSQL reads as many by their keys as it fears there to be
FACET = "klaviyo"  # by which the list counts clients too


def with_status(clients: ClientQuerySet, status: str, studio: Studio) -> ClientQuerySet:
    """Those of the studio's clients that have this status. A few among very many are found by an
    index; of many the list has some on every page, and walking it finds them."""
    if status == ClientStatus.ATTENTION:
        return clients.filter(NEEDS_PERSON)  # the first case, and it has an index
    found = clients.alias(status=STATUS).filter(status=status)
    return among_few(found, studio) if status == ClientStatus.WAITING else found


def among_few(waiting: ClientQuerySet, studio: Studio) -> ClientQuerySet:
    """Whoever waits isn't there yet, or has a change that Klaviyo has not heard of."""
    connection = Connection.objects.for_studio(studio).first()
    if connection is None:
        return waiting
    most = MOST_LOOKED_UP + 1
    unlinked = Client.objects.for_studio(studio).may_be_emailed().filter(klaviyo_profile_id=None)
    changes = ClientSync.objects.of(connection).unsettled().in_their_order()
    new, changed = unlinked.order_by("pk").values("pk")[:most], changes.values("client_id")[:most]
    if new.count() == most or changed.count() == most:
        return waiting
    return waiting.filter(pk__in=new.union(changed))


def with_rows(clients: ClientQuerySet) -> Iterator[tuple[Client, ClientStatus, ClientSync | None]]:
    """Each client with its status and its sync row, as of one moment."""
    alone = clients.select_related(None)
    annotated: Any = alone.annotate(status=STATUS).select_related("klaviyo_sync")
    for client in annotated:
        yield client, ClientStatus(client.status), getattr(client, "klaviyo_sync", None)


def with_unsent_reason(clients: ClientQuerySet) -> ClientQuerySet:
    return clients.annotate(unsent_reason=UNSENT_REASON)


def unsent_for(clients: ClientQuerySet, reason: str) -> ClientQuerySet:
    return clients.alias(why=UNSENT_REASON).filter(why=reason)


@dataclass(frozen=True)
class Numbers:
    """How many clients of a studio have which status."""

    attention: int = 0
    not_sent: int = 0
    in_klaviyo: int = 0
    waiting: int = 0

    @property
    def total(self) -> int:
        return self.attention + self.not_sent + self.in_klaviyo + self.waiting


def numbers_in(known: Tally) -> Numbers:
    """From the list's own counts, which are kept where a studio is large."""
    return Numbers(**{one.value: known.count({FACET: one.value}) for one in ClientStatus})


def unsent_in(known: Tally) -> list[tuple[Reason, int]]:
    """How many clients nothing is sent of, by reason."""
    numbers = {
        reason: known.count({FACET: ClientStatus.NOT_SENT, "consent": consent})
        for reason, consent in UNSENT_CONSENTS.items()
    }
    return [(reason, number) for reason, number in sorted(numbers.items()) if number]


def count_unsent(studio: Studio) -> list[tuple[Reason, int]]:
    """How many clients nothing is sent of, by reason."""
    clients = with_status(Client.objects.for_studio(studio), ClientStatus.NOT_SENT, studio)
    return by_reason(clients.annotate(key=UNSENT_REASON))


def count_attention(studio: Studio) -> list[tuple[Reason, int]]:
    """How many clients a person has to act for, by reason."""
    clients = with_status(Client.objects.for_studio(studio), ClientStatus.ATTENTION, studio)
    return by_reason(clients.annotate(key=F("klaviyo_sync__reason")))


def by_reason(keyed: Any) -> list[tuple[Reason, int]]:
    return [(Reason(key), number) for key, number in sorted(tally(keyed).items())]


def tally(keyed: Any) -> dict[str, int]:
    return dict(keyed.order_by().values_list("key").annotate(number=Count("pk")))
