"""What a turn may ask of Klaviyo: spent in batches, one statement for all operations.

`rate_limits` keeps the rows, `token_bucket` has the arithmetic, which the statement that spends
repeats in SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from json import loads
from typing import Any, Self

from django.db import connection as database

from integrations.klaviyo.api import rate_limits
from integrations.klaviyo.api.breaker import breakers
from integrations.klaviyo.api.errors import DisconnectingError, ThrottledError
from integrations.klaviyo.api.health import health
from integrations.klaviyo.api.rate_limits import create_rows, limit_of, parse_limit
from integrations.klaviyo.contract import Operation
from integrations.klaviyo.models import Connection
from integrations.token_bucket import BACKFILL_RESERVE, PACE_STEP, Bucket, Limit, capacity, rate

SPEND = """
WITH asked AS (
    SELECT * FROM unnest(%(operations)s::text[], %(numbers)s::int[]) AS asked (operation, number)
), filled AS (
    SELECT rate_limit.id, asked.number,
           least(capacity, tokens + rate * pace * greatest(0,
               extract(epoch FROM statement_timestamp() - counted_at))) AS tokens,
           CASE WHEN %(backfill)s THEN least(capacity * %(reserve)s, capacity - 1)
                ELSE 0 END AS kept,
           coalesce(blocked_until > statement_timestamp(), false) AS is_blocked
      FROM klaviyo_ratelimit rate_limit JOIN asked USING (operation)
     WHERE rate_limit.connection_id = %(connection)s
     ORDER BY rate_limit.id
       FOR NO KEY UPDATE OF rate_limit
), granted AS (
    SELECT id, tokens, kept,
           CASE WHEN is_blocked THEN 0
                ELSE greatest(0, least(number, floor(tokens - kept))) END AS number
      FROM filled
)
UPDATE klaviyo_ratelimit rate_limit
   SET tokens = granted.tokens - granted.number,
       pace = least(1, pace + %(pace_step)s * granted.number),
       counted_at = greatest(counted_at, statement_timestamp())
  FROM granted
 WHERE granted.id = rate_limit.id
RETURNING operation, granted.number::int, burst, steady,
          failures = 0 AND block <> 'not_answering',
          greatest(extract(epoch FROM blocked_until - statement_timestamp()),
                   (1 + granted.kept - rate_limit.tokens) / (rate * pace), 0)::float
"""

GIVE_BACK = """
UPDATE klaviyo_ratelimit SET tokens = least(capacity, tokens + back.number)
  FROM unnest(%(operations)s::text[], %(numbers)s::int[]) AS back (operation, number)
 WHERE connection_id = %(connection)s AND klaviyo_ratelimit.operation = back.operation
