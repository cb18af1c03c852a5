"""The rig's only look into Junocal's database: a few statements, all of them here."""

from typing import Any, LiteralString

from psycopg import OperationalError, sql

from tests.support.stack import Stack

Row = dict[str, Any]

CLIENTS = """
SELECT client.public_id::text, client.first_name, client.last_name, client.email, client.phone,
       client.email_opt_in AS agreed, client.opted_out_at IS NOT NULL AS opted_out, sync.reason
  FROM clients_client client
  JOIN studios_studio studio ON studio.id = client.studio_id
  LEFT JOIN klaviyo_clientsync sync ON sync.client_id = client.id
 WHERE studio.slug = %s
"""
PERSON = """
SELECT email, email_opt_in AS agreed, opted_out_at IS NOT NULL AS opted_out
  FROM clients_client WHERE public_id = %s
"""
ADDED = """
SELECT public_id::text, email, unsubscribe_token AS token FROM clients_client WHERE email = ANY(%s)
"""
# Clients that the backfill has not reached, and rows that Klaviyo has yet to hear of; those of
# deleted clients included.
WAITING = """
SELECT format('%%s: due in %%s s, leased for %%s s, attempts %%s, priority %%s; turn in %%s s; %%s',
              coalesce(client.first_name, '(deleted)'),
              round(extract(epoch FROM sync.due_at - now())),
              round(extract(epoch FROM sync.lease_until - now())),
              sync.attempts, sync.priority,
              round(extract(epoch FROM turn.next_at - now())),
              (SELECT string_agg(operation || ' ' || block || ' '
                                 || round(extract(epoch FROM blocked_until - now())), ', ')
                 FROM klaviyo_ratelimit WHERE connection_id = sync.connection_id
                  AND blocked_until > now())) AS who
  FROM studios_studio studio
  JOIN klaviyo_clientsync sync ON sync.studio_id = studio.id
  LEFT JOIN clients_client client ON client.id = sync.client_id
  LEFT JOIN klaviyo_turn turn ON turn.connection_id = sync.connection_id
 WHERE studio.slug = %s AND sync.desired_version > sync.synced_version
UNION ALL
SELECT client.first_name
  FROM studios_studio studio
  JOIN clients_client client ON client.studio_id = studio.id
 WHERE studio.slug = %s
   AND NOT EXISTS (SELECT FROM klaviyo_clientsync sync WHERE sync.client_id = client.id)
"""
# Rows of people's own doing that are due, and why they may be: one line each.
DUE = """
SELECT sync.lease_until > now() AS is_leased,
       extract(epoch FROM sync.lease_until - now())::float AS lease_left_s,
       sync.due_at > now() AS is_later, sync.attempts,
       sync.priority = 1 AND coalesce(connection.suspended_at, connection.paused_at) IS NOT NULL
           AS is_held,
       blocked.block, (SELECT count(*) >= 9 FROM unnest(refresh.recent) AS renewed_at
                        WHERE renewed_at > now() - interval '60 seconds') AS lacks_token,
       turn.next_at > now() AS is_put_off
  FROM klaviyo_clientsync sync
  JOIN klaviyo_connection connection ON connection.id = sync.connection_id
  LEFT JOIN klaviyo_turn turn ON turn.connection_id = connection.id
  LEFT JOIN klaviyo_ratelimit refresh
    ON refresh.connection_id = connection.id AND refresh.operation = 'oauth_refresh'
  LEFT JOIN LATERAL (
      SELECT max(rate.block) AS block FROM klaviyo_ratelimit rate
       WHERE rate.connection_id = connection.id AND rate.blocked_until > now()
  ) blocked ON true
 WHERE sync.desired_version > sync.synced_version AND sync.priority < 2
   AND sync.due_at IS DISTINCT FROM sync.confirm_at AND connection.disconnecting_at IS NULL
"""
TABLES = """
SELECT table_name FROM information_schema.tables
 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
"""
OF_A_CONNECTION = """
SELECT table_name FROM information_schema.columns
 WHERE table_schema = 'public' AND column_name = 'connection_id' AND table_name LIKE 'klaviyo%%'
"""
PROFILE_IDS = "SELECT 1 FROM clients_client WHERE klaviyo_profile_id IS NOT NULL"
CONNECTIONS = "SELECT 1 FROM klaviyo_connection"


class Database:
    """Asks a database that may be away for a while."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def clients(self, slug: str) -> list[Row]:
        return self.stack.ask(CLIENTS, slug)

    def person(self, public_id: str) -> Row | None:
        return next(iter(self.stack.ask(PERSON, public_id)), None)

    def added(self, addresses: list[str]) -> list[Row]:
        return self.stack.ask(ADDED, addresses)

    def waiting(self, slug: str) -> list[str]:
        """Names of those Klaviyo has yet to hear of, and how their rows stand."""
        return [row["who"] for row in self.stack.ask(WAITING, slug, slug)]

    def due(self) -> list[Row] | None:
        """None while the database is away."""
        try:
            return self.stack.ask(DUE)
        except OperationalError:
            return None

    def mentions(self, text: str) -> list[str]:
        """Tables in which this text stands anywhere."""
        tables = [row["table_name"] for row in self.stack.ask(TABLES)]
        return [table for table in tables if self._has(MENTIONS, table, f"%{text}%")]

    def left_of_connections(self) -> list[str]:
        """What still stands of any connection, table by table."""
        tables = sorted({row["table_name"] for row in self.stack.ask(OF_A_CONNECTION)})
        left = [table for table in tables if self._has("SELECT 1 FROM {} LIMIT 1", table)]
        left += ["klaviyo_connection"] * bool(self.stack.ask(CONNECTIONS))
        return left + ["clients_client.klaviyo_profile_id"] * bool(self.stack.ask(PROFILE_IDS))

    def _has(self, query: LiteralString, table: str, *values: str) -> bool:
        return bool(self.stack.ask(sql.SQL(query).format(sql.Identifier(table)), *values))


MENTIONS: LiteralString = "SELECT 1 FROM {} AS t WHERE t::text LIKE %s LIMIT 1"
