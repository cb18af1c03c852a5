"""The consumer's half of the outbox: claim, and give back what came to nothing.

A row is due while `desired_version > synced_version`. A claim holds a lease; `preflight` and
`completion` are compare-and-set on that lease. All times are PostgreSQL's. How long a row waits
after a failure is for `integrations.backoff` to say.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db.models import Case, F, Model, Q, When
from django.db.models.functions import Now

from clients.models import Client
from integrations.crash_points import reached
from integrations.http import DEADLINE_S
from integrations.klaviyo.models import ClientSync, Connection, Exposure, Priority
from integrations.klaviyo.models.digest import DIGEST
from integrations.klaviyo.outbox import liveness

LEASE = timedelta(seconds=15)
BUSY_S = 0.5  # until another row's request about the same profile may be over


def columns(model: type[Model], *names: str) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if field.attname in names]


# Columns of the models that a claim reads, in the order in which `Model.from_db` takes them.
ROW = columns(
    ClientSync,
    *("id", "connection_id", "studio_id", "client_id", "desired_version", "synced_version"),
    *("forced_version", "priority", "attempts", "reason", "confirmed_address", "sent_fields"),
    *("sent_phone", "digest", "confirm_at", "suppressed_at", "last_address"),
)
CLIENT = columns(
    Client,
    *("id", "public_id", "studio_id", "first_name", "last_name", "email", "address", "phone"),
    *("email_opt_in", "opted_out_at", "klaviyo_profile_id"),
)

DUE = """
    SELECT id FROM klaviyo_clientsync
     WHERE connection_id = %(connection)s AND priority = {priority}
       AND desired_version > synced_version AND due_at <= statement_timestamp()
       AND (lease_until IS NULL OR lease_until < statement_timestamp())
       {where}
     ORDER BY due_at LIMIT {limit} FOR NO KEY UPDATE SKIP LOCKED
"""

REST = "greatest(0, {} - (SELECT count(*) FROM {}))"
LINKED = """AND (NOT %(only_linked)s OR EXISTS (
               SELECT 1 FROM clients_client client
                WHERE client.id = client_id AND client.klaviyo_profile_id IS NOT NULL))"""

# The version comes from the same moment as the client (`seen`): the locked row may be newer, and
# then stays due. What outranks is claimed first; a priority that nobody asks for has a limit of 0.
CLAIM = f"""
WITH opt_out AS ({DUE.format(priority=0, limit="%(opt_outs)s", where="")}
), live AS ({DUE.format(priority=1, limit="%(live)s", where=LINKED)}
), known AS ({DUE.format(priority=2, limit=REST.format("%(known)s", "opt_out"), where="")}
), backfill AS ({DUE.format(priority=3, limit=REST.format("%(backfill)s", "live"), where="")}
), due AS (
    SELECT id FROM opt_out UNION ALL SELECT id FROM live
     UNION ALL SELECT id FROM known UNION ALL SELECT id FROM backfill
), claimed AS (
    UPDATE klaviyo_clientsync sync
       SET lease = %(lease)s, leased_by = %(worker)s,
           lease_until = statement_timestamp() + make_interval(secs => %(lease_s)s)
      FROM due, klaviyo_connection connection
     WHERE sync.id = due.id AND connection.id = %(connection)s
       AND connection.disconnecting_at IS NULL
    RETURNING sync.id
)
SELECT {", ".join(f"seen.{name}" for name in ROW)},
       seen.confirm_at <= statement_timestamp(),
       coalesce({DIGEST.format("client")}, ''),
       {", ".join(f"client.{name}" for name in CLIENT)}
  FROM claimed JOIN klaviyo_clientsync seen USING (id)
  LEFT JOIN clients_client client ON client.id = seen.client_id
 ORDER BY seen.priority, seen.due_at, seen.id