"""


@dataclass(frozen=True)
class Room:
    """How much of each operation may leave now, as of one look that spends nothing."""

    now: Mapping[str, tuple[int, int, float, float | None]]  # as `outbox.turns` reads it

    @classmethod
    def read(cls, text: str | None) -> Self:
        return cls(loads(text) if text else {})

    def spare(self, *operations: Operation, backfill: bool = False) -> int:
        """How many requests of each of these."""
        return min(self._spare(operation, backfill) for operation in operations)

    def most(self, *operations: Operation) -> int:
        """How many at once a backfill may ever send of each, one at least."""
        buckets = [self._of(operation)[0] for operation in operations]
        return max(1, min(int(capacity(b.limit) - b.reserve(True)) for b in buckets))

    def wait_s(self, *operations: Operation, number: int = 1, backfill: bool = False) -> float:
        """Seconds until so many of each may leave."""
        return max(self._wait_s(operation, number, backfill) for operation in operations)

    def _spare(self, operation: Operation, backfill: bool) -> int:
        bucket, blocked_s = self._of(operation)
        return 0 if blocked_s > 0 else bucket.spare(backfill=backfill)

    def _wait_s(self, operation: Operation, number: int, backfill: bool) -> float:
        bucket, blocked_s = self._of(operation)
        missing = number - (bucket.tokens - bucket.reserve(backfill))
        return max(blocked_s, missing / rate(bucket.limit), 0.0)

    def _of(self, operation: Operation) -> tuple[Bucket, float]:
        known = self.now.get(operation)
        if known is None:
            return Bucket.full(limit_of(operation)), 0.0
        burst, steady, tokens, blocked_s = known
        return Bucket(Limit(burst, steady), tokens), blocked_s or 0.0


@dataclass
class Allowance:
    """What one turn may still ask of one operation, and what is known of its limit."""

    left: int
    limit: Limit
    is_well: bool  # no failure stands against it
    wait_s: float  # until one more may leave


class Allowances:
    """What one turn may ask of Klaviyo: spent in batches, and given back where not used."""

    def __init__(self, connection: Connection, *, backfill: bool = False) -> None:
        self.connection = connection
        self.backfill = backfill
        self._held: dict[str, Allowance] = {}

    def reserve(self, numbers: Mapping[Operation, int]) -> None:
        """Have up to so many of each; one statement."""
        missing = {op: n - self.left(op) for op, n in numbers.items() if n > self.left(op)}
        if not missing:
            return
        for operation, got in spend(self.connection, missing, backfill=self.backfill).items():
            got.left += self.left(operation)
            self._held[operation] = got

    def left(self, operation: str) -> int:
        held = self._held.get(operation)
        return held.left if held else 0

    def wait_s(self, operation: str) -> float:
        """Seconds until the next request of this operation may leave, as of the last look."""
        held = self._held.get(operation)
        return held.wait_s if held and not held.left else 0.0

    def take(self, operation: Operation) -> None:
        """Count one request that is about to leave; raises `ThrottledError` if it must wait."""
        if not self.left(operation):
            self.reserve({operation: 1})
        held = self._held[operation]
        if not held.left:
            raise ThrottledError(held.wait_s)
        held.left -= 1

    def have(self, operation: Operation) -> None:
        """Reserve one request of it; raises `ThrottledError` if it must wait."""
        self.take(operation)
        self.put_back(operation)

    def put_back(self, operation: str) -> None:
        if held := self._held.get(operation):
            held.left += 1

    def give_back(self) -> None:
        unused = {op: held.left for op, held in self._held.items() if held.left}
        if unused:
            values = {"connection": self.connection.pk, **arrays(unused)}
            with database.cursor() as cursor:
                cursor.execute(GIVE_BACK, values)
        self._held.clear()

    def answered(self, operation: Operation, headers: Mapping[str, str]) -> None:
        """Klaviyo answered; what is news is written down."""
        breakers.good((self.connection.pk, operation))
        health.answered()
        limit = parse_limit(headers.get("RateLimit-Limit", ""))
        held = self._held.get(operation)
        if held and held.is_well and limit in (None, held.limit):
            return  # nearly always
        rate_limits.learn(self.connection, operation, limit)
        if held:
            held.is_well, held.limit = True, limit or held.limit

    def throttled(self, operation: Operation, wait_s: float | None) -> float:
        self._forget(operation)
        return rate_limits.throttled(self.connection, operation, wait_s)

    def failed(self, operation: Operation) -> None:
        if held := self._held.get(operation):
            held.is_well = False
        if rate_limits.failed(self.connection, operation):
            self._forget(operation)

    def _forget(self, operation: str) -> None:
        """Nothing more of it leaves in this turn."""
        if held := self._held.get(operation):
            held.left = 0


def spend(
    connection: Connection, numbers: Mapping[Operation, int], *, backfill: bool
) -> dict[str, Allowance]:
    """Count so many requests, or as many as may leave now."""
    values: dict[str, Any] = {
        "connection": connection.pk,
        "backfill": backfill,
        "reserve": BACKFILL_RESERVE,
        "pace_step": PACE_STEP,
        **arrays(numbers),
    }
    with database.cursor() as cursor:
        cursor.execute(SPEND, values)
        rows = cursor.fetchall()
        unknown = set(numbers) - {row[0] for row in rows}
        if unknown:
            create_rows(connection, unknown)
            cursor.execute(SPEND, values | arrays({op: numbers[op] for op in unknown}))
            rows += cursor.fetchall()
    if len(rows) < len(numbers):
        raise DisconnectingError
    return {
        operation: Allowance(number, Limit(burst, steady), is_well, wait_s)
        for operation, number, burst, steady, is_well, wait_s in rows
    }


def arrays(numbers: Mapping[Any, int]) -> dict[str, Any]:
    return {"operations": [str(op) for op in numbers], "numbers": list(numbers.values())}
