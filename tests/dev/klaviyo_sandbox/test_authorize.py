"""The consent page (contract, section 1.2)."""

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import STAN, SandboxProcess
from tests.support.sandbox_requests import authorize_url, code, exchange, told


def test_allow_sends_a_code_and_the_state_back(sandbox: SandboxProcess) -> None:
    url = authorize_url(sandbox)

    location = sandbox.authorize(url)

    assert location.startswith(sandbox.redirect_uri)
    assert told(location).keys() == {"code", "state"}
    assert told(location)["state"] == "a-state"


def test_deny_sends_access_denied_and_the_state_back(sandbox: SandboxProcess) -> None:
    url = authorize_url(sandbox)

    answer = told(sandbox.authorize(url, allow=False))

    assert answer["error"] == "access_denied"
    assert answer["error_description"]
    assert answer["state"] == "a-state"
    assert "code" not in answer


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_a_wrong_request_is_told_so_at_the_apps_address(
    sandbox: SandboxProcess, changes: dict[str, str | None], error: str
) -> None:
    url = authorize_url(sandbox, **changes)

    location = sandbox.authorize(url)

    assert location.startswith(sandbox.redirect_uri)
    assert told(location)["error"] == error


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "http://localhost:8000/integrations/klaviyo/callback"},
        {"redirect_uri": "https://elsewhere.test/"},
        {"redirect_uri": None},
    ],
)
def test_an_unknown_asker_is_sent_nowhere(
    sandbox: SandboxProcess, changes: dict[str, str | None]
) -> None:
    url = authorize_url(sandbox, **changes)

    answer = requests.get(url, allow_redirects=False, timeout=5)

    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_the_page_names_scopes_and_accounts_and_has_no_inline_code(
    sandbox: SandboxProcess,
) -> None:
    url = authorize_url(sandbox)

    page = requests.get(url, timeout=5)

    assert "See the people in your account" in page.text
    assert "Lotus Yoga Berlin" in page.text
    assert "Stan&#39;s Pilates" in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "form-action 'self' http://localhost:8000" in page.headers["Content-Security-Policy"]


def test_unknown_scopes_are_ignored(sandbox: SandboxProcess) -> None:
    allowed = code(sandbox, scope="accounts:read unheard:of")

    tokens = exchange(sandbox, code=allowed).json()

    assert tokens["scope"] == "accounts:read"


def test_fewer_scopes_may_be_granted_than_asked_for(sandbox: SandboxProcess) -> None:
    sandbox.configure(granted_scopes=["accounts:read", "profiles:read"])

    tokens = exchange(sandbox, code=code(sandbox)).json()

    assert tokens["scope"] == "accounts:read profiles:read"


def test_the_owner_chooses_the_account(sandbox: SandboxProcess) -> None:
    allowed = code(sandbox, account=STAN.id)

    tokens = exchange(sandbox, code=allowed).json()

    account = sandbox.call("GET", "accounts", tokens["access_token"]).json()["data"][0]
    assert account["id"] == STAN.id
    assert account["attributes"]["contact_information"]["organization_name"] == "Stan's Pilates"


def test_a_page_elsewhere_can_not_press_allow(sandbox: SandboxProcess) -> None:
    form = {**told(authorize_url(sandbox)), "account": STAN.id, "decision": "allow"}

    answer = requests.post(
        f"{sandbox.url}/oauth/authorize",
        form,
        headers={"Origin": "https://elsewhere.test"},
        allow_redirects=False,
        timeout=5,
    )

    assert answer.status_code == 403
