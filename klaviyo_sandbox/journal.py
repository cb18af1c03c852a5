"""What was applied, in order, and which requests came in.

The journal is part of the store: it commits with the change it tells of. Arrivals are kept in
memory; they are for tests of pace.
"""

import json
import sqlite3
import time
from collections import deque
from dataclasses import asdict, dataclass
from itertools import count
from threading import Lock
from typing import Any

ARRIVALS_KEPT = 200_000


@dataclass(frozen=True)
class Actor:
    """On whose behalf something was done: an account, and the grant whose token asked for it."""

    account: str
    grant: str | None = None


def record(
    db: sqlite3.Connection,
    actor: Actor,
    operation: str,
    profile: str | None = None,
    **entry: Any,
) -> None:
    """Write down an applied operation, inside the transaction that applies it."""
    db.execute(
        "INSERT INTO journal (at, account, grant_id, operation, profile, entry)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (time.time(), actor.account, actor.grant, operation, profile, json.dumps(entry)),
    )


def since(
    db: sqlite3.Connection, seq: int, account: str | None = None, limit: int = 1_000_000
) -> list[dict[str, Any]]:
    """What was applied after that sequence number, oldest first."""
    rows = db.execute(
        "SELECT * FROM journal WHERE seq > ? AND (? IS NULL OR account = ?) ORDER BY seq LIMIT ?",
        (seq, account, account, limit),
    )
    return [_shown(row) for row in rows]


def latest(db: sqlite3.Connection, account: str, number: int) -> list[dict[str, Any]]:
    """The last so many of an account, newest first."""
    rows = db.execute(
        "SELECT * FROM journal WHERE account = ? ORDER BY seq DESC LIMIT ?", (account, number)
    )
    return [_shown(row) for row in rows]


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "at": row["at"],
        "account": row["account"],
        "grant": row["grant_id"],
        "operation": row["operation"],
        "profile": row["profile"],
        **json.loads(row["entry"]),
    }


@dataclass
class Arrival:
    """One request that came in; status 0 while it has no answer, or never got one."""

    seq: int
    at: float
    operation: str
    account: str | None = None
    grant: str | None = None
    status: int = 0
    fault: str | None = None


class ArrivalLog:
    """The latest requests in the order they came."""

    def __init__(self) -> None:
        self._arrivals: deque[Arrival] = deque(maxlen=ARRIVALS_KEPT)
        self._numbers = count(1)
        self._lock = Lock()

    def note(self, operation: str) -> Arrival:
        with self._lock:
            arrival = Arrival(next(self._numbers), time.time(), operation)
            self._arrivals.append(arrival)
        return arrival

    def since(self, seq: int) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(one) for one in self._arrivals if one.seq > seq]

    def clear(self) -> None:
        with self._lock:
            self._arrivals.clear()
