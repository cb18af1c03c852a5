"""What was applied, in order. Part of the store: it commits with the change it tells of."""

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Actor:
    """On whose behalf something was done: an account, and the grant whose token asked for it,
    and when; a request may be applied long after it came in."""

    account: str
    grant: str | None = None
    asked_at: float | None = None


def record(
    db: sqlite3.Connection,
    actor: Actor,
    operation: str,
    profile: str | None = None,
    **entry: Any,
) -> None:
    """Write down an applied operation, inside the transaction that applies it."""
    if actor.asked_at is not None:
        entry["asked_at"] = actor.asked_at
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
    return [shown(row) for row in rows]


def latest(db: sqlite3.Connection, account: str, number: int) -> list[dict[str, Any]]:
    """The last so many of an account, newest first."""
    rows = db.execute(
        "SELECT * FROM journal WHERE account = ? ORDER BY seq DESC LIMIT ?", (account, number)
    )
    return [shown(row) for row in rows]


def shown(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "at": row["at"],
        "account": row["account"],
        "grant": row["grant_id"],
        "operation": row["operation"],
        "profile": row["profile"],
        **json.loads(row["entry"]),
    }
