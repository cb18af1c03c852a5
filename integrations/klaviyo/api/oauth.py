"""OAuth 2 with Klaviyo: authorize, exchange, refresh, revoke.

RFC 6749, 7636 and 7009, and what Klaviyo makes of them (contract, section 1). The client's id and
secret travel in the Basic header alone, bodies are forms.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from integrations import http
from integrations.http import Answer, NoAnswerError
from integrations.klaviyo.api import errors, statistics
from integrations.klaviyo.models import Tally

VERIFIER_BYTES = 64  # 86 characters of base64url; RFC 7636 allows 43 to 128
LIFE_UNTOLD_S = 300  # `expires_in` is only recommended: a token must not be lost for want of it


class GrantDeadError(Exception):
    """`invalid_grant`: uninstalled, revoked, unused for 90 days, or a spent code."""

    result = "dead"  # of a refresh, in our statistics


class ConfigurationRefusedError(Exception):
    """Klaviyo does not accept our client id, secret or request: for the operator, no studio's."""

    result = "refused"


class OAuthUnavailableError(Exception):
    """No usable answer now; nothing is known about the grant. Try again.

    `may_be_done` tells whether Klaviyo may have carried the request out all the same.
    """

    result = "unavailable"

    def __init__(self, why: str, *, may_be_done: bool = True, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.may_be_done = may_be_done
        self.wait_s = wait_s


@dataclass(frozen=True)
class Grant:
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # empty where a refresh brought none: keep the old one
    scopes: frozenset[str]
    expires_in_s: int


def new_verifier() -> str:
    return secrets.token_urlsafe(VERIFIER_BYTES)


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(*, state: str, verifier: str, scopes: str, redirect_uri: str) -> str:
    query = urlencode(
        {
            "response_type": "code",
            "client_id": settings.KLAVIYO_CLIENT_ID,
            "redirect_uri": redirect_uri,
            "scope": scopes,
            "state": state,
            "code_challenge_method": "S256",
            "code_challenge": challenge_of(verifier),
        }
    )
    return f"{settings.KLAVIYO_AUTHORIZE_URL}?{query}"


def exchange(*, code: str, verifier: str, redirect_uri: str) -> Grant:
    grant = request_token(
        grant_type="authorization_code",
        code=code,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
    )
    if not grant.refresh_token:
        raise OAuthUnavailableError("the answer has no refresh token")
    return grant


def refresh(refresh_token: str) -> Grant:
    """A new access token. The refresh token may come back changed, unchanged or not at all."""
    result = "renewed"
    try:
        return request_token(grant_type="refresh_token", refresh_token=refresh_token)
    except (GrantDeadError, ConfigurationRefusedError, OAuthUnavailableError) as error:
        result = error.result
        raise
    finally:
        statistics.count(Tally.What.REFRESH, outcome=result)


def revoke(refresh_token: str) -> None:
    """Kill the grant and uninstall the app; a revoked one is fine (contract, section 1.7)."""
    answer = post("/oauth/revoke", token=refresh_token, token_type_hint="refresh_token")  # noqa: S106
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")  # maintenance, edge
    if is_page or (answer.status >= 300 and error_of(answer) != "invalid_grant"):
        raise OAuthUnavailableError(f"revoke answered {answer.status}")


def request_token(**form: str) -> Grant:
    answer = post("/oauth/token", **form)
    if answer.status != 200:
        raise refusal(answer)
    try:
        return as_grant(answer.json())
    except (NoAnswerError, AttributeError, KeyError, TypeError) as error:
        raise OAuthUnavailableError("the answer is no token answer") from error


def post(path: str, **form: str) -> Answer:
    basic = (settings.KLAVIYO_CLIENT_ID, settings.KLAVIYO_CLIENT_SECRET)
    send = partial(
        http.send,
        "POST",
        settings.KLAVIYO_API_URL + path,
        headers={"Accept": "application/json"},
        form=form,
        basic=basic,
    )
    try:
        return statistics.timed(path.strip("/").replace("/", "_"), send)
    except NoAnswerError as error:
        raise OAuthUnavailableError(str(error), may_be_done=error.sent) from error


def as_grant(body: dict[str, Any]) -> Grant:
    return Grant(
        access_token=text(body["access_token"]),
        refresh_token=text(body.get("refresh_token") or ""),
        scopes=frozenset(text(body.get("scope") or "").split()),
        expires_in_s=seconds(body.get("expires_in")),
    )


def seconds(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return LIFE_UNTOLD_S


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a token answer's values are text")
    return value


def refusal(answer: Answer) -> Exception:
    """Only 400 `invalid_grant` means that the grant is dead (contract, section 1.5)."""
    error = error_of(answer)
    if answer.status == 400 and error == "invalid_grant":
        return GrantDeadError()
    if answer.status in (400, 401) and error:
        return ConfigurationRefusedError(error)
    return OAuthUnavailableError(
        f"the token endpoint answered {answer.status}",
        may_be_done=answer.status >= 500,
        wait_s=errors.retry_after_s(answer.headers),
    )


def error_of(answer: Answer) -> str:
    try:
        body = answer.json()
    except NoAnswerError:
        return ""
    error = body.get("error") if isinstance(body, dict) else ""
    return error if isinstance(error, str) else ""
