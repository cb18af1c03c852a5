"""What Celery runs: live changes as soon as they are saved, and what is periodic."""

from typing import Any

from celery import shared_task

from integrations.klaviyo.api.health import health
from integrations.klaviyo.outbox.wakeup import notify
from integrations.klaviyo.sync import engine
from integrations.klaviyo.sync.reconcile import reconcile_all
from integrations.klaviyo.worker import maintenance, watch


@shared_task(name="integrations.klaviyo.tasks.sync_studio")
def sync_studio(*, studio_id: int, **_: Any) -> None:
    """Send a studio's live changes and opt-outs now, or finish its disconnecting."""
    if not health.is_down and engine.work_for(studio_id, engine.LIVE):
        notify(studio_id)


@shared_task(name="integrations.klaviyo.tasks.reconcile")
def reconcile(**_: Any) -> None:
    reconcile_all()


@shared_task(name="integrations.klaviyo.tasks.heartbeat")
def heartbeat(**_: Any) -> None:
    maintenance.heartbeat()


@shared_task(name="integrations.klaviyo.tasks.watch")
def look_for_trouble(**_: Any) -> None:
    watch.look()


@shared_task(name="integrations.klaviyo.tasks.tidy")
def tidy(**_: Any) -> None:
    maintenance.purge_expired()
