"""The producer's half of the outbox: what changed is enqueued in the change's own transaction.

A row is due while `desired_version > synced_version`; `consumer` has what becomes of it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Exposure, Priority, SyncEvent
from integrations.klaviyo.models.sync import ClientSyncQuerySet
from integrations.klaviyo.outbox import turns
from integrations.klaviyo.reasons import Reason
from studios.models import Studio

RETRIED_AT_ONCE = 500  # rows that edits may have to wait for

MANY = 50  # clients changed at once: they go behind whoever is edited by hand

# Each client is locked before its row, as edits do; a foreign key would lock it at the commit.
# With them go the debtors: people who said no, and whose address its holder has left by now.
ENQUEUE = """
WITH connected AS (
    SELECT id, studio_id FROM klaviyo_connection
     WHERE studio_id = %(studio)s AND disconnecting_at IS NULL
), debtor AS (
    SELECT sync.id, sync.client_id
      FROM klaviyo_exposure owed
      JOIN connected ON connected.id = owed.connection_id
      JOIN klaviyo_clientsync sync ON sync.id = owed.sync_id
     WHERE owed.is_owed AND sync.desired_version = sync.synced_version
       AND NOT EXISTS (SELECT 1 FROM clients_client holder
                        WHERE holder.studio_id = connected.studio_id
                          AND holder.address = owed.address AND holder.email <> ''
                          AND holder.email_opt_in)
), changed AS (
    SELECT client.id, client.opted_out_at, connected.id AS connection_id, client.studio_id
      FROM clients_client client JOIN connected ON connected.studio_id = client.studio_id
     WHERE client.id IN (SELECT unnest(%(clients)s::bigint[]) UNION SELECT client_id FROM debtor)
     ORDER BY client.id
       FOR KEY SHARE OF client
), enqueued AS (
    INSERT INTO klaviyo_clientsync AS sync (connection_id, studio_id, client_id, priority, due_at)
    SELECT connection_id, studio_id, id,
           CASE WHEN opted_out_at IS NULL THEN %(push)s ELSE %(opt_out)s END,
           coalesce(%(hold_until)s::timestamptz, statement_timestamp())
      FROM changed
        ON CONFLICT (client_id) DO UPDATE
       SET desired_version = sync.desired_version + 1, attempts = 0,
           priority = CASE WHEN {waits} THEN least(sync.priority, EXCLUDED.priority)
                           ELSE EXCLUDED.priority END,
           due_at = CASE WHEN {waits} THEN least(sync.due_at, EXCLUDED.due_at)
                         ELSE EXCLUDED.due_at END,
           forced_version = CASE WHEN %(forced)s THEN sync.desired_version + 1
                                 ELSE sync.forced_version END
    RETURNING connection_id
), orphans AS (
    UPDATE klaviyo_clientsync sync
       SET desired_version = desired_version + 1, due_at = statement_timestamp(), attempts = 0
      FROM debtor
     WHERE debtor.id = sync.id AND debtor.client_id IS NULL
       AND (SELECT count(*) FROM enqueued) >= 0
    RETURNING sync.connection_id
)
INSERT INTO klaviyo_wakeup (connection_id)
SELECT connection_id FROM enqueued UNION SELECT connection_id FROM orphans
""".format(
    # What somebody edited a moment ago is held back by no import that comes after it.
    waits="%(hold_until)s::timestamptz IS NOT NULL AND sync.desired_version > sync.synced_version"
)

RELEASE = """
UPDATE klaviyo_clientsync SET due_at = statement_timestamp()
 WHERE id IN (
    SELECT sync.id
      FROM klaviyo_clientsync sync JOIN klaviyo_connection connection
        ON connection.id = sync.connection_id
     WHERE connection.studio_id = %(studio)s AND sync.due_at = %(hold_until)s
       AND sync.desired_version > sync.synced_version
       AND sync.priority = ANY (%(priorities)s)
     LIMIT %(at_once)s
       FOR NO KEY UPDATE OF sync SKIP LOCKED
 )
