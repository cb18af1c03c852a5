"""Klaviyo silent for one connection or for all, as workers find and write it down; and back."""

from datetime import timedelta

from django.db.models.functions import Now

from integrations.klaviyo.connection.hindrances import FAILURES_UNTIL_SAID
from integrations.klaviyo.contract import OPERATIONS, Operation
from integrations.klaviyo.models import Connection, KlaviyoHealth, RateLimit
from integrations.klaviyo.outbox import turns

MOMENT = timedelta(seconds=5)


def klaviyo_is_down(for_time: timedelta = MOMENT) -> None:
    """For everybody."""
    KlaviyoHealth.objects.update_or_create(
        pk=1, defaults={"down_since": Now() - for_time, "probe_at": Now() + MOMENT}
    )


def klaviyo_is_silent(connection: Connection, for_time: timedelta = MOMENT) -> None:
    """For this one: several updates in a row had no usable answer, the last one just now."""
    failing = {
        "failures": FAILURES_UNTIL_SAID,
        "failing_since": Now() - for_time,
        "failed_at": Now(),
        "block": RateLimit.Block.NOT_ANSWERING,
        "blocked_until": Now() + MOMENT,
    }
    rows = RateLimit.objects.filter(connection=connection, operation=Operation.UPDATE_PROFILE)
    if not rows.update(**failing):
        limit = RateLimit.fresh(
            connection, Operation.UPDATE_PROFILE, OPERATIONS[Operation.UPDATE_PROFILE].limit
        )
        limit.save()
        rows.update(**failing)


def klaviyo_answers_again() -> None:
    KlaviyoHealth.objects.update(down_since=None, probe_at=None)
    RateLimit.objects.update(
        failures=0, failing_since=None, failed_at=None, block="", blocked_until=None
    )
    for studio_id in Connection.objects.values_list("studio_id", flat=True):
        turns.wake(studio_id)
