"""GET /oauth/authorize: who asks for what, where; Allow or Deny (contract, section 1.2)."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from dev.klaviyo_sandbox.api import accounts
from dev.klaviyo_sandbox.api.operations import SCOPES
from dev.klaviyo_sandbox.faults import responses
from dev.klaviyo_sandbox.oauth import grants
from dev.klaviyo_sandbox.oauth.token_endpoint import oauth
from dev.klaviyo_sandbox.sandbox import Sandbox, the_sandbox
from dev.klaviyo_sandbox.settings import Settings

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
class AuthorizeRequest:
    """An authorize request; the address to answer to has been checked."""

    redirect_uri: str
    state: str
    scopes: list[str]
    challenge: str
    carried: dict[str, str]


class UnknownClientError(Exception):
    """Neither the app nor its address is known: nobody to send the browser back to."""


class BadRequestError(Exception):
    """A known app asked wrongly; it is told so at its own address."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@oauth.get("/authorize")
def authorize() -> AnyResponse:
    sandbox = the_sandbox()
    logged = sandbox.request_log.note("oauth_authorize")
    fault = sandbox.faults.meet("oauth_authorize", None, request.full_path)
    response = responses.apply(fault, ask) if fault else ask()
    logged.status = response.status_code
    return response


@oauth.post("/authorize")
def decide() -> AnyResponse:
    """Allow or Deny was pressed."""
    sandbox = the_sandbox()
    try:
        wanted = read(request.form, sandbox.settings())
    except (UnknownClientError, BadRequestError) as wrong:
        return refused(wrong, request.form)
    if request.form.get("decision") != "allow":
        return back(wanted.redirect_uri, wanted.state, **denied())
    code = new_code(sandbox, wanted, request.form.get("account", ""))
    if code is None:
        return ask(status=400)
    return back(wanted.redirect_uri, wanted.state, code=code)


def ask(status: int = 200) -> Response:
    sandbox = the_sandbox()
    try:
        wanted = read(request.values, sandbox.settings())
    except (UnknownClientError, BadRequestError) as wrong:
        return make_response(refused(wrong, request.values))
    with sandbox.store.transaction() as db:
        choice = accounts.every(db)
    words = [(scope, SCOPES[scope]) for scope in wanted.scopes]
    page = render_template("authorize.html", wanted=wanted, accounts=choice, scopes=words)
    response = make_response(page, status)
    # Chromium holds form-action against the redirect that answers the form as well.
    response.headers["Content-Security-Policy"] = policy(wanted.redirect_uri)
    return response


def policy(redirect_uri: str) -> str:
    target = urlsplit(redirect_uri)
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        f" frame-ancestors 'none'; form-action 'self' {target.scheme}://{target.netloc}"
    )


def read(values: MultiDict[str, str], settings: Settings) -> AuthorizeRequest:
    """What an authorize request asks for; all parameters are required."""
    redirect_uri = values.get("redirect_uri", "")
    if values.get("client_id") != settings.client_id:
        raise UnknownClientError("No app with this client_id is registered with the sandbox.")
    if redirect_uri not in settings.redirect_uris:
        raise UnknownClientError("This redirect_uri is not on the app's list.")
    if values.get("response_type") != "code":
        raise BadRequestError("unsupported_response_type", "response_type must be code.")
    if not values.get("state"):
        raise BadRequestError("invalid_request", 'Missing "state" in request.')
    if values.get("code_challenge_method") != "S256":
        raise BadRequestError("invalid_request", "code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(values.get("code_challenge", "")):
        raise BadRequestError("invalid_request", 'Missing or malformed "code_challenge".')
    scopes = [scope for scope in values.get("scope", "").split() if scope in SCOPES]
    if not scopes:
        raise BadRequestError("invalid_scope", "No known scope was asked for.")
    carried = {name: values[name] for name in CARRIED}
    unique = list(dict.fromkeys(scopes))
    return AuthorizeRequest(
        redirect_uri, values["state"], unique, values["code_challenge"], carried
    )


def new_code(sandbox: Sandbox, wanted: AuthorizeRequest, account_id: str) -> str | None:
    settings = sandbox.settings()
    granted = wanted.scopes
    if settings.granted_scopes is not None:
        granted = [scope for scope in granted if scope in settings.granted_scopes]
    with sandbox.store.transaction() as db:
        account = accounts.find(db, account_id)
        if account is None:
            return None
        consent = grants.Consent(
            account=account.id,
            client_id=settings.client_id,
            redirect_uri=wanted.redirect_uri,
            challenge=wanted.challenge,
            scope=" ".join(granted),
        )
        return grants.new_code(db, consent, settings)


def denied() -> dict[str, str]:
    return {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request",
    }


def refused(
    wrong: UnknownClientError | BadRequestError, values: MultiDict[str, str]
) -> AnyResponse:
    if isinstance(wrong, UnknownClientError):
        return make_response(render_template("refused.html", why=str(wrong)), 400)
    told = {"error": wrong.error, "error_description": wrong.description}
    return back(values["redirect_uri"], values.get("state", ""), **told)


def back(redirect_uri: str, state: str, **told: str) -> AnyResponse:
    """Send the browser back to the app; whatever else its address carried stays."""
    if state:
        told["state"] = state
    joint = "&" if "?" in redirect_uri else "?"
    return redirect(f"{redirect_uri}{joint}{urlencode(told)}", 302)
