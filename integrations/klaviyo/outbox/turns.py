"""Turns: which studio can do something now, and when it next can.

A change inserts a wake-up in its own transaction; a turn clears what it has seen and, at its end,
writes down when the next one makes sense. The sweep reads these two and nothing else, so that a
studio that is idle, paused or told to wait costs nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.db import connection as database

from integrations.klaviyo.models import Connection, Priority
from integrations.klaviyo.outbox import liveness
from studios.models import Studio

BEGIN = """
WITH seen AS (
    DELETE FROM klaviyo_wakeup WHERE connection_id = %(connection)s
), turn AS (
    INSERT INTO klaviyo_turn (connection_id, next_at, serial)
    SELECT id, statement_timestamp(), 1 FROM klaviyo_connection WHERE id = %(connection)s
        ON CONFLICT (connection_id) DO UPDATE
       SET next_at = statement_timestamp(), serial = klaviyo_turn.serial + 1
    RETURNING serial, token_by, token_until
)
SELECT connection.*, turn.serial AS turn_serial, studio.withdrawal_key,
       EXISTS (SELECT 1 FROM klaviyo_clientsync
                WHERE connection_id = %(connection)s AND desired_version > synced_version
                  AND due_at <= statement_timestamp()) AS has_due,
       EXISTS (SELECT 1 FROM klaviyo_worker worker
                WHERE worker.id = turn.token_by AND worker.id IS DISTINCT FROM %(worker)s
                  AND turn.token_until > statement_timestamp()
                  AND worker.seen_at > statement_timestamp() - interval '3 seconds'
              ) AS has_token_elsewhere,
       (SELECT jsonb_object_agg(operation, jsonb_build_array(
                   burst, steady,
                   least(capacity, tokens + rate * pace * greatest(0,
                       extract(epoch FROM statement_timestamp() - counted_at))),
                   extract(epoch FROM blocked_until - statement_timestamp())))
          FROM klaviyo_ratelimit WHERE connection_id = %(connection)s) AS limits_now
  FROM turn, klaviyo_connection connection JOIN studios_studio studio
    ON studio.id = connection.studio_id
 WHERE connection.id = %(connection)s
"""

BEGIN_FOR = BEGIN.replace(
    "%(connection)s", "(SELECT id FROM klaviyo_connection WHERE studio_id = %(studio)s)"
)

# A newer turn that began meanwhile ends by itself; what its rows are leased for comes back then.
END = """
UPDATE klaviyo_turn turn SET next_at = least(
    (SELECT min(greatest(first.due_at,
                         statement_timestamp() + make_interval(secs => waits.wait_s)))
       FROM unnest(%(priorities)s::smallint[], %(waits)s::float[]) AS waits (priority, wait_s)
      CROSS JOIN LATERAL (
            SELECT due_at FROM klaviyo_clientsync
             WHERE connection_id = %(connection)s AND priority = waits.priority
               AND desired_version > synced_version
               AND (lease_until IS NULL OR lease_until < statement_timestamp())
             ORDER BY due_at LIMIT 1
      ) AS first
      WHERE waits.wait_s IS NOT NULL),
    (SELECT min(lease_until) FROM klaviyo_clientsync
      WHERE connection_id = %(connection)s AND lease_until >= statement_timestamp()),
    (SELECT statement_timestamp() FROM klaviyo_connection
      WHERE id = %(connection)s AND (phase <> 'seeded' OR disconnecting_at IS NOT NULL
                                     OR health_check_requested_at IS NOT NULL
                                     OR retries_opt_outs)))
 WHERE connection_id = %(connection)s AND serial = %(serial)s
"""

TOKEN_IS_HERE = """
UPDATE klaviyo_turn
   SET token_by = %(worker)s,
       token_until = statement_timestamp() + make_interval(secs => %(life_s)s)
 WHERE connection_id = %(connection)s
"""  # noqa: S105 (SQL)

WITH_WORK = """
SELECT connection_id FROM klaviyo_wakeup
 UNION
SELECT connection_id FROM klaviyo_turn WHERE next_at <= statement_timestamp()
"""

SOONEST = """
SELECT extract(epoch FROM min(next_at) - statement_timestamp())::float FROM klaviyo_turn
 WHERE next_at > statement_timestamp()
"""

WAKE = "INSERT INTO klaviyo_wakeup (connection_id) SELECT id FROM klaviyo_connection WHERE "


@dataclass(frozen=True)
class Waits:
    """How many seconds nothing can be done for a priority; None: until somebody acts."""

    opt_outs: float | None = 0.0
    live: float | None = 0.0
    backfill: float | None = 0.0

    @classmethod
    def all(cls, wait_s: float | None) -> Self:
        return cls(wait_s, wait_s, wait_s)

    def by_priority(self) -> Mapping[Priority, float | None]:
        return {
            Priority.OPT_OUT: self.opt_outs,
            Priority.LIVE: self.live,
            Priority.KNOWN_OPT_OUT: self.opt_outs,
            Priority.BACKFILL: self.backfill,
        }


def begin(connection: Connection) -> Connection | None:
    """The connection as it is now; what woke it is seen with this. None if it is gone."""
    return fresh_one(BEGIN, {"connection": connection.pk})


def begin_for(studio_id: int) -> Connection | None:
    """As `begin`, for whatever connection the studio has."""
    return fresh_one(BEGIN_FOR, {"studio": studio_id})


def fresh_one(sql: str, of: Mapping[str, Any]) -> Connection | None:
    values = {**of, "worker": liveness.worker_id()}
    fresh = next(iter(Connection.objects.raw(sql, values)), None)
    if fresh:
        names = ["id", "withdrawal_key"]
        fresh.studio = Studio.from_db(None, names, [fresh.studio_id, fresh.withdrawal_key])
    return fresh


def end(connection: Connection, waits: Waits) -> None:
    """Write down when the connection's next turn makes sense."""
    by_priority = waits.by_priority()
    values: dict[str, Any] = {
        "connection": connection.pk,
        "serial": connection.turn_serial,
        "priorities": [int(priority) for priority in by_priority],
        "waits": list(by_priority.values()),
    }
    with database.cursor() as cursor:
        cursor.execute(END, values)


def has_token(connection: Connection, life_s: float) -> None:
    """This worker has a good access token for the connection: others need not renew it."""
    with database.cursor() as cursor:
        values = {"connection": connection.pk, "worker": liveness.worker_id(), "life_s": life_s}
        cursor.execute(TOKEN_IS_HERE, values)


def wake(studio_id: int) -> None:
    """Something changed that no edit of a client tells: the studio is looked at again."""
    with database.cursor() as cursor:
        cursor.execute(WAKE + "studio_id = %s", [studio_id])


def soonest_s(at_most: float) -> float:
    """Seconds until the next turn that is known of makes sense, or `at_most`."""
    with database.cursor() as cursor:
        cursor.execute(SOONEST)
        soonest: float | None = cursor.fetchone()[0]
    return at_most if soonest is None else min(soonest, at_most)


def with_work() -> list[Connection]:
    """The connections that can do something now."""
    with database.cursor() as cursor:
        cursor.execute(WITH_WORK)
        pks = [pk for (pk,) in cursor.fetchall()]
    return list(Connection.objects.filter(pk__in=pks).order_by("?")) if pks else []
