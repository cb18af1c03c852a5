"""What every call passes before it is carried out (contract, section 3)."""

import pytest
import requests

from dev.klaviyo_sandbox.api.operations import OPERATIONS
from dev.klaviyo_sandbox.testing.client import LOTUS, STAN, SandboxProcess
from tests.support.sandbox_requests import batch, merge, person

EVERY_SCOPE = {
    "accounts:read",
    "profiles:read",
    "profiles:write",
    "subscriptions:write",
}
BODIES = {
    "create_profile": person("new@lotus.test"),
    "update_profile": person("ana@lotus.test"),
    "merge_profiles": merge("a", "b"),
    "bulk_suppress_profiles": batch("ana@lotus.test"),
}
NEEDS = [(name, scope) for name, one in OPERATIONS.items() for scope in sorted(one.scopes)]


def ask(sandbox: SandboxProcess, name: str, scopes: set[str]) -> requests.Response:
    operation = OPERATIONS[name]
    token = sandbox.issue_tokens(scope=" ".join(sorted(scopes)))["access_token"]
    path = operation.rule.removeprefix("/api/").replace("<id>", "unknown")
    return sandbox.call(operation.method, path, token, BODIES.get(name))


@pytest.mark.parametrize(("name", "scope"), NEEDS)
def test_each_scope_of_an_operation_is_needed(
    sandbox: SandboxProcess, name: str, scope: str
) -> None:
    answer = ask(sandbox, name, EVERY_SCOPE - {scope})

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "permission_denied"
    assert sandbox.journal(operation=name) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_scopes_of_an_operation_suffice(sandbox: SandboxProcess, name: str) -> None:
    answer = ask(sandbox, name, set(OPERATIONS[name].scopes))

    assert answer.status_code != 403


@pytest.mark.parametrize("header", [None, "Bearer unknown", "Bearer ", "Klaviyo-API-Key pk_1"])
def test_without_a_good_token_there_is_no_answer(
    sandbox: SandboxProcess, header: str | None
) -> None:
    headers = {"revision": "2026-07-15"} | ({"Authorization": header} if header else {})

    answer = requests.get(f"{sandbox.url}/api/profiles", headers=headers, timeout=5)

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "authentication_failed"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"revision": None}, 400),
        ({"revision": "yesterday"}, 400),
        ({"revision": "2026-13-45"}, 400),
        ({"revision": "2026-10-15.pre"}, 200),
        ({"Accept": "text/html"}, 406),
        ({"Accept": "application/json"}, 200),
    ],
)
def test_headers_are_checked(
    sandbox: SandboxProcess, token: str, changes: dict[str, str | None], status: int
) -> None:
    headers = {"Authorization": f"Bearer {token}", "revision": "2026-07-15", **changes}

    answer = requests.get(f"{sandbox.url}/api/profiles", headers=headers, timeout=5)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("application/vnd.api+json", b"{", 400),
        ("application/vnd.api+json", b"[]", 400),
        ("application/vnd.api+json", b'{"data": []}', 400),
        ("application/vnd.api+json; charset=utf-8", b'{"data": {"type": "list"}}', 400),
    ],
)
def test_bodies_are_checked(
    sandbox: SandboxProcess, token: str, kind: str, body: bytes, status: int
) -> None:
    headers = {"Authorization": f"Bearer {token}", "revision": "2026-07-15", "Content-Type": kind}

    answer = requests.post(f"{sandbox.url}/api/profiles", body, headers=headers, timeout=5)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/vnd.api+json"
    assert {"id", "status", "code", "title", "detail"} <= answer.json()["errors"][0].keys()


def test_wrong_addresses_and_methods_are_answered_in_json_api(
    sandbox: SandboxProcess, token: str
) -> None:
    nowhere = sandbox.call("GET", "nowhere", token)
    wrong = sandbox.call("DELETE", "profiles", token)

    assert (nowhere.status_code, nowhere.json()["errors"][0]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["errors"][0]["status"]) == (405, 405)


def test_a_trailing_slash_is_accepted(sandbox: SandboxProcess, token: str) -> None:
    assert sandbox.call("GET", "profiles/", token).status_code == 200
    assert sandbox.call("POST", "profiles/", token, person("a@b.test")).status_code == 201


def test_an_account_is_seen_by_its_own_token_only(sandbox: SandboxProcess, token: str) -> None:
    stans = sandbox.issue_tokens(STAN.id)["access_token"]

    seen = [sandbox.call("GET", "accounts", one).json()["data"] for one in (token, stans)]

    assert [[account["id"] for account in listed] for listed in seen] == [[LOTUS.id], [STAN.id]]


def test_limits_are_told_on_every_answer_but_429(sandbox: SandboxProcess, token: str) -> None:
    first = sandbox.call("GET", "accounts", token)
    second = sandbox.call("GET", "accounts", token)

    assert first.headers["RateLimit-Limit"] == "1, 1;w=1, 15;w=60"
    assert first.headers["RateLimit-Remaining"] == "0"
    assert second.status_code == 429
    assert second.headers["Retry-After"] == "1"
    assert "RateLimit-Limit" not in second.headers
    (error,) = second.json()["errors"]
    assert error["code"] == "throttled"
    assert error["detail"] == "Request was throttled. Expected available in 1 second."


def test_limits_are_counted_per_operation_and_account(sandbox: SandboxProcess, token: str) -> None:
    sandbox.configure(limits={"*": [2, 100]})
    stans = sandbox.issue_tokens(STAN.id)["access_token"]

    mine = [sandbox.call("GET", "profiles", token).status_code for _ in range(3)]

    assert mine == [200, 200, 429]
    assert sandbox.call("GET", "profiles", stans).status_code == 200
    assert sandbox.call("POST", "profiles", token, person("a@b.test")).status_code == 201


def test_the_steady_window_holds_longer_and_may_be_shortened(
    sandbox: SandboxProcess, token: str
) -> None:
    sandbox.configure(limits={"get_profiles": [50, 3]})
    for _ in range(3):
        assert sandbox.call("GET", "profiles", token).ok

    refused = sandbox.call("GET", "profiles", token)
    sandbox.configure(time_scale=0.0)

    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert sandbox.call("GET", "profiles", token).ok
