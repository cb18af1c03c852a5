"""Where the sandbox keeps what it must not forget: one SQLite file, or memory.

Every transaction is written through to the operating system before it is acknowledged, so a
killed sandbox comes back with all it answered for. One lock makes all changes one line.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, organization TEXT NOT NULL, timezone TEXT NOT NULL, locale TEXT NOT NULL,
    currency TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS codes (
    digest TEXT PRIMARY KEY, account TEXT NOT NULL, client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL, scope TEXT NOT NULL,
    expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS grants (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, client_id TEXT NOT NULL, scope TEXT NOT NULL,
    created_at REAL NOT NULL, ended_why TEXT
);
CREATE INDEX IF NOT EXISTS grants_by_account ON grants (account, client_id);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    digest TEXT PRIMARY KEY, grant_id TEXT NOT NULL, spent_at REAL
);
CREATE TABLE IF NOT EXISTS access_tokens (
    digest TEXT PRIMARY KEY, grant_id TEXT NOT NULL, expires_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS access_tokens_by_grant ON access_tokens (grant_id);
CREATE TABLE IF NOT EXISTS profiles (
    account TEXT NOT NULL, id TEXT NOT NULL, email TEXT, email_key TEXT, phone_number TEXT,
    external_id TEXT, details TEXT NOT NULL, suppressions TEXT NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL, PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS one_profile_per_email ON profiles (account, email_key);
CREATE UNIQUE INDEX IF NOT EXISTS one_profile_per_phone ON profiles (account, phone_number);
CREATE UNIQUE INDEX IF NOT EXISTS one_profile_per_external_id ON profiles (account, external_id);
CREATE INDEX IF NOT EXISTS profiles_by_created ON profiles (account, created, id);
CREATE TABLE IF NOT EXISTS merged (
    account TEXT NOT NULL, id TEXT NOT NULL, into_id TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, account TEXT NOT NULL,
    grant_id TEXT, operation TEXT NOT NULL, profile TEXT, entry TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS journal_by_account ON journal (account, seq);
"""
TABLES = [
    "settings",
    "accounts",
    "codes",
    "grants",
    "refresh_tokens",
    "access_tokens",
    "profiles",
    "merged",
    "journal",
]


class Store:
    """One connection behind one lock: what SQLite would serialise anyway, without its waiting."""

    def __init__(self, path: Path | None) -> None:
        self._lock = RLock()
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None
        )
        self._db.row_factory = sqlite3.Row
        # SQLite folds the case of ASCII only.
        self._db.create_function("folded", 1, str.casefold, deterministic=True)
        # WAL with synchronous=OFF survives the death of the process, if not that of the machine.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, one at a time; inside another one, part of that."""
        with self._lock:
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything; sequence numbers go on, so that no reader meets one twice."""
        with self.transaction() as db:
            for table in TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608  (names from the list above)

    def close(self) -> None:
        with self._lock:
            self._db.close()
