"""People in an account: who is who, and what is kept of each (contract, sections 4 to 6).

An email is one identity whatever its case; its spelling is kept as it was stored.
"""

import json
import sqlite3
import time
from dataclasses import dataclass, field
from typing import Any

from dev.klaviyo_sandbox.clock import iso_now, new_id

IDENTIFIERS = ("email", "phone_number", "external_id")
COLUMNS = {"email": "email_key", "phone_number": "phone_number", "external_id": "external_id"}


@dataclass
class Profile:
    """One person; `details` are the attributes that identify nobody."""

    id: str = field(default_factory=new_id)
    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    suppressions: list[dict[str, str]] = field(default_factory=list)
    created: str = field(default_factory=iso_now)
    updated: str = field(default_factory=iso_now)

    def take(self, attributes: dict[str, Any], unset: list[str] | None = None) -> None:
        """Null clears, omission keeps; properties are merged by key (contract, section 4.6)."""
        for name, value in attributes.items():
            if name in IDENTIFIERS:
                setattr(self, name, value)
            elif name in ("properties", "location") and value is not None:
                self.details[name] = {**(self.details.get(name) or {}), **value}
            else:
                self.details[name] = value
        for key in unset or []:
            (self.details.get("properties") or {}).pop(key, None)
        self.updated = iso_now()

    def suppress(self, reason: str = "USER_SUPPRESSED") -> None:
        """Each reason stands once, with the time it came first."""
        if all(one["reason"] != reason for one in self.suppressions):
            self.suppressions.append({"reason": reason, "timestamp": iso_now()})

    @property
    def is_anybody(self) -> bool:
        return any(getattr(self, name) for name in IDENTIFIERS)


def email_key(email: str) -> str:
    """What makes two spellings of an address one identity."""
    return email.strip().lower()


def find(db: sqlite3.Connection, account: str, profile_id: str, merged_s: float) -> Profile | None:
    """By id; the id of a merged profile leads to the one it went into, for `merged_s` seconds."""
    row = db.execute(
        "SELECT * FROM profiles WHERE account = ? AND id = coalesce("
        "(SELECT into_id FROM merged WHERE account = ? AND id = ? AND at > ?), ?)",
        (account, account, profile_id, time.time() - merged_s, profile_id),
    ).fetchone()
    return from_row(row) if row else None


def by_identifier(db: sqlite3.Connection, account: str, name: str, value: str) -> Profile | None:
    """The profile that owns this email, phone number or external id."""
    row = db.execute(
        f"SELECT * FROM profiles WHERE account = ? AND {COLUMNS[name]} = ?",  # noqa: S608
        (account, email_key(value) if name == "email" else value),
    ).fetchone()
    return from_row(row) if row else None


def in_the_way(
    db: sqlite3.Connection, account: str, attributes: dict[str, Any], but: str | None
) -> Profile | None:
    """Another profile that already owns one of these identifiers."""
    for name in IDENTIFIERS:
        if attributes.get(name):
            owner = by_identifier(db, account, name, attributes[name])
            if owner is not None and owner.id != but:
                return owner
    return None


def save(db: sqlite3.Connection, account: str, profile: Profile) -> None:
    db.execute(
        "REPLACE INTO profiles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account,
            profile.id,
            profile.email,
            email_key(profile.email) if profile.email else None,
            profile.phone_number,
            profile.external_id,
            json.dumps(profile.details),
            json.dumps(profile.suppressions),
            profile.created,
            profile.updated,
        ),
    )


def delete(db: sqlite3.Connection, account: str, profile_id: str) -> bool:
    """False if there was none."""
    statement = "DELETE FROM profiles WHERE account = ? AND id = ?"
    return db.execute(statement, (account, profile_id)).rowcount > 0


def count(db: sqlite3.Connection, account: str) -> tuple[int, int]:
    """How many profiles, and how many of them are suppressed."""
    row = db.execute(
        "SELECT count(*), count(CASE WHEN suppressions <> '[]' THEN 1 END) FROM profiles"
        " WHERE account = ?",
        (account,),
    ).fetchone()
    return row[0], row[1]


def from_row(row: sqlite3.Row) -> Profile:
    return Profile(
        id=row["id"],
        email=row["email"],
        phone_number=row["phone_number"],
        external_id=row["external_id"],
        details=json.loads(row["details"]),
        suppressions=json.loads(row["suppressions"]),
        created=row["created"],
        updated=row["updated"],
    )
