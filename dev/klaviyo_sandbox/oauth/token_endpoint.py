"""POST /oauth/token and /oauth/revoke: codes and refresh tokens against tokens.

Contract, sections 1.3 to 1.7. Errors are plain OAuth JSON, and only `invalid_grant` says that a
grant is dead.
"""

import base64
import hashlib
import hmac
import re
import sqlite3
import time
from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from dev.klaviyo_sandbox import journal
from dev.klaviyo_sandbox.faults import responses
from dev.klaviyo_sandbox.journal import Actor
from dev.klaviyo_sandbox.oauth import grants
from dev.klaviyo_sandbox.sandbox import Sandbox, the_sandbox
from dev.klaviyo_sandbox.settings import Settings

VERIFIER = re.compile(r"[a-zA-Z0-9\-._~]{43,128}")
FORM = "application/x-www-form-urlencoded"

oauth = Blueprint("oauth", __name__, url_prefix="/oauth")


class OAuthError(Exception):
    """A refusal in OAuth's words."""

    def __init__(self, error: str, description: str, status: int = 400, wait_s: int = 0) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status
        self.wait_s = wait_s

    def response(self) -> Response:
        response = jsonify(error=self.error, error_description=self.description)
        response.status_code = self.status
        if self.wait_s:
            response.headers["Retry-After"] = str(self.wait_s)
        return response


@oauth.post("/token")
def token() -> Response:
    kinds = {"authorization_code": "oauth_exchange", "refresh_token": "oauth_refresh"}
    grant_type = request.form.get("grant_type", "")
    return suffered(kinds.get(grant_type, "oauth_token"), handle_token)


@oauth.post("/revoke")
def revoke() -> Response:
    return suffered("oauth_revoke", handle_revoke)


def suffered(operation: str, carry_out: Callable[[Sandbox], Response]) -> Response:
    """The answer as the faults in force leave it; the request is logged."""
    sandbox = the_sandbox()
    logged = sandbox.request_log.note(operation)
    logged.account = account_of(sandbox)

    def apply() -> Response:
        try:
            return carry_out(sandbox)
        except OAuthError as refusal:
            return refusal.response()

    fault = sandbox.faults.meet(operation, logged.account, request.get_data(as_text=True))
    logged.fault = fault.fault if fault else None
    response = responses.apply(fault, apply) if fault else apply()
    logged.status = 0 if "X-Sandbox-Reset" in response.headers else response.status_code
    response.headers["Cache-Control"] = "no-store"
    return response


def account_of(sandbox: Sandbox) -> str | None:
    """Whose request it is, as far as its code or token tells."""
    with sandbox.store.transaction() as db:
        consent = grants.consent_of(db, request.form.get("code", ""))
        held = request.form.get("refresh_token") or request.form.get("token", "")
        grant = grants.of_any_token(db, held)
    return consent.account if consent else grant.account if grant else None


def handle_token(sandbox: Sandbox) -> Response:
    settings = sandbox.settings()
    check_client(settings)
    if request.mimetype != FORM:
        raise OAuthError("invalid_grant_type", "The body must be form encoded.")
    kinds = {"authorization_code": exchange, "refresh_token": refresh}
    carry_out = kinds.get(request.form.get("grant_type", ""))
    if carry_out is None:
        raise OAuthError("invalid_grant_type", "Unsupported grant type.")
    return carry_out(sandbox, settings)


def check_client(settings: Settings) -> None:
    """Id and secret in the Basic header, nowhere else (contract, section 1.3)."""
    given = request.authorization
    wanted = f"{settings.client_id}:{settings.client_secret}".encode()
    sent = b""
    if given is not None and given.type == "basic":
        sent = f"{given.username}:{given.password}".encode()
    if "client_secret" in request.form or not hmac.compare_digest(sent, wanted):
        raise OAuthError("invalid_client", "Client authentication failed.", status=401)


