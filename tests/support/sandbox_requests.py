"""What the tests of the sandbox send."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess, new_pkce

SUPPRESS = "profile-suppression-bulk-create-job"
VERIFIER, CHALLENGE = new_pkce()


def authorize_url(sandbox: SandboxProcess, **changes: str | None) -> str:
    """An authorize request in order, but for the changes; None leaves a parameter out."""
    wanted = {
        "response_type": "code",
        "client_id": sandbox.client_id,
        "redirect_uri": sandbox.redirect_uri,
        "scope": "accounts:read profiles:read profiles:write",
        "state": "a-state",
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
        **changes,
    }
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    return f"{sandbox.url}/oauth/authorize?{query}"


def told(location: str) -> dict[str, str]:
    """What the address that the browser is sent to says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def code(sandbox: SandboxProcess, account: str = LOTUS.id, **changes: str | None) -> str:
    """A code, freshly allowed."""
    return told(sandbox.authorize(authorize_url(sandbox, **changes), account=account))["code"]


def exchange(sandbox: SandboxProcess, **changes: str) -> requests.Response:
    """The exchange of a code, in order but for the changes."""
    form = {
        "grant_type": "authorization_code",
        "code_verifier": VERIFIER,
        "redirect_uri": sandbox.redirect_uri,
        **changes,
    }
    return sandbox.oauth("token", **form)


def refresh(sandbox: SandboxProcess, token: str) -> requests.Response:
    return sandbox.oauth("token", grant_type="refresh_token", refresh_token=token)


def person(email: str | None = None, **attributes: Any) -> dict[str, Any]:
    """The document that writes a profile."""
    named = {"email": email} if email else {}
    return {"data": {"type": "profile", "attributes": {**named, **attributes}}}


def change(profile_id: str, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}


def batch(*emails: str) -> dict[str, Any]:
    """The document that suppresses these addresses."""
    people = [{"type": "profile", "attributes": {"email": email}} for email in emails]
    return {"data": {"type": SUPPRESS, "attributes": {"profiles": {"data": people}}}}


def merge(destination: str, source: str) -> dict[str, Any]:
    profiles = {"data": [{"type": "profile", "id": source}]}
    return {
        "data": {
            "type": "profile-merge",
            "id": destination,
            "relationships": {"profiles": profiles},
        }
    }


def pointers(answer: requests.Response) -> list[str]:
    """Where the errors of an answer point."""
    return [
        error["source"].get("pointer") or error["source"]["parameter"]
        for error in answer.json()["errors"]
    ]