"""
RELEASED_AT_ONCE = 5000


def enqueue(
    studio_id: int,
    client_ids: Collection[int],
    *,
    forced: bool = False,
    hold_until: datetime | None = None,
) -> bool:
    """These clients of the studio changed. True if the studio is connected, and has work now.

    `forced`: what is sent next is sent whatever was sent before. `hold_until`: they are part of a
    mass change that may be taken back until then, or until `release`. Must run in the transaction
    of the change itself; a disconnecting connection gets no rows.
    """
    is_mass = hold_until is not None or len(client_ids) > MANY
    values: dict[str, Any] = {
        "studio": studio_id,
        "push": int(Priority.BACKFILL if is_mass else Priority.LIVE),
        "opt_out": int(Priority.OPT_OUT),
        "clients": list(client_ids),
        "forced": forced,
        "hold_until": hold_until,
    }
    return bool(execute(ENQUEUE, values))


def release(studio_id: int, held_until: datetime) -> int:
    """What was held until this very time is due now; how many clients. A few at a time."""
    values = {
        "studio": studio_id,
        "hold_until": held_until,
        "priorities": Priority.values,
        "at_once": RELEASED_AT_ONCE,
    }
    released = 0
    while some := execute(RELEASE, values):
        released += some
    return released


def execute(statement: str, values: Mapping[str, Any]) -> int:
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def retry_all(rows: ClientSyncQuerySet) -> int:
    """As `retry`, a few at a time: these rows leave their own selection as they are enqueued."""
    return sum(iter(partial(retry_some, rows), 0))


def retry_some(rows: ClientSyncQuerySet) -> int:
    some = rows.order_by("client_id", "pk").values("pk")[:RETRIED_AT_ONCE]
    return retry(ClientSync.objects.filter(pk__in=[row["pk"] for row in some]))


@transaction.atomic
def hasten(rows: ClientSyncQuerySet) -> int:
    """What failed and waits to be tried again is due now: as many as the next turns take."""
    waiting = rows.filter(attempts__gt=0, due_at__gt=Now()).order_by("client_id", "pk")
    locked = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",))
    found = [row.pk for row in locked.only("pk")[:RETRIED_AT_ONCE]]
    return ClientSync.objects.filter(pk__in=found).update(due_at=Now())


@transaction.atomic
def retry(rows: ClientSyncQuerySet) -> int:
    """Send these once more, whatever was sent before: an owner's retry, a permission given.

    The number of rows enqueued. They are locked in the order of their clients, as completions do.
    """
    locked = rows.order_by("client_id", "pk").select_for_update(no_key=True, of=("self",))
    found = dict(locked.values_list("pk", "studio_id"))
    rows = rows.filter(pk__in=found)
    due: dict[str, Any] = {
        "reason": "",
        "attempts": 0,
        "due_at": Now(),
        "desired_version": F("desired_version") + 1,
        "forced_version": F("desired_version") + 1,
    }
    opt_outs = rows.about_opt_outs().update(priority=Priority.OPT_OUT, **due)
    pushes = ClientSync.objects.filter(pk__in=found).about_pushes()
    number = opt_outs + pushes.update(priority=Priority.LIVE, **due)
    for studio_id in set(found.values()):
        turns.wake(studio_id)
    return number


def release_phones(pushed: Sequence[tuple[ClientSync, str]], *, others: bool = False) -> None:
    """These clients' profiles have these phones now: who went without one that is free gets it.

    `others`: phones that nobody knows may have become free as well; then all who wait try again.
    """
    freed = {row.sent_phone for row, phone in pushed if row.sent_phone not in ("", phone)}
    if not (freed or others):
        return
    row = pushed[0][0]
    waiting = (
        ClientSync.objects.of(row.connection)
        .filter(Q() if others else Q(client__phone__in=freed), reason=Reason.PHONE_TAKEN)
        .exclude(pk__in=[row.pk for row, _ in pushed])
    )
    clients = list(waiting.values_list("client_id", flat=True))
    if clients:
        enqueue(row.studio_id, clients, forced=True)


def clients_deleted(studio: Studio, clients: Sequence[Client]) -> None:
    """These clients are being deleted: nothing more is sent for them, but an opt-out that still
    waits keeps its row, and its address, until Klaviyo has heard of it. Of all others only the
    profiles that were ours are remembered, no address."""
    pks = [client.pk for client in clients]
    list(Client.objects.for_edit(studio).filter(pk__in=pks).order_by("pk"))  # locks go in order
    SyncEvent.objects.filter(client__in=pks).delete()
    rows = ClientSync.objects.for_studio(studio).filter(client__in=pks)
    said_no = [client.pk for client in clients if client.has_opted_out]
    if said_no:
        waits = (
            Q(desired_version__gt=F("synced_version"))
            | Q(reason=Reason.PERMISSION_MISSING)
            | Q(exposures__is_owed=True)
        )
        waiting = rows.filter(waits, client__in=said_no)
        kept = ClientSync.objects.filter(pk__in=waiting.values("pk"))
        address = Client.objects.for_studio(studio).filter(pk=OuterRef("client"))
        kept.update(
            client=None,
            last_address=Subquery(address.values("email")),
            priority=Priority.OPT_OUT,
        )
    forget(rows)


def forget(rows: ClientSyncQuerySet) -> None:
    """Delete these rows and the addresses with them; profiles that were ours stay known as such,
    with which of their fields were sent."""
    pks = list(rows.values_list("pk", flat=True))
    exposures = Exposure.objects.filter(sync__in=pks)
    exposures.filter(Q(profile_id=None) | Q(is_written=False)).delete()
    sent = ClientSync.objects.filter(pk=OuterRef("sync")).values("sent_fields")
    exposures.update(sent_fields=Subquery(sent), sync=None, address="", spelling="", is_owed=False)
    ClientSync.objects.filter(pk__in=pks).delete()
