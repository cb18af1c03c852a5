"""OAuth 2 with Klaviyo: authorize, exchange, refresh, revoke (RFC 6749, 7636, 7009; contract 1).

The client's id and secret travel in the Basic header alone, bodies are forms.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from integrations.klaviyo import answers, http
from integrations.klaviyo.http import Answer, NoAnswer

VERIFIER_BYTES = 64  # 86 characters of base64url; RFC 7636 allows 43 to 128
LIFE_UNTOLD_S = 300  # `expires_in` is only recommended: a token must not be lost for want of it


class GrantDead(Exception):
    """`invalid_grant`: uninstalled, revoked, unused for 90 days, or a spent code."""


class ConfigurationRefused(Exception):
    """Klaviyo does not accept our client id, secret or request: for the operator, no studio's."""


class OAuthUnavailable(Exception):
    """No usable answer now; nothing is known about the grant. Try again.

    `may_be_done` tells whether Klaviyo may have carried the request out all the same.
    """

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
    grant = _token(
        grant_type="authorization_code",
        code=code,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
    )
    if not grant.refresh_token:
        raise OAuthUnavailable("the answer has no refresh token")
    return grant


def refresh(refresh_token: str) -> Grant:
    """A new access token. The refresh token may come back changed, unchanged or not at all."""
    return _token(grant_type="refresh_token", refresh_token=refresh_token)


def revoke(refresh_token: str) -> None:
    """Kill the grant and uninstall the app there; an already revoked one is fine (contract 1.7)."""
    answer = _post("/oauth/revoke", token=refresh_token, token_type_hint="refresh_token")  # noqa: S106
    is_page = answer.headers.get("Content-Type", "").startswith("text/html")  # maintenance, edge
    if is_page or (answer.status >= 300 and _error(answer) != "invalid_grant"):
        raise OAuthUnavailable(f"revoke answered {answer.status}")


def _token(**form: str) -> Grant:
    answer = _post("/oauth/token", **form)
    if answer.status != 200:
        raise _refusal(answer)
    try:
        return _grant(answer.json())
    except (NoAnswer, AttributeError, KeyError, TypeError) as error:
        raise OAuthUnavailable("the answer is no token answer") from error


def _post(path: str, **form: str) -> Answer:
    basic = (settings.KLAVIYO_CLIENT_ID, settings.KLAVIYO_CLIENT_SECRET)
    try:
        return http.send(
            "POST",
            settings.KLAVIYO_API_URL + path,
            headers={"Accept": "application/json"},
            form=form,
            basic=basic,
        )
    except NoAnswer as error:
        raise OAuthUnavailable(str(error), may_be_done=error.sent) from error


def _grant(body: dict[str, Any]) -> Grant:
    return Grant(
        access_token=_text(body["access_token"]),
        refresh_token=_text(body.get("refresh_token") or ""),
        scopes=frozenset(_text(body.get("scope") or "").split()),
        expires_in_s=_seconds(body.get("expires_in")),
    )


def _seconds(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return LIFE_UNTOLD_S


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a token answer's values are text")
    return value


def _refusal(answer: Answer) -> Exception:
    """Only 400 `invalid_grant` means that the grant is dead (contract 1.5)."""
    error = _error(answer)
    if answer.status == 400 and error == "invalid_grant":
        return GrantDead()
    if answer.status in (400, 401) and error:
        return ConfigurationRefused(error)
    return OAuthUnavailable(
        f"the token endpoint answered {answer.status}",
        may_be_done=answer.status >= 500,
        wait_s=answers.retry_after_s(answer.headers),
    )


def _error(answer: Answer) -> str:
    try:
        body = answer.json()
    except NoAnswer:
        return ""
    error = body.get("error") if isinstance(body, dict) else ""
    return error if isinstance(error, str) else ""
