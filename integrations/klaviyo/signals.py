"""Listening to clients: every change marks its sync row in the change's own transaction."""

from typing import Any

from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver

from clients.models import Client
from clients.signals import clients_changed
from integrations.klaviyo import outbox
from integrations.klaviyo.rings import ring


@receiver(post_save, sender=Client, dispatch_uid="klaviyo: a client was saved")
def client_saved(instance: Client, *, raw: bool = False, **_: Any) -> None:
    if not raw and outbox.mark([instance.pk]):
        ring(instance.studio_id)


@receiver(clients_changed, dispatch_uid="klaviyo: clients were changed in bulk")
def clients_were_changed(studio_id: int, client_ids: list[int], **_: Any) -> None:
    if outbox.mark(client_ids):
        ring(studio_id)


@receiver(pre_delete, sender=Client, dispatch_uid="klaviyo: a client is being deleted")
def client_is_being_deleted(instance: Client, **_: Any) -> None:
    outbox.part(instance)
