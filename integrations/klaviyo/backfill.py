"""The backfill: a sync row for every client, seeded in chunks after connecting.

First those who opted out (looked up, and suppressed where found), then all others. A chunk's rows
and its cursor are written in one transaction, so a crash anywhere neither skips nor repeats.
"""

from uuid import UUID

from django.db import connection as database
from django.db import transaction

from integrations.klaviyo.models import Connection, Priority

CHUNK_ROWS = 1000

# Each client is locked before its row is made, as edits do.
SEED = """
WITH chunk AS (
    SELECT id FROM clients_client
     WHERE studio_id = %(studio)s AND id > %(cursor)s
       AND (%(everybody)s OR (opted_out_at IS NOT NULL AND email <> ''))
     ORDER BY id LIMIT %(rows)s
       FOR KEY SHARE
), seeded AS (
    INSERT INTO klaviyo_clientsync (connection_id, studio_id, client_id, priority)
    SELECT %(connection)s, %(studio)s, id, %(priority)s FROM chunk
        ON CONFLICT (client_id) DO NOTHING
)
SELECT max(id) FROM chunk
"""

NEXT_PHASE = {
    Connection.Phase.OPT_OUTS: Connection.Phase.CLIENTS,
    Connection.Phase.CLIENTS: Connection.Phase.SEEDED,
}


@transaction.atomic
def seed(connection: Connection) -> bool:
    """Seed the next chunk; False where nothing is left to seed (or another worker is at it)."""
    mine = Connection.objects.live().exclude(phase=Connection.Phase.SEEDED)
    # No key of it changes: a new row's foreign key, in an edit that we wait for, must not wait.
    row = mine.select_for_update(skip_locked=True, no_key=True).filter(pk=connection.pk).first()
    if row is None:
        return False
    last = _insert_chunk(row)
    if last is None:
        row.phase, row.seeded_up_to = NEXT_PHASE[Connection.Phase(row.phase)], 0
    else:
        row.seeded_up_to = last
    row.save(update_fields=["phase", "seeded_up_to"])
    return True


def _insert_chunk(connection: Connection) -> int | None:
    everybody = connection.phase == Connection.Phase.CLIENTS
    values: dict[str, UUID | int | bool] = {
        "connection": connection.pk,
        "studio": connection.studio_id,
        "cursor": connection.seeded_up_to,
        "everybody": everybody,
        "priority": Priority.BACKFILL if everybody else Priority.KNOWN_OPT_OUT,
        "rows": CHUNK_ROWS,
    }
    with database.cursor() as cursor:
        cursor.execute(SEED, values)
        last: int | None = cursor.fetchone()[0]
    return last