def exchange(sandbox: Sandbox, settings: Settings) -> Response:
    verifier = request.form.get("code_verifier", "")
    if not VERIFIER.fullmatch(verifier):
        raise OAuthError("invalid_request", 'Invalid "code_verifier"')
    with sandbox.store.transaction() as db:
        consent = grants.consent_of(db, request.form.get("code", ""))
        if consent is None or consent.client_id != settings.client_id:
            raise OAuthError("invalid_grant", 'Invalid "code" in request.')
        if consent.redirect_uri != request.form.get("redirect_uri"):
            raise OAuthError("invalid_grant", 'Invalid "redirect_uri" in request.')
        if not hmac.compare_digest(consent.challenge, challenge_of(verifier)):
            raise OAuthError("invalid_grant", "Code challenge failed.")
        grants.spend_code(db, request.form["code"])
        return issue(db, consent.account, consent.client_id, consent.scope, settings)


def challenge_of(verifier: str) -> str:
    """S256: base64url without padding of the verifier's SHA-256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def issue(
    db: sqlite3.Connection, account: str, client_id: str, scope: str, settings: Settings
) -> Response:
    """Install the app: a new grant with its first two tokens."""
    grant = grants.begin(db, account, client_id, scope)
    journal.record(db, Actor(account, grant.id), "install", scope=scope)
    return tokens(db, grant, grants.new_refresh_token(db, grant), settings)


def tokens(
    db: sqlite3.Connection, grant: grants.Grant, refresh_token: str | None, settings: Settings
) -> Response:
    answer = {
        "access_token": grants.new_access_token(db, grant, settings),
        "token_type": "bearer",
        "expires_in": int(settings.expires_in_s),
        "scope": grant.scope,
    }
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token
    return jsonify(answer)


def refresh(sandbox: Sandbox, settings: Settings) -> Response:
    """Klaviyo was seen to return the same token; others rotate (contract, section 1.4)."""
    sent = request.form.get("refresh_token", "")
    with sandbox.store.transaction() as db:
        found = grants.of_refresh_token(db, sent)
        if found is None:
            raise OAuthError("invalid_grant", "The refresh token is invalid or was revoked.")
        grant, spent_at = found
        wait_s = sandbox.limits.take_refresh(grant.account, grant.client_id, settings)
        if wait_s:
            raise OAuthError("rate_limited", "Too many refreshes.", status=429, wait_s=wait_s)
        reused = spent_at is not None and not may_be_reused(spent_at, settings)
        if reused and settings.rotation == "strict":
            grants.end(db, grant.id, "a spent refresh token was used again")
            journal.record(db, Actor(grant.account, grant.id), "grant_killed")
        if not reused:
            return tokens(db, grant, rotated(db, grant, sent, settings), settings)
    raise OAuthError("invalid_grant", "The refresh token was already used.")


def may_be_reused(spent_at: float, settings: Settings) -> bool:
    if settings.rotation == "strict":
        return False
    return settings.rotation != "grace" or time.time() < spent_at + settings.grace_s


def rotated(
    db: sqlite3.Connection, grant: grants.Grant, sent: str, settings: Settings
) -> str | None:
    if settings.rotation == "same":
        return sent
    if settings.rotation == "none":
        return None
    grants.spend_refresh_token(db, sent)
    return grants.new_refresh_token(db, grant)


def handle_revoke(sandbox: Sandbox) -> Response:
    """The app is uninstalled; unknown tokens are fine (contract, section 1.7)."""
    check_client(sandbox.settings())
    if request.mimetype != FORM or not request.form.get("token"):
        raise OAuthError("invalid_request", 'Missing "token" in request.')
    with sandbox.store.transaction() as db:
        grant = grants.of_any_token(db, request.form["token"])
        if grant is not None:
            grants.uninstall(db, grant.account, "revoked by the app")
            journal.record(db, Actor(grant.account, grant.id), "oauth_revoke")
    return jsonify(success=True)
