"""GET /oauth/authorize: who asks for what, in which account, Allow or Deny (contract 1.2)."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from klaviyo_sandbox import accounts, grants
from klaviyo_sandbox.operations import SCOPES
from klaviyo_sandbox.sandbox import Sandbox, the_sandbox
from klaviyo_sandbox.settings import Settings
from klaviyo_sandbox.suffering import suffer
from klaviyo_sandbox.token_endpoint import oauth

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
CARRIED = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge_method",
    "code_challenge",
]


@dataclass(frozen=True)
class Wish:
    """An authorize request; the address to answer to has been checked."""

    redirect_uri: str
    state: str
    scopes: list[str]
    challenge: str
    carried: dict[str, str]


class UnknownAskerError(Exception):
    """Neither the app nor its address is known: nobody to send the browser back to."""


class BadWishError(Exception):
    """A known app asked wrongly; it is told so at its own address."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@oauth.get("/authorize")
def authorize() -> AnyResponse:
    sandbox = the_sandbox()
    arrival = sandbox.arrivals.note("oauth_authorize")
    fault = sandbox.faults.meet("oauth_authorize", None, request.full_path)
    response = suffer(fault, _ask) if fault else _ask()
    arrival.status = response.status_code
    return response


@oauth.post("/authorize")
def decide() -> AnyResponse:
    """Allow or Deny was pressed."""
    sandbox = the_sandbox()
    try:
        wish = read(request.form, sandbox.settings())
    except (UnknownAskerError, BadWishError) as wrong:
        return _refused(wrong, request.form)
    if request.form.get("decision") != "allow":
        return _back(wish.redirect_uri, wish.state, **_denied())
    code = _code(sandbox, wish, request.form.get("account", ""))
    if code is None:
        return _ask(status=400)
    return _back(wish.redirect_uri, wish.state, code=code)


def _ask(status: int = 200) -> Response:
    sandbox = the_sandbox()
    try:
        wish = read(request.values, sandbox.settings())
    except (UnknownAskerError, BadWishError) as wrong:
        return make_response(_refused(wrong, request.values))
    with sandbox.store.transaction() as db:
        choice = accounts.every(db)
    words = [(scope, SCOPES[scope]) for scope in wish.scopes]
    page = render_template("authorize.html", wish=wish, accounts=choice, scopes=words)
    response = make_response(page, status)
    # Chromium holds form-action against the redirect that answers the form as well.
    response.headers["Content-Security-Policy"] = _policy(wish.redirect_uri)
    return response


def _policy(redirect_uri: str) -> str:
    target = urlsplit(redirect_uri)
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        f" frame-ancestors 'none'; form-action 'self' {target.scheme}://{target.netloc}"
    )


def read(values: MultiDict[str, str], settings: Settings) -> Wish:
    """The wish in an authorize request; all parameters are required."""
    redirect_uri = values.get("redirect_uri", "")
    if values.get("client_id") != settings.client_id:
        raise UnknownAskerError("No app with this client_id is registered with the sandbox.")
    if redirect_uri not in settings.redirect_uris:
        raise UnknownAskerError("This redirect_uri is not on the app's list.")
    if values.get("response_type") != "code":
        raise BadWishError("unsupported_response_type", "response_type must be code.")
    if not values.get("state"):
        raise BadWishError("invalid_request", 'Missing "state" in request.')
    if values.get("code_challenge_method") != "S256":
        raise BadWishError("invalid_request", "code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(values.get("code_challenge", "")):
        raise BadWishError("invalid_request", 'Missing or malformed "code_challenge".')
    scopes = [scope for scope in values.get("scope", "").split() if scope in SCOPES]
    if not scopes:
        raise BadWishError("invalid_scope", "No known scope was asked for.")
    carried = {name: values[name] for name in CARRIED}
    unique = list(dict.fromkeys(scopes))
    return Wish(redirect_uri, values["state"], unique, values["code_challenge"], carried)


def _code(sandbox: Sandbox, wish: Wish, account_id: str) -> str | None:
    settings = sandbox.settings()
    granted = wish.scopes
    if settings.granted_scopes is not None:
        granted = [scope for scope in granted if scope in settings.granted_scopes]
    with sandbox.store.transaction() as db:
        account = accounts.find(db, account_id)
        if account is None:
            return None
        consent = grants.Consent(
            account=account.id,
            client_id=settings.client_id,
            redirect_uri=wish.redirect_uri,
            challenge=wish.challenge,
            scope=" ".join(granted),
        )
        return grants.new_code(db, consent, settings)


def _denied() -> dict[str, str]:
    return {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request",
    }


def _refused(wrong: UnknownAskerError | BadWishError, values: MultiDict[str, str]) -> AnyResponse:
    if isinstance(wrong, UnknownAskerError):
        return make_response(render_template("refused.html", why=str(wrong)), 400)
    told = {"error": wrong.error, "error_description": wrong.description}
    return _back(values["redirect_uri"], values.get("state", ""), **told)


def _back(redirect_uri: str, state: str, **told: str) -> AnyResponse:
    """Send the browser back to the app; whatever else its address carried stays."""
    if state:
        told["state"] = state
    joint = "&" if "?" in redirect_uri else "?"
    return redirect(f"{redirect_uri}{joint}{urlencode(told)}", 302)