"""


def claim(
    connection: Connection, limits: Mapping[Priority, int], *, only_linked: bool = False
) -> list[ClientSync]:
    """Due rows, at most so many of each priority, leased to the caller, with their clients as now.

    The two priorities of opt-outs share one limit, those of pushes likewise. `only_linked`: of the
    live ones only clients whose profile is known.
    """
    lease = uuid.uuid4()
    values = {
        "connection": connection.pk,
        "lease": lease,
        "worker": liveness.worker_id(),
        "lease_s": LEASE.total_seconds(),
        "opt_outs": limits.get(Priority.OPT_OUT, 0),
        "live": limits.get(Priority.LIVE, 0),
        "known": limits.get(Priority.KNOWN_OPT_OUT, 0),
        "backfill": limits.get(Priority.BACKFILL, 0),
        "only_linked": only_linked,
    }
    with database.cursor() as cursor:
        cursor.execute(CLAIM, values)
        reached("claim: committed")
        return [row_of(values, connection, lease) for values in cursor.fetchall()]


def row_of(values: Sequence[Any], connection: Connection, lease: uuid.UUID) -> ClientSync:
    """The claimed row as a model, with what it is worked by."""
    rest = len(ROW)
    row = ClientSync.from_db("default", ROW, values[:rest])
    row.lease, row.connection, row.studio = lease, connection, connection.studio
    row.confirming, row.client_digest = bool(values[rest]), values[rest + 1]
    of_client = values[rest + 2 :]
    row.client = None
    if of_client[0] is not None:
        row.client = Client.from_db("default", CLIENT, of_client)
        row.client.studio = connection.studio
    return row


def still_ours(rows: Collection[ClientSync]) -> set[int]:
    """The primary keys of the rows whose lease and connection still carry a request."""
    ours = ClientSync.objects.filter(
        pk__in=[row.pk for row in rows],
        lease__in={row.lease for row in rows},
        lease_until__gt=Now() + timedelta(seconds=DEADLINE_S),
        connection__disconnecting_at=None,
    )
    return set(ours.values_list("pk", flat=True))


def wait(row: ClientSync, wait_s: float) -> bool:
    """Nothing was tried: come back in a while, or at once if the client changed meanwhile."""
    not_applied(row)
    return settle(row, due_at=later(row, wait_s))


def postpone(row: ClientSync, wait_s: float, *, unknown: bool) -> bool:
    """Try again later; at once if the client changed meanwhile (an opt-out waits for nothing).

    `unknown`: Klaviyo may have carried the request out, or still may.
    """
    if unknown:
        in_flight(row).update(
            unknown_until=Now() + quarantine(), in_flight=None, in_flight_until=None
        )
    else:
        not_applied(row)
    return settle(row, attempts=F("attempts") + 1, due_at=later(row, wait_s))


def release(row: ClientSync) -> bool:
    """Give the row back untouched."""
    not_applied(row)
    return settle(row)


def let_go(row: ClientSync) -> bool:
    """Give the row back after a request that was carried out: what it exposed stands there."""
    return settle(row)


def not_applied(row: ClientSync) -> None:
    """Its request provably changed nothing: what only that request exposed is taken back."""
    in_flight(row).filter(is_confirmed=False, unknown_until=None).delete()
    in_flight(row).update(in_flight=None, in_flight_until=None)


def in_flight(row: ClientSync) -> Any:
    return Exposure.objects.filter(sync=row.pk, in_flight=row.lease)


def settle(row: ClientSync, **changes: Any) -> bool:
    mine = ClientSync.objects.filter(pk=row.pk, lease=row.lease)
    free = {"lease": None, "lease_until": None, "leased_by": None}
    if mine.filter(connection__disconnecting_at=None).update(**free, **changes):
        return True
    mine.update(**free)  # disconnecting: who disconnects waits for this
    return False


def later(row: ClientSync, wait_s: float) -> Any:
    return Case(
        When(Q(desired_version=row.desired_version), then=Now() + timedelta(seconds=wait_s)),
        default=Now(),
    )


def quarantine() -> timedelta:
    return timedelta(seconds=settings.KLAVIYO_QUARANTINE_S)
