"""Which profile is whose: an id stands on one client of the studio, and follows its address."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from clients.models import Client, ClientQuerySet
from integrations.klaviyo import outbox
from integrations.klaviyo.models import ClientSync
from studios.tenancy import hold


def belongs_to_another(row: ClientSync, profile_id: str) -> bool:
    """Whether this is the profile of another client of the studio."""
    return _other_holders(row, profile_id).exists()


def inherit(row: ClientSync, profile_id: str) -> None:
    """What its holder so far had sent there is ours to clear, where we have nothing instead."""
    holders = _other_holders(row, profile_id)
    sent = ClientSync.objects.for_studio(row.studio).filter(client__in=holders)
    for fields in sent.values_list("sent_fields", flat=True):
        row.sent_fields = sorted({*row.sent_fields, *fields})


def bind(row: ClientSync, profile_id: str) -> None:
    """The profile is this client's now: another one that had it looks for its own again."""
    holders = _lock(row, Q(pk=row.client_id) | Q(klaviyo_profile_id=profile_id))
    others = [pk for pk in holders if pk != row.client_id]
    if others:
        Client.objects.for_studio(row.studio).filter(pk__in=others).update(klaviyo_profile_id=None)
        _send_again(row, others)
    this = Client.objects.for_studio(row.studio).filter(Q(pk=row.client_id))
    this.update(klaviyo_profile_id=profile_id)


@transaction.atomic
def give_back(row: ClientSync, profile_id: str) -> None:
    """We wrote to a profile that turned out to be another client's: theirs is sent once more."""
    others = [pk for pk in _lock(row, Q(klaviyo_profile_id=profile_id)) if pk != row.client_id]
    if others:
        _send_again(row, others)


def _send_again(row: ClientSync, clients: Collection[int]) -> None:
    """They may meet a profile that carries what we sent, and clear what they have nothing for."""
    theirs = ClientSync.objects.for_studio(row.studio).filter(client__in=clients)
    for other in theirs.order_by("pk").select_for_update(of=("self",)):
        fields = sorted({*other.sent_fields, *row.sent_fields})
        ClientSync.objects.filter(pk=other.pk).update(digest="", sent_fields=fields)
    outbox.mark(clients)


def _lock(row: ClientSync, which: Q) -> list[int]:
    hold(row.studio_id)
    clients = Client.objects.for_studio(row.studio).filter(which)
    locked = clients.order_by("pk").select_for_update(of=("self",))
    return list(locked.values_list("pk", flat=True))


def _other_holders(row: ClientSync, profile_id: str) -> ClientQuerySet:
    holders = Client.objects.for_studio(row.studio).filter(klaviyo_profile_id=profile_id)
    return holders.exclude(Q(pk=row.client_id))
