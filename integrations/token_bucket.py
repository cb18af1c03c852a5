"""The arithmetic of rate limits; pure.

Services count in fixed windows of 1 s and 60 s whose phase nobody knows, so the limit must hold in
*every* window. A bucket of `capacity` requests that refills at `rate` a second lets at most
`capacity + rate * t` through in any t seconds: both are chosen so that this stays within the
limit for 1 s and for 60 s. Two numbers instead of a log of requests, and no sleep.
"""

from dataclasses import dataclass, replace
from typing import Self

SHARE = 0.98  # of the minute's limit: requests travel for different times and may bunch
BURST_SHARE = 0.06  # of the minute's limit may go at once
BURST_MIN = 3.0  # where that is next to nothing, but never more than a third of the minute's
BACKFILL_RESERVE = 0.4  # of the capacity: only live changes may use it, and at no cost in rate
PACE_MIN = 1 / 16  # never stand still: only requests tell when the limit is back
PACE_STEP = 0.01


@dataclass(frozen=True)
class Limit:
    """Requests per second (`burst`) and per minute (`steady`), per account and operation."""

    burst: int
    steady: int


@dataclass(frozen=True)
class Bucket:
    limit: Limit
    tokens: float
    pace: float = 1.0  # halved by a 429, recovering with each request

    @classmethod
    def full(cls, limit: Limit) -> Self:
        return cls(limit, capacity(limit))

    def refilled(self, seconds: float) -> Self:
        grown = self.tokens + max(seconds, 0.0) * rate(self.limit) * self.pace
        return replace(self, tokens=min(capacity(self.limit), grown))

    def spare(self, *, backfill: bool) -> int:
        """How many requests may leave now."""
        return max(0, int(self.tokens - self.reserve(backfill)))

    def taken(self) -> Self:
        return replace(self, tokens=self.tokens - 1, pace=min(1.0, self.pace + PACE_STEP))

    def throttled(self) -> Self:
        return replace(self, tokens=0.0, pace=max(PACE_MIN, self.pace / 2))

    def relearned(self, limit: Limit) -> Self:
        return replace(self, limit=limit, tokens=min(self.tokens, capacity(limit)))

    def reserve(self, backfill: bool) -> float:
        """Never so much that a backfill under a tiny limit would stand still."""
        whole = capacity(self.limit)
        return min(whole * BACKFILL_RESERVE, whole - 1) if backfill else 0.0


def capacity(limit: Limit) -> float:
    share = max(limit.steady * BURST_SHARE, min(BURST_MIN, limit.steady / 3))
    return max(1.0, min(share, limit.burst - limit.steady / 60))


def rate(limit: Limit) -> float:
    """Requests a second, lasting."""
    lasting = (limit.steady * SHARE - capacity(limit)) / 60
    return max(min(lasting, limit.burst * SHARE), 1 / 60)
