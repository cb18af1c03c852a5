"""The backfill: a sync row for every client, seeded in chunks after connecting.

First those who opted out (looked up, and suppressed where found), then all others. A chunk's rows
and its cursor are written in one transaction, so a crash anywhere neither skips nor repeats.
"""

from uuid import UUID

from django.db import connection as database
from django.db import transaction

from integrations.crash_points import reached
from integrations.klaviyo.models import Connection, Priority
from integrations.klaviyo.models.digest import DIGEST
from integrations.klaviyo.reasons import Reason
from studios.tenancy import lock_studio_shared

CHUNK_ROWS = 1000

# Each client is locked before its row is made, as edits do. Of whom nothing is to be sent is
# settled at once; an edit that comes meanwhile finds the row, or has made its own.
SEED = """
WITH chunk AS (
    SELECT client.*, NOT (email_opt_in AND email <> '') AND %(everybody)s AS is_unsent
      FROM clients_client client
     WHERE studio_id = %(studio)s AND id > %(cursor)s
       AND (%(everybody)s OR (opted_out_at IS NOT NULL AND email <> ''))
     ORDER BY id LIMIT %(rows)s
       FOR KEY SHARE
), seeded AS (
    INSERT INTO klaviyo_clientsync
           (connection_id, studio_id, client_id, priority, synced_version, reason, digest)
    SELECT %(connection)s, %(studio)s, id, %(priority)s, is_unsent::int,
           CASE WHEN NOT is_unsent OR opted_out_at IS NOT NULL THEN ''
                WHEN email_opt_in THEN %(no_email)s ELSE %(not_opted_in)s END,
           CASE WHEN is_unsent THEN DIGEST ELSE '' END
      FROM chunk
        ON CONFLICT (client_id) DO NOTHING
)
SELECT max(id) FROM chunk
""".replace("DIGEST", DIGEST.format("chunk"))

NEXT_PHASE = {
    Connection.Phase.OPT_OUTS: Connection.Phase.CLIENTS,
    Connection.Phase.CLIENTS: Connection.Phase.SEEDED,
}


@transaction.atomic
def seed_chunk(connection: Connection) -> bool:
    """Seed the next chunk. False if nothing is left to seed, or another worker is at it."""
    lock_studio_shared(connection.studio_id)
    mine = Connection.objects.live().exclude(phase=Connection.Phase.SEEDED)
    # No key of it changes: a new row's foreign key, in an edit that we wait for, must not wait.
    row = mine.select_for_update(skip_locked=True, no_key=True).filter(pk=connection.pk).first()
    if row is None:
        return False
    last = insert_chunk(row)
    reached("seed: rows written")
    if last is None:
        row.phase, row.seeded_up_to = NEXT_PHASE[Connection.Phase(row.phase)], 0
    else:
        row.seeded_up_to = last
    row.save(update_fields=["phase", "seeded_up_to"])
    reached("seed: cursor written")
    return True


def insert_chunk(connection: Connection) -> int | None:
    everybody = connection.phase == Connection.Phase.CLIENTS
    values: dict[str, UUID | int | bool | str] = {
        "connection": connection.pk,
        "studio": connection.studio_id,
        "cursor": connection.seeded_up_to,
        "everybody": everybody,
        "priority": Priority.BACKFILL if everybody else Priority.KNOWN_OPT_OUT,
        "rows": CHUNK_ROWS,
        "no_email": Reason.NO_EMAIL,
        "not_opted_in": Reason.NOT_OPTED_IN,
    }
    with database.cursor() as cursor:
        cursor.execute(SEED, values)
        last: int | None = cursor.fetchone()[0]
    return last
