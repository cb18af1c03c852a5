"""The changes that Klaviyo has yet to hear of, and what holds them up."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from integrations.klaviyo.contract import Operation
from integrations.klaviyo.models import ClientSync, Connection, KlaviyoHealth, Priority, RateLimit
from integrations.klaviyo.models.sync import ClientSyncQuerySet

PUSHES = (Operation.GET_PROFILES, Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE)
OPT_OUTS = (Priority.OPT_OUT, Priority.KNOWN_OPT_OUT)


def due() -> ClientSyncQuerySet:
    """Rows whose time has come, leased or not; without those that an owner holds back."""
    held_back = Q(connection__paused_at__isnull=False) | Q(connection__suspended_at__isnull=False)
    rows = ClientSync.objects.unsettled().filter(
        connection__disconnecting_at=None, due_at__lte=Now()
    )
    return rows.exclude(held_back & ~Q(priority__in=OPT_OUTS))


def stuck(for_s: int) -> ClientSyncQuerySet:
    """Opt-outs and live changes that have waited for so long, though Klaviyo could be asked.

    Where it said wait, or doesn't answer, it is the reason; and where requests of the studio left
    in the meantime there is progress: then its rate limit is the reason.
    """
    long_ago = Now() - timedelta(seconds=for_s)
    late = due().filter(priority__in=(Priority.OPT_OUT, Priority.LIVE), due_at__lt=long_ago)
    of_its_studio = RateLimit.objects.filter(connection=OuterRef("connection"))
    waits = of_its_studio.filter(Q(blocked_until__gt=Now()) | Q(counted_at__gt=long_ago))
    if KlaviyoHealth.objects.exclude(down_since=None).exists():
        return late.none()
    suppressing = Exists(waits.filter(operation=Operation.SUPPRESS))
    pushing = Exists(waits.filter(operation__in=PUSHES))
    is_opt_out = Q(priority=Priority.OPT_OUT)
    return late.exclude(is_opt_out & Q(suppressing)).exclude(~is_opt_out & Q(pushing))


def is_waiting() -> bool:
    """True if a worker would find something to do."""
    asked = Q(disconnecting_at__isnull=False) | Q(health_check_requested_at__isnull=False)
    unseeded = ~Q(phase=Connection.Phase.SEEDED) & Q(disconnecting_at=None)
    return Connection.objects.filter(asked | unseeded).exists() or due().exists()
