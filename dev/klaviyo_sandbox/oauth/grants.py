"""Codes, grants and tokens: who may do what in which account (contract, sections 1.2 to 1.7).

Only digests of codes and tokens are kept.
"""

import base64
import hashlib
import json
import secrets
import sqlite3
import time
from dataclasses import dataclass

from dev.klaviyo_sandbox.settings import Settings


@dataclass(frozen=True)
class Grant:
    """What one consent gave one app in one account."""

    id: str
    account: str
    client_id: str
    scope: str

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.split())


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token(kind: str) -> str:
    """A token that carries nothing, as long as real ones and like them shaped like a JWT."""
    claims = {"typ": kind, "jti": secrets.token_hex(16), "iss": "klaviyo-sandbox"}
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}).encode(), json.dumps(claims).encode()]
    parts.append(secrets.token_bytes(192))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@dataclass(frozen=True)
class Consent:
    """What the account's owner allowed, waiting to be exchanged for tokens."""

    account: str
    client_id: str
    redirect_uri: str
    challenge: str
    scope: str


def new_code(db: sqlite3.Connection, consent: Consent, settings: Settings) -> str:
    """A code for this consent: single use, minutes only."""
    code = secrets.token_urlsafe(32)
    db.execute(
        "INSERT INTO codes (digest, account, client_id, redirect_uri, challenge, scope, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (digest(code), *vars(consent).values(), time.time() + settings.code_lifetime_s),
    )
    return code


def consent_of(db: sqlite3.Connection, code: str) -> Consent | None:
    """The consent behind a code that is neither used nor expired."""
    row = db.execute(
        "SELECT account, client_id, redirect_uri, challenge, scope FROM codes"
        " WHERE digest = ? AND NOT used AND expires_at > ?",
        (digest(code), time.time()),
    ).fetchone()
    return Consent(**dict(row)) if row else None


def spend_code(db: sqlite3.Connection, code: str) -> None:
    db.execute("UPDATE codes SET used = 1 WHERE digest = ?", (digest(code),))


def begin(db: sqlite3.Connection, account: str, client_id: str, scope: str) -> Grant:
    """A new grant beside the earlier ones of this app and account, which stay alive."""
    grant = Grant(secrets.token_hex(8), account, client_id, scope)
    db.execute(
        "INSERT INTO grants (id, account, client_id, scope, created_at) VALUES (?, ?, ?, ?, ?)",
        (grant.id, account, client_id, scope, time.time()),
    )
    return grant


def new_access_token(db: sqlite3.Connection, grant: Grant, settings: Settings) -> str:
    token = new_token("access")
    db.execute(
        "INSERT INTO access_tokens VALUES (?, ?, ?)",
        (digest(token), grant.id, time.time() + settings.expires_in_s),
    )
    return token


def new_refresh_token(db: sqlite3.Connection, grant: Grant) -> str:
    token = new_token("refresh")
    db.execute(
        "INSERT INTO refresh_tokens (digest, grant_id) VALUES (?, ?)", (digest(token), grant.id)
    )
    return token


def spend_refresh_token(db: sqlite3.Connection, token: str) -> None:
    """Note that a new one replaced it, and when it was first replaced."""
    db.execute(
        "UPDATE refresh_tokens SET spent_at = coalesce(spent_at, ?) WHERE digest = ?",
        (time.time(), digest(token)),
    )


def of_access_token(db: sqlite3.Connection, token: str) -> Grant | None:
    """The grant of an access token that is still good."""
    return as_grant(
        db,
        "JOIN access_tokens t ON t.grant_id = g.id WHERE t.digest = ? AND t.expires_at > ?",
        (digest(token), time.time()),
    )


def of_refresh_token(db: sqlite3.Connection, token: str) -> tuple[Grant, float | None] | None:
    """The living grant of a refresh token, and when the token was spent if it was."""
    match = "JOIN refresh_tokens t ON t.grant_id = g.id WHERE t.digest = ? AND g.ended_why IS NULL"
    grant = as_grant(db, match, (digest(token),))
    if grant is None:
        return None
    row = db.execute(
        "SELECT spent_at FROM refresh_tokens WHERE digest = ?", (digest(token),)
    ).fetchone()
    return grant, row["spent_at"]


def of_any_token(db: sqlite3.Connection, token: str) -> Grant | None:
    found = of_refresh_token(db, token)
    return found[0] if found else of_access_token(db, token)


def as_grant(db: sqlite3.Connection, match: str, values: tuple[str | float, ...]) -> Grant | None:
    row = db.execute(
        f"SELECT g.id, g.account, g.client_id, g.scope FROM grants g {match}",  # noqa: S608
        values,
    ).fetchone()
    return Grant(**dict(row)) if row else None


def end(db: sqlite3.Connection, grant_id: str, why: str) -> None:
    """Kill one grant and all its tokens."""
    db.execute(
        "UPDATE grants SET ended_why = ? WHERE id = ? AND ended_why IS NULL", (why, grant_id)
    )
    db.execute("DELETE FROM access_tokens WHERE grant_id = ?", (grant_id,))


def uninstall(
    db: sqlite3.Connection, account: str, why: str, *, keep_access_tokens: bool = False
) -> int:
    """End every grant of an account, as uninstalling the app does; says how many there were."""
    living = installed(db, account)
    for grant in living:
        if keep_access_tokens:
            db.execute("UPDATE grants SET ended_why = ? WHERE id = ?", (why, grant.id))
        else:
            end(db, grant.id, why)
    return len(living)


def installed(db: sqlite3.Connection, account: str) -> list[Grant]:
    """The living grants of an account, oldest first."""
    rows = db.execute(
        "SELECT id, account, client_id, scope FROM grants"
        " WHERE account = ? AND ended_why IS NULL ORDER BY created_at",
        (account,),
    )
    return [Grant(**dict(row)) for row in rows]


def expire_access_tokens(db: sqlite3.Connection, account: str | None) -> None:
    """Every access token of an account, or of all, is expired from now on."""
    db.execute(
        "DELETE FROM access_tokens WHERE ? IS NULL OR grant_id IN"
        " (SELECT id FROM grants WHERE account = ?)",
        (account, account),
    )
