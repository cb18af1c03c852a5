"""Listening to clients: every change enqueues its client in the change's own transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from clients.models import Client
from clients.signals import (
    clients_changed,
    clients_deleted,
    clients_deleting,
    clients_released,
)
from integrations.klaviyo.outbox import producer
from integrations.klaviyo.outbox.wakeup import notify, wake
from studios.models import Studio


@receiver(post_save, sender=Client, dispatch_uid="klaviyo: a client was saved")
def client_saved(instance: Client, *, raw: bool = False, **_: Any) -> None:
    if not raw and producer.enqueue(instance.studio_id, [instance.pk]):
        notify(instance.studio_id)


@receiver(clients_changed, dispatch_uid="klaviyo: clients were changed in bulk")
def clients_were_changed(
    studio_id: int,
    client_ids: list[int],
    hold_until: datetime | None = None,
    *,
    forced: bool = False,
    **_: Any,
) -> None:
    enqueued = producer.enqueue(studio_id, client_ids, forced=forced, hold_until=hold_until)
    if enqueued and hold_until is None:
        notify(studio_id)


@receiver(clients_released, dispatch_uid="klaviyo: what was held back may go")
def clients_were_released(studio_id: int, hold_until: datetime, **_: Any) -> None:
    if producer.release(studio_id, hold_until):
        wake(studio_id)


@receiver(pre_delete, sender=Client, dispatch_uid="klaviyo: a client is being deleted")
def client_is_being_deleted(instance: Client, **_: Any) -> None:
    producer.clients_deleted(instance.studio, [instance])


@receiver(post_delete, sender=Client, dispatch_uid="klaviyo: a client was deleted")
def client_was_deleted(instance: Client, **_: Any) -> None:
    suppress_freed(instance.studio_id)


@receiver(clients_deleting, dispatch_uid="klaviyo: many clients are being deleted")
def clients_are_being_deleted(studio: Studio, clients: Sequence[Client], **_: Any) -> None:
    producer.clients_deleted(studio, clients)


@receiver(clients_deleted, dispatch_uid="klaviyo: many clients were deleted")
def clients_were_deleted(studio: Studio, **_: Any) -> None:
    suppress_freed(studio.pk)


def suppress_freed(studio_id: int) -> None:
    """Whoever said no and is still to be suppressed at an address now is, if its holder is gone."""
    if producer.enqueue(studio_id, []):
        notify(studio_id)
