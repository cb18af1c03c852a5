"""Codes against tokens, refreshing and revoking (contract, sections 1.3 to 1.7)."""

from base64 import b64encode

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import STAN, SandboxProcess, new_pkce
from tests.support.sandbox_requests import code, exchange, refresh


def works(sandbox: SandboxProcess, access_token: str) -> bool:
    return sandbox.call("GET", "profiles", access_token).status_code == 200


def test_a_code_is_exchanged_once(sandbox: SandboxProcess) -> None:
    allowed = code(sandbox)

    first, second = exchange(sandbox, code=allowed), exchange(sandbox, code=allowed)

    assert first.json().keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
    }
    assert first.json()["expires_in"] == 3600
    assert works(sandbox, first.json()["access_token"])
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"code": "unknown"}, "invalid_grant", "code"),
        ({"redirect_uri": "https://elsewhere.test/"}, "invalid_grant", "redirect_uri"),
        ({"code_verifier": new_pkce()[0]}, "invalid_grant", "Code challenge failed."),
        ({"code_verifier": "short"}, "invalid_request", 'Invalid "code_verifier"'),
        ({"code_verifier": "ü" * 50}, "invalid_request", 'Invalid "code_verifier"'),
        ({"grant_type": "password"}, "invalid_grant_type", ""),
    ],
)
def test_a_wrong_exchange_is_refused(
    sandbox: SandboxProcess, changes: dict[str, str], error: str, description: str
) -> None:
    allowed = code(sandbox)

    answer = exchange(sandbox, **{"code": allowed, **changes})

    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert description in answer.json()["error_description"]
    assert sandbox.grants() == []


def test_an_old_code_is_refused(sandbox: SandboxProcess) -> None:
    sandbox.configure(code_lifetime_s=0)

    answer = exchange(sandbox, code=code(sandbox))

    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("header", [None, "Basic nonsense", "Bearer x", "wrong secret"])
def test_the_app_proves_itself_by_basic_authentication_only(
    sandbox: SandboxProcess, header: str | None
) -> None:
    if header == "wrong secret":
        header = "Basic " + b64encode(f"{sandbox.client_id}:guess".encode()).decode()
    secret = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    form = {"grant_type": "refresh_token", "refresh_token": "x", **({} if header else secret)}

    answer = requests.post(
        f"{sandbox.url}/oauth/token",
        form,
        headers={"Authorization": header} if header else {},
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_secret_in_the_body_is_refused_beside_a_good_header(sandbox: SandboxProcess) -> None:
    held = sandbox.issue_tokens()["refresh_token"]
    secret = {"client_secret": sandbox.client_secret}

    answer = sandbox.oauth("token", grant_type="refresh_token", refresh_token=held, **secret)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_json_body_is_not_understood(sandbox: SandboxProcess) -> None:
    answer = requests.post(
        f"{sandbox.url}/oauth/token",
        json={"grant_type": "refresh_token"},
        auth=(sandbox.client_id, sandbox.client_secret),
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant_type")


def test_rotation_same_gives_the_same_token_back(sandbox: SandboxProcess) -> None:
    tokens = sandbox.issue_tokens()

    fresh = refresh(sandbox, tokens["refresh_token"]).json()

    assert fresh["refresh_token"] == tokens["refresh_token"]
    assert fresh["access_token"] != tokens["access_token"]
    assert works(sandbox, tokens["access_token"])
    assert works(sandbox, fresh["access_token"])


def test_rotation_none_gives_no_token_and_the_old_one_lives_on(sandbox: SandboxProcess) -> None:
    sandbox.configure(rotation="none")
    tokens = sandbox.issue_tokens()

    fresh = refresh(sandbox, tokens["refresh_token"]).json()

    assert "refresh_token" not in fresh
    assert refresh(sandbox, tokens["refresh_token"]).ok


def test_rotation_grace_lets_the_old_token_live_for_a_while(sandbox: SandboxProcess) -> None:
    sandbox.configure(rotation="grace", grace_s=60)
    old = sandbox.issue_tokens()["refresh_token"]
    new = refresh(sandbox, old).json()["refresh_token"]

    within = refresh(sandbox, old)
    sandbox.configure(grace_s=0)
    after = refresh(sandbox, old)

    assert new != old
    assert within.ok
    assert after.json()["error"] == "invalid_grant"
    assert refresh(sandbox, new).ok


def test_rotation_strict_kills_the_grant_when_a_spent_token_returns(
    sandbox: SandboxProcess,
) -> None:
    sandbox.configure(rotation="strict")
    old = sandbox.issue_tokens()["refresh_token"]
    fresh = refresh(sandbox, old).json()

    reused = refresh(sandbox, old)

    assert reused.json()["error"] == "invalid_grant"
    assert refresh(sandbox, fresh["refresh_token"]).json()["error"] == "invalid_grant"
    assert not works(sandbox, fresh["access_token"])


def test_refreshing_is_limited_per_install(sandbox: SandboxProcess) -> None:
    mine = sandbox.issue_tokens()["refresh_token"]
    others = sandbox.issue_tokens(STAN.id)["refresh_token"]

    answers = [refresh(sandbox, mine) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert refresh(sandbox, others).ok


def test_an_access_token_ends_with_its_time(sandbox: SandboxProcess) -> None:
    sandbox.configure(expires_in_s=0)

    tokens = sandbox.issue_tokens()

    assert tokens["expires_in"] == 0
    assert not works(sandbox, tokens["access_token"])


def test_expired_tokens_are_replaced_by_a_refresh(sandbox: SandboxProcess) -> None:
    tokens = sandbox.issue_tokens()

    sandbox.expire_tokens()

    assert not works(sandbox, tokens["access_token"])
    assert works(sandbox, refresh(sandbox, tokens["refresh_token"]).json()["access_token"])


def test_revoking_uninstalls_the_app_in_that_account_alone(sandbox: SandboxProcess) -> None:
    first, second = sandbox.issue_tokens(), sandbox.issue_tokens()
    stans = sandbox.issue_tokens(STAN.id)

    answer = sandbox.oauth("revoke", token=first["refresh_token"], token_type_hint="refresh_token")

    assert answer.status_code == 200
    for tokens in (first, second):
        assert not works(sandbox, tokens["access_token"])
        assert refresh(sandbox, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert works(sandbox, stans["access_token"])


def test_revoking_again_is_fine_and_does_nothing(sandbox: SandboxProcess) -> None:
    old = sandbox.issue_tokens()["refresh_token"]
    sandbox.oauth("revoke", token=old)
    new = sandbox.issue_tokens()

    answer = sandbox.oauth("revoke", token=old)

    assert answer.status_code == 200
    assert works(sandbox, new["access_token"])


def test_a_second_consent_leaves_the_first_alive(sandbox: SandboxProcess) -> None:
    first = exchange(sandbox, code=code(sandbox)).json()

    wider = "accounts:read profiles:read profiles:write subscriptions:write"
    second = exchange(sandbox, code=code(sandbox, scope=wider)).json()

    assert second["scope"] == wider
    assert refresh(sandbox, first["refresh_token"]).json()["scope"] == first["scope"]
    assert works(sandbox, first["access_token"])
