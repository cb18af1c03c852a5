"""What keeps a connection's changes from going out, other than its owner's pause: since when, and
when it is tried again. One judgement for card, client lines and the owners' emails.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, Max, Min, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations import backoff
from integrations.http import DEADLINE_S
from integrations.klaviyo.models import ClientSync, Connection, KlaviyoHealth, RateLimit, Worker
from integrations.klaviyo.models.connection import ConnectionQuerySet
from integrations.klaviyo.models.sync import ClientSyncQuerySet, about_opt_out
from integrations.klaviyo.reasons import Reason

WORKER_SEEN_WITHIN = timedelta(seconds=60)  # each is seen once a second
FAILURES_UNTIL_SAID = 3  # in a row: a single hiccup is nobody's business
# Between two tries at most; a silence from before that was of something that is no longer due.
TRIED_WITHIN = timedelta(seconds=backoff.LONGEST_S + DEADLINE_S)


class Kind(models.TextChoices):
    NO_WORKER = "no_worker", "No worker of Junocal is running, so nothing is sent"
    OUTDATED = "outdated", "Klaviyo no longer takes what this version of Junocal sends"
    SUSPENDED = "suspended", "Klaviyo refuses what Junocal sends"
    DOWN = "down", "Klaviyo is down for everybody"
    SILENT = "silent", "Klaviyo is not answering"


@dataclass(frozen=True)
class Hindrance:
    kind: Kind
    since: datetime | None = None
    next_try_at: datetime | None = None  # by itself; None: not before somebody acts

    @property
    def is_outdated(self) -> bool:
        return self.kind is Kind.OUTDATED

    @property
    def is_suspended(self) -> bool:
        return self.kind is Kind.SUSPENDED

    @property
    def is_down(self) -> bool:
        return self.kind is Kind.DOWN


def hindrance_of(connection: Connection) -> Hindrance | None:
    """What changes of this connection wait for now; None if they go out."""
    if connection.is_disconnecting:
        return unattended(connection)
    return unattended(connection) or at_klaviyo(connection)


def unattended(connection: Connection) -> Hindrance | None:
    """No worker was seen for a minute, and there is something to do for one."""
    if Worker.objects.filter(seen_at__gt=Now() - WORKER_SEEN_WITHIN).exists():
        return None
    if not needs_worker(connection):
        return None
    return Hindrance(Kind.NO_WORKER, since=Worker.objects.aggregate(at=Max("seen_at"))["at"])


def needs_worker(connection: Connection) -> bool:
    asked = connection.is_disconnecting or connection.health_check_requested_at
    is_seeding = connection.phase != Connection.Phase.SEEDED
    due = waiting().of(connection).filter(due_at__lte=Now())
    return bool(asked) or is_seeding or due.has_any()


def at_klaviyo(connection: Connection) -> Hindrance | None:
    """As `hindrance_of`, of what is not Junocal's own."""
    return suspended(connection) or unanswered(connection)


def suspended(connection: Connection) -> Hindrance | None:
    if connection.suspended_at is None:
        return None
    is_outdated = connection.suspended_reason == Reason.OUTDATED
    kind = Kind.OUTDATED if is_outdated else Kind.SUSPENDED
    next_try_at = connection.suspended_until and not_before_now(connection.suspended_until)
    return Hindrance(kind, connection.suspended_at, next_try_at)


def unanswered(connection: Connection) -> Hindrance | None:
    if connection.is_paused and not waiting().of(connection).has_any():
        return None  # nobody waits for an answer
    return down() or silent(connection)


def down() -> Hindrance | None:
    health = KlaviyoHealth.objects.exclude(down_since=None).first()
    if health is None:
        return None
    return Hindrance(Kind.DOWN, health.down_since, not_before_now(health.probe_at))


def silent(connection: Connection) -> Hindrance | None:
    failing = silences().filter(connection=connection)
    found = failing.aggregate(since=Min("failing_since"), again=Min("blocked_until"))
    if found["since"] is None:
        return None
    rows = ClientSync.objects.of(connection).unsettled()
    first_due_at = rows.aggregate(at=Min("due_at"))["at"]
    return Hindrance(Kind.SILENT, found["since"], not_before_now(found["again"], first_due_at))


def silences() -> models.QuerySet[RateLimit]:
    """Where Klaviyo was asked several times, the last time lately, and gave no usable answer."""
    return RateLimit.objects.filter(
        failures__gte=FAILURES_UNTIL_SAID,
        failing_since__isnull=False,
        failed_at__gt=Now() - TRIED_WITHIN,
    )


def waiting() -> ClientSyncQuerySet:
    """Changes not yet in Klaviyo that no owner holds back: in a pause opt-outs go all the same."""
    goes = Q(connection__paused_at=None) | about_opt_out()
    return ClientSync.objects.unsettled().filter(goes)


def hindered() -> ConnectionQuerySet:
    """The connections with something waiting that Klaviyo doesn't take, or that are suspended."""
    waits = Exists(waiting().filter(connection=OuterRef("pk")))
    is_silent = Exists(silences().filter(connection=OuterRef("pk")))
    is_down = Exists(KlaviyoHealth.objects.exclude(down_since=None))
    is_hindered = Q(suspended_at__isnull=False) | Q(waits) & (Q(is_silent) | Q(is_down))
    return Connection.objects.live().filter(is_hindered)


def not_before_now(*times: datetime | None) -> datetime:
    """The last of these times; now if they are over."""
    return max([timezone.now(), *(time for time in times if time)])
