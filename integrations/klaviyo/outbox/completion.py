"""What was desired at the claim is reached: rows are completed, many in one statement.

Each statement locks in the house's order: connection, clients, their rows. The connection is held
so that nothing of it is written once it disconnects; a row whose lease was lost is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection as database

from integrations.crash_points import reached
from integrations.klaviyo.models import ClientSync, SyncEvent
from integrations.klaviyo.outbox import consumer
from integrations.klaviyo.reasons import Reason

HELD = """
WITH held AS MATERIALIZED (
    SELECT id FROM klaviyo_connection
     WHERE id = %(connection)s AND disconnecting_at IS NULL
       FOR SHARE
), asked AS (
    SELECT asked.*, sync.client_id
      FROM held, unnest(%(rows)s::bigint[], %(leases)s::uuid[], %(versions)s::bigint[],
                        %(digests)s::text[], %(reasons)s::text[], %(events)s::text[],
                        %(again)s::float[], %(profiles)s::text[], %(addresses)s::text[],
                        %(spellings)s::text[], %(phones)s::text[])
                 AS asked (id, lease, version, digest, reason, what, again_s, profile_id, address,
                           spelling, phone)
      JOIN klaviyo_clientsync sync ON sync.id = asked.id AND sync.lease = asked.lease
)"""

MINE = """
, mine AS (
    SELECT asked.*
      FROM asked JOIN klaviyo_clientsync sync ON sync.id = asked.id AND sync.lease = asked.lease
     WHERE (SELECT count(*) FROM clients) >= 0
     ORDER BY sync.client_id, sync.id
       FOR NO KEY UPDATE OF sync
)"""

# A row that is due once more is due then; an edit that came meanwhile makes it due at once.
REACHED = """
           synced_version = mine.version, reason = mine.reason, attempts = 0,
           digest = mine.digest, confirm_at = mine.again_at,
           desired_version = sync.desired_version
               + (mine.again_at IS NOT NULL AND sync.desired_version = mine.version)::int,
           forced_version = CASE
               WHEN mine.again_at IS NOT NULL AND sync.desired_version = mine.version
               THEN mine.version + 1 ELSE sync.forced_version END,
           due_at = CASE
               WHEN mine.again_at IS NOT NULL AND sync.desired_version = mine.version
               THEN mine.again_at ELSE sync.due_at END,
           lease = NULL, lease_until = NULL, leased_by = NULL"""

EVENTS = """
, events AS (
    INSERT INTO klaviyo_syncevent (connection_id, client_id, what, reason)
    SELECT connection_id, client_id, what, reason FROM done
     WHERE what <> '' AND client_id IS NOT NULL
)
SELECT id, client_id IS NULL FROM done
"""

COMPLETE = f"""{HELD}
, clients AS MATERIALIZED (
    SELECT client.id FROM asked JOIN clients_client client ON client.id = asked.client_id
     ORDER BY client.id
       FOR KEY SHARE OF client
){
    MINE.replace(
        "asked.*",
        '''asked.*,
           statement_timestamp() + make_interval(secs => asked.again_s) AS again_at''',
    )
}
, done AS (
    UPDATE klaviyo_clientsync sync
       SET suppressed_at = CASE WHEN mine.what = 'suppressed' THEN statement_timestamp()
                                ELSE sync.suppressed_at END,{REACHED}
      FROM mine
     WHERE sync.id = mine.id
    RETURNING sync.id, sync.connection_id, sync.client_id, mine.what, mine.reason
){EVENTS}"""

# A push is completed with all that follows from it: the profile is its client's; what else was
# exposed of the profile is gone, unless some request may still move it. A doubt about the profile
# or the address, whoever left it, is a reason to push once more. A profile that another client of
# the studio holds is left to `profile_links`.
COMPLETE_PUSHES = f"""{HELD}
, clients AS MATERIALIZED (
    SELECT client.id FROM asked JOIN clients_client client ON client.id = asked.client_id
     WHERE NOT EXISTS (SELECT 1 FROM clients_client other
                        WHERE other.studio_id = client.studio_id AND other.id <> client.id
                          AND other.klaviyo_profile_id = asked.profile_id)
     ORDER BY client.id
       FOR UPDATE OF client
), linked AS (
    UPDATE clients_client client SET klaviyo_profile_id = asked.profile_id
      FROM asked JOIN clients ON clients.id = asked.client_id
     WHERE client.id = asked.client_id
       AND client.klaviyo_profile_id IS DISTINCT FROM asked.profile_id
), doubt AS (
    SELECT one.id, max(one.until) AS until,
           max(one.until) FILTER (WHERE one.profile_id = one.asked_profile) AS about_profile
      FROM (SELECT asked.id, asked.profile_id AS asked_profile, exposure.profile_id,
                   greatest(exposure.unknown_until,
                            CASE WHEN (exposure.sync_id, exposure.in_flight)
                                      IS DISTINCT FROM (asked.id, asked.lease)
                                 THEN exposure.in_flight_until END) AS until
              FROM asked JOIN klaviyo_exposure exposure
                ON exposure.connection_id = %(connection)s
                   AND exposure.profile_id = asked.profile_id
                OR exposure.sync_id = asked.id AND exposure.address = asked.address) AS one
     GROUP BY one.id
), mine AS (
    SELECT asked.*, doubt.until > statement_timestamp() AS is_doubtful,
           doubt.about_profile > statement_timestamp() AS may_move,
           greatest(statement_timestamp() + make_interval(secs => asked.again_s),
                    CASE WHEN doubt.until > statement_timestamp() THEN doubt.until END) AS again_at
      FROM asked JOIN clients ON clients.id = asked.client_id
      JOIN klaviyo_clientsync sync ON sync.id = asked.id AND sync.lease = asked.lease
      LEFT JOIN doubt ON doubt.id = asked.id
     ORDER BY sync.client_id, sync.id
       FOR NO KEY UPDATE OF sync
), done AS (
    UPDATE klaviyo_clientsync sync
       SET confirmed_address = mine.spelling, sent_phone = mine.phone,{REACHED}
      FROM mine
     WHERE sync.id = mine.id
    RETURNING sync.id, sync.connection_id, sync.client_id, mine.what, mine.reason,
              mine.profile_id, mine.address, mine.spelling, mine.lease,
              coalesce(mine.is_doubtful, false) AS is_doubtful,
              coalesce(mine.may_move, false) AS may_move
), gone AS (
    DELETE FROM klaviyo_exposure exposure USING done
     WHERE exposure.connection_id = %(connection)s
       AND (exposure.sync_id, exposure.spelling, exposure.profile_id)
           IS DISTINCT FROM (done.id, done.spelling, done.profile_id)
       AND CASE WHEN exposure.sync_id = done.id AND exposure.in_flight = done.lease
                THEN NOT exposure.is_confirmed
                     AND coalesce(exposure.unknown_until, '-infinity') <= statement_timestamp()
                WHEN exposure.profile_id = done.profile_id THEN NOT done.may_move
                ELSE NOT done.is_doubtful
                     AND exposure.address = done.address
                     AND (exposure.profile_id IS NULL OR exposure.sync_id = done.id)
                     AND coalesce(greatest(exposure.unknown_until, exposure.in_flight_until),
                                  '-infinity') <= statement_timestamp()
           END
), kept AS (
    INSERT INTO klaviyo_exposure (connection_id, sync_id, address, spelling, profile_id,
                                  is_confirmed)
    SELECT connection_id, id, address, spelling, profile_id, true FROM done
        ON CONFLICT (sync_id, spelling, profile_id) WHERE sync_id IS NOT NULL DO UPDATE
       SET is_confirmed = true, is_written = true, is_owed = false,
           in_flight = NULL, in_flight_until = NULL,
           unknown_until = CASE WHEN klaviyo_exposure.unknown_until > statement_timestamp()
                                THEN klaviyo_exposure.unknown_until END
){EVENTS}"""


@dataclass(frozen=True)
class Done:
    """What came of a claimed row."""

    row: ClientSync
    reason: Reason | str = ""
    what: SyncEvent.What | str = ""  # for the client's history
    again_s: float | None = None  # push or look once more, so many seconds from now


@dataclass(frozen=True)
class Pushed(Done):
    """A row whose client is at Klaviyo as it is here."""

    profile_id: str = ""
    spelling: str = ""  # of the address that the profile has
    phone: str = ""  # that the profile has
    frees_phone_of_another: bool = False  # which the profile had before it went to this client


def complete(done: Sequence[Done]) -> dict[int, bool]:
    """These are settled until their clients change. The primary keys of the rows completed, each
    with whether its client is gone by now; all others lost their lease, or their connection is
    disconnecting, and are given back."""
    completed = run(COMPLETE, done)
    for one in done:
        if one.row.pk not in completed:
            consumer.release(one.row)
    return completed


def complete_pushes(done: Sequence[Pushed]) -> dict[int, bool]:
    """These clients' profiles are as they should be. As `complete` says; but rows that are not
    completed are left to the caller: another client may hold their profile."""
    return run(COMPLETE_PUSHES, done)


def hold_connection(connection_id: UUID) -> None:
    """In a transaction that does more than complete: the connection is locked first of all."""
    with database.cursor() as cursor:
        cursor.execute("SELECT 1 FROM klaviyo_connection WHERE id = %s FOR SHARE", [connection_id])


def run(sql: str, done: Sequence[Done]) -> dict[int, bool]:
    if not done:
        return {}
    with database.cursor() as cursor:
        reached("complete: about to write")
        cursor.execute(sql, values_of(done))
        reached("complete: written")
        return dict(cursor.fetchall())


def values_of(done: Sequence[Done]) -> dict[str, Any]:
    pushed = [one if isinstance(one, Pushed) else Pushed(one.row) for one in done]
    return {
        "connection": done[0].row.connection_id,
        "rows": [one.row.pk for one in done],
        "leases": [one.row.lease for one in done],
        "versions": [one.row.desired_version for one in done],
        "digests": [one.row.client_digest for one in done],
        "reasons": [str(one.reason) for one in done],
        "events": [str(one.what) for one in done],
        "again": [one.again_s for one in done],
        "profiles": [one.profile_id for one in pushed],
        "addresses": [one.row.client.address if one.row.client else "" for one in done],
        "spellings": [one.spelling for one in pushed],
        "phones": [one.phone for one in pushed],
    }


def quarantine_s() -> float:
    return float(settings.KLAVIYO_QUARANTINE_S)
