"""Which profile is whose: an id stands on one client of the studio, and follows its address."""

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Q

from clients.models import Client, ClientQuerySet
from integrations.klaviyo.models import ClientSync, Connection, Exposure
from integrations.klaviyo.outbox import completion, producer
from integrations.klaviyo.outbox import preflight as outbox
from integrations.klaviyo.outbox.completion import Pushed
from integrations.klaviyo.outbox.preflight import Push
from studios.tenancy import lock_studio_shared

SENT_FIELDS = "sync__sent_fields"


def may_follow(row: ClientSync, profile_id: str) -> bool:
    """True if this profile is another client's of the studio, or one that we made or wrote and
    that was left behind: it follows its address."""
    if other_holders(row, profile_id).exists():
        return True
    return Exposure.objects.of(row.connection).ours(profile_id).exists()


def fields_sent_to(connection: Connection, profile_ids: Collection[str]) -> dict[str, set[str]]:
    """What was sent to these profiles for whichever client: it counts as sent for whoever takes one
    over, and clears the fields that this client has nothing for."""
    exposed = Exposure.objects.of(connection).filter(profile_id__in=profile_ids)
    sent: dict[str, set[str]] = {}
    for profile_id, *fields in exposed.values_list("profile_id", "sent_fields", SENT_FIELDS):
        sent.setdefault(profile_id or "", set()).update(*(known or () for known in fields))
    return sent


@transaction.atomic
def take_over(pushed: Pushed) -> bool:
    """Complete a push whose profile another client of the studio held: that one looks for its own.

    False if the lease was lost or the connection is disconnecting: nothing is written.
    """
    row, profile_id = pushed.row, pushed.profile_id
    holders = lock(row, Q(pk=row.client_id) | Q(klaviyo_profile_id=profile_id))
    others = [pk for pk in holders if pk != row.client_id]
    if others:
        Client.objects.for_studio(row.studio).filter(pk__in=others).update(klaviyo_profile_id=None)
        send_again(row, others)
    if completion.complete_pushes([pushed]):
        return True
    transaction.set_rollback(True)
    return False


def preflight(pushes: Sequence[Push]) -> set[int]:
    """As `outbox.preflight`; and clients whose profile one of these writes to, since it stood at
    another's address, are pushed once more, whatever becomes of the request."""
    if not pushes or not holders_of_adopted(pushes).exists():
        return outbox.preflight(pushes)
    with transaction.atomic():
        mine = Q(pk__in=[push.row.client_id for push in pushes])
        holders = holders_of_adopted(pushes)
        clients = lock(pushes[0].row, mine | Q(pk__in=holders.values("pk")))
        rows = ClientSync.objects.filter(client__in=clients).order_by("client_id", "pk")
        list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))
        fine = outbox.preflight(pushes)
        for push in adopting(pushes):
            if push.row.pk in fine:
                others = other_holders(push.row, push.profile_id or "").values_list("pk", flat=True)
                send_again(push.row, list(others))
    return fine


def adopting(pushes: Sequence[Push]) -> list[Push]:
    return [
        push
        for push in pushes
        if push.profile_id
        and push.row.client
        and push.row.client.klaviyo_profile_id != push.profile_id
    ]


def holders_of_adopted(pushes: Sequence[Push]) -> ClientQuerySet:
    ids = [push.profile_id for push in adopting(pushes)]  # for none, nobody is asked
    return Client.objects.for_studio(pushes[0].row.studio).filter(klaviyo_profile_id__in=ids)


@transaction.atomic
def unlink(row: ClientSync, profile_id: str) -> None:
    """We wrote to a profile that turned out to be another client's: that one is enqueued."""
    others = [pk for pk in lock(row, Q(klaviyo_profile_id=profile_id)) if pk != row.client_id]
    if others:
        send_again(row, others)


def send_again(row: ClientSync, clients: Collection[int]) -> None:
    """Enqueue them, to clear what we sent to their profile and they have nothing for."""
    if not clients:
        return
    theirs = ClientSync.objects.for_studio(row.studio).filter(client__in=clients)
    for other in theirs.order_by("client_id", "pk").select_for_update(of=("self",)):
        fields = sorted({*other.sent_fields, *row.sent_fields})
        ClientSync.objects.filter(pk=other.pk).update(sent_fields=fields)
    producer.enqueue(row.studio_id, clients, forced=True)


def lock(row: ClientSync, which: Q) -> list[int]:
    """The clients, locked in the house's order: studio, connection, clients."""
    lock_studio_shared(row.studio_id)
    completion.hold_connection(row.connection_id)
    clients = Client.objects.for_studio(row.studio).filter(which)
    locked = clients.order_by("pk").select_for_update(of=("self",))
    return list(locked.values_list("pk", flat=True))


def other_holders(row: ClientSync, profile_id: str) -> ClientQuerySet:
    holders = Client.objects.for_studio(row.studio).filter(klaviyo_profile_id=profile_id)
    return holders.exclude(Q(pk=row.client_id))
