"""Deleting many clients at once; one alone is deleted by `Client.delete`, with the same effect."""

from collections.abc import Sequence

from django.db import transaction

from clients.models import Client, ClientEvent
from clients.signals import clients_deleted, clients_deleting
from studios.models import Studio


@transaction.atomic
def delete_many(studio: Studio, clients: Sequence[Client]) -> None:
    """Delete these clients of the studio, which the caller has locked, with their history."""
    if not clients:
        return
    clients_deleting.send(Client, studio=studio, clients=clients)
    pks = [client.pk for client in clients]
    events = ClientEvent.objects.filter(client__in=pks)
    events._raw_delete(events.db)
    rows = Client.objects.for_studio(studio).select_related(None).filter(pk__in=pks)
    rows._raw_delete(rows.db)
    clients_deleted.send(Client, studio=studio)
