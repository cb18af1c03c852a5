"""What Celery runs: live changes as soon as they are rung for, and the chores of beat."""

from typing import Any

from celery import shared_task

from integrations.klaviyo import chores, ending, sync, trial
from integrations.klaviyo.models import Connection
from integrations.klaviyo.rings import ring


@shared_task(name="integrations.klaviyo.tasks.sync_studio")
def sync_studio(*, studio_id: int, **_: Any) -> None:
    """A studio rang: send its live changes and opt-outs now, or finish its disconnecting."""
    connection = Connection.objects.filter(studio=studio_id).first()
    if connection is None:
        return
    if connection.is_fenced:
        ending.finish(connection)
        return
    if connection.trial_wanted_at:
        trial.carry_out(connection)
    if sync.run(connection, sync.LIVE_LANE):
        ring(studio_id)


@shared_task(name="integrations.klaviyo.tasks.reconcile")
def reconcile(**_: Any) -> None:
    chores.reconcile()


@shared_task(name="integrations.klaviyo.tasks.heartbeat")
def heartbeat(**_: Any) -> None:
    chores.heartbeat()


@shared_task(name="integrations.klaviyo.tasks.tidy")
def tidy(**_: Any) -> None:
    chores.tidy()
