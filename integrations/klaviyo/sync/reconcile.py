"""The reconcile: finds what was written past the signals, in SQL, and enqueues it.

It looks without a lock, at all studios in few statements; only the strays that it finds are locked,
a few hundred at a time, and looked at once more. What nobody would come back to is woken.
"""

import logging
from collections import defaultdict

from django.db import connection as database
from django.db import transaction

from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.models.digest import DIGEST
from integrations.klaviyo.outbox import producer
from integrations.klaviyo.outbox.wakeup import notify
from integrations.klaviyo.reasons import Reason
from studios.tenancy import lock_studio_shared

logger = logging.getLogger(__name__)

CHUNK_ROWS = 10_000  # clients in one look
STRAYS_AT_ONCE = 500

# By the clients' key, so that each look begins where the last one ended.
LOOK = f"""
WITH chunk AS (
    SELECT client.id, client.studio_id, {DIGEST.format("client")} AS digest
      FROM clients_client client
     WHERE client.id > %(after)s
     ORDER BY client.id LIMIT %(rows)s
)
SELECT max(chunk.id),
       coalesce(array_agg(chunk.id) FILTER (WHERE connection.id IS NOT NULL AND (
           sync.id IS NULL
           OR sync.desired_version = sync.synced_version AND sync.digest <> chunk.digest)), '{{}}')
  FROM chunk
  LEFT JOIN klaviyo_connection connection ON connection.studio_id = chunk.studio_id
   AND connection.disconnecting_at IS NULL AND connection.phase = 'seeded'
  LEFT JOIN klaviyo_clientsync sync ON sync.client_id = chunk.id
"""

STILL_STRAYS = f"""
SELECT client.id FROM clients_client client
  LEFT JOIN klaviyo_clientsync sync ON sync.client_id = client.id
 WHERE client.id = ANY(%(clients)s) AND client.studio_id = %(studio)s
   AND (sync.id IS NULL OR sync.desired_version = sync.synced_version
                           AND sync.digest <> {DIGEST.format("client")})
 ORDER BY client.id
"""

# Debts whose holder was changed past the signals, and due rows that no turn would come back to.
DEBTS = """
SELECT DISTINCT connection.studio_id
  FROM klaviyo_exposure owed
  JOIN klaviyo_connection connection ON connection.id = owed.connection_id
 WHERE owed.is_owed AND connection.disconnecting_at IS NULL
"""

FORGOTTEN = """
INSERT INTO klaviyo_wakeup (connection_id)
SELECT connection.id FROM klaviyo_connection connection
  LEFT JOIN klaviyo_turn turn ON turn.connection_id = connection.id
 WHERE turn.next_at IS NULL
   AND (connection.disconnecting_at IS NOT NULL OR connection.phase <> 'seeded'
        OR EXISTS (SELECT 1 FROM klaviyo_clientsync sync
                    WHERE sync.connection_id = connection.id
                      AND sync.desired_version > sync.synced_version))
"""


def reconcile_all() -> int:
    """Enqueue every client whose row is missing or tells of another state, so that whatever was
    written past the signals is healed. The number enqueued."""
    enqueued, after = 0, 0
    while True:
        last, strays = look(after)
        enqueued += sum(enqueue(studio, clients) for studio, clients in by_studio(strays).items())
        if last is None:
            break
        after = last
    pay_debts()
    with database.cursor() as cursor:
        cursor.execute(FORGOTTEN)
    forget_the_settled()
    return enqueued


def look(after: int) -> tuple[int | None, list[int]]:
    with database.cursor() as cursor:
        cursor.execute(LOOK, {"after": after, "rows": CHUNK_ROWS})
        last, strays = cursor.fetchone()
    return last, strays


def by_studio(clients: list[int]) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    with database.cursor() as cursor:
        cursor.execute("SELECT studio_id, id FROM clients_client WHERE id = ANY(%s)", [clients])
        for studio, client in cursor.fetchall():
            found[studio].append(client)
    return found


def enqueue(studio_id: int, clients: list[int]) -> int:
    enqueued = 0
    for start in range(0, len(clients), STRAYS_AT_ONCE):
        enqueued += enqueue_strays(studio_id, clients[start : start + STRAYS_AT_ONCE])
    if enqueued:
        logger.warning("reconcile enqueued %s clients", enqueued, extra={"studio": studio_id})
        notify(studio_id)
    return enqueued


@transaction.atomic
def enqueue_strays(studio_id: int, clients: list[int]) -> int:
    """Enqueue those of them that are strays even now."""
    lock_studio_shared(studio_id)
    with database.cursor() as cursor:
        cursor.execute(STILL_STRAYS, {"studio": studio_id, "clients": clients})
        strays = [client for (client,) in cursor.fetchall()]
    return len(strays) if strays and producer.enqueue(studio_id, strays) else 0


def pay_debts() -> None:
    with database.cursor() as cursor:
        cursor.execute(DEBTS)
        studios = [studio for (studio,) in cursor.fetchall()]
    for studio in studios:
        producer.enqueue(studio, [])


def forget_the_settled() -> None:
    """Rows of deleted clients whose debts others have paid."""
    settled = ClientSync.objects.settled().filter(client=None).exclude(exposures__is_owed=True)
    live = settled.filter(connection__in=Connection.objects.live())
    producer.forget(live.exclude(reason=Reason.PERMISSION_MISSING))
