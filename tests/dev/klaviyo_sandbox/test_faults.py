"""Faults by name: what the caller sees, and what becomes of the request."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN, SandboxProcess
from tests.support.sandbox_requests import code, exchange, person, refresh

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def create(sandbox: SandboxProcess, token: str, email: str = "ana@lotus.test") -> Any:
    """The answer, or the kind of break in its place."""
    try:
        return sandbox.call("POST", "profiles", token, person(email))
    except BROKEN:
        return "broken"


def seen_by(answer: Any) -> object:
    return answer if answer == "broken" else answer.status_code


@pytest.mark.parametrize(
    ("fault", "wanted", "seen", "applied"),
    [
        ("delay", {"seconds": 0.1}, 201, True),
        ("hang", {"seconds": 0.1}, "broken", False),
        ("hang_then_apply", {"seconds": 0.1}, "broken", True),
        ("reset_before", {}, "broken", False),
        ("reset_after", {}, "broken", True),
        ("truncated", {}, "broken", True),
        ("slow_drip", {"seconds": 0.0}, 201, True),
        ("html_200", {}, 200, False),
        ("html_200", {"apply": True}, 200, True),
        ("empty_200", {}, 200, False),
        ("huge", {}, 200, False),
        ("challenge", {}, 403, False),
        ("redirect", {}, 302, False),
        ("429", {"seconds": 17}, 429, False),
        ("429_no_retry_after", {}, 429, False),
        ("401", {}, 401, False),
        ("403", {}, 403, False),
        ("404", {}, 404, False),
        ("409", {}, 409, False),
        ("410", {}, 410, False),
        ("500", {}, 500, False),
        ("500", {"apply": True}, 500, True),
        ("503", {}, 503, False),
        ("524", {}, 524, False),
    ],
)
def test_each_fault_is_seen_and_applied_as_it_says(
    sandbox: SandboxProcess,
    token: str,
    fault: str,
    wanted: dict[str, Any],
    seen: object,
    applied: bool,
) -> None:
    sandbox.fault(fault, operation="create_profile", times=1, **wanted)

    answer = create(sandbox, token)

    assert seen_by(answer) == seen
    assert bool(sandbox.profile("ana@lotus.test")) is applied
    logged = sandbox.request_log(operation="create_profile")[0]
    assert logged["fault"] == fault
    assert seen_by(create(sandbox, token, "bea@lotus.test")) == 201


def test_a_zombie_is_applied_after_the_reset(sandbox: SandboxProcess, token: str) -> None:
    sandbox.fault("reset_then_apply", operation="create_profile", times=1, seconds=0.3)

    answer = create(sandbox, token)
    at_once = sandbox.profile("ana@lotus.test")
    time.sleep(0.6)

    assert answer == "broken"
    assert at_once is None
    assert sandbox.profile("ana@lotus.test")
    (entry,) = sandbox.journal(operation="create_profile")
    assert entry["at"] - entry["asked_at"] > 0.25


def test_a_hung_request_is_applied_after_its_caller_left(
    sandbox: SandboxProcess, token: str
) -> None:
    sandbox.fault("hang_then_apply", operation="create_profile", times=1, seconds=0.5)
    headers = {"Authorization": f"Bearer {token}", "revision": "2026-07-15"}
    headers["Content-Type"] = "application/vnd.api+json"

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{sandbox.url}/api/profiles",
            json=person("ana@lotus.test"),
            headers=headers,
            timeout=0.1,
        )

    assert sandbox.profile("ana@lotus.test") is None
    time.sleep(0.8)
    assert sandbox.profile("ana@lotus.test")


def test_what_is_held_goes_on_when_the_fault_is_lifted(sandbox: SandboxProcess, token: str) -> None:
    sandbox.fault("hold", operation="create_profile")

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(create, sandbox, token)
        time.sleep(0.3)
        applied, answered = bool(sandbox.profile("ana@lotus.test")), answer.done()
        sandbox.clear_faults()

        assert (applied, answered) == (True, False)
        assert answer.result(timeout=5).status_code == 201


def test_a_seed_brings_the_same_faults(sandbox: SandboxProcess, token: str) -> None:
    def seen_with_seed(seed: int) -> list[object]:
        sandbox.clear_faults()
        sandbox.fault("500", operation="get_profiles", probability=0.5, seed=seed)
        return [sandbox.call("GET", "profiles", token).status_code for _ in range(20)]

    first = seen_with_seed(1)

    assert seen_with_seed(1) == first
    assert seen_with_seed(2) != first


@pytest.mark.parametrize("retry_after", ["-5", "1000000000", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_retry_after_may_say_anything(
    sandbox: SandboxProcess, token: str, retry_after: str
) -> None:
    sandbox.fault("429", retry_after=retry_after)

    answer = create(sandbox, token)

    assert answer.headers["Retry-After"] == retry_after
    assert "RateLimit-Limit" not in answer.headers


def test_a_fault_meets_only_what_it_names(sandbox: SandboxProcess, token: str) -> None:
    stans = sandbox.issue_tokens(STAN.id)["access_token"]
    sandbox.fault("500", operation="create_*", account=LOTUS.id, containing="ana@")

    assert create(sandbox, token, "bea@lotus.test").status_code == 201
    assert create(sandbox, stans).status_code == 201
    assert sandbox.call("GET", "profiles", token).status_code == 200
    assert create(sandbox, token).status_code == 500


def test_a_fault_skips_and_counts(sandbox: SandboxProcess, token: str) -> None:
    sandbox.fault("503", skip=1, times=2)

    seen = [create(sandbox, token, f"c{n}@lotus.test").status_code for n in range(4)]

    assert seen == [201, 503, 503, 201]
    assert sandbox.faults()[0]["hits"] == 2


def test_faults_may_come_by_chance(sandbox: SandboxProcess, token: str) -> None:
    sandbox.configure(limits_enabled=False)
    sandbox.fault("503", probability=0.5)

    seen = {sandbox.call("GET", "profiles", token).status_code for _ in range(60)}

    assert seen == {200, 503}


def test_an_unknown_fault_is_refused(sandbox: SandboxProcess) -> None:
    for wanted in ({"fault": "earthquake"}, {"fault": "500", "colour": "red"}, {"fault": "200"}):
        with pytest.raises(ValueError, match="400"):
            sandbox.fault(**wanted)


@pytest.mark.parametrize("fault", ["invalid_grant", "invalid_client", "503", "challenge", "429"])
def test_the_token_endpoint_suffers_too(sandbox: SandboxProcess, fault: str) -> None:
    held = sandbox.issue_tokens()["refresh_token"]
    sandbox.fault(fault, operation="oauth_refresh", account=LOTUS.id, times=1)

    answer = refresh(sandbox, held)

    assert not answer.ok
    assert refresh(sandbox, held).ok
    assert [one["fault"] for one in sandbox.request_log(operation="oauth_refresh")] == [fault, None]


def test_a_lost_answer_of_the_exchange_has_spent_the_code(sandbox: SandboxProcess) -> None:
    allowed = code(sandbox)
    sandbox.fault("reset_after", operation="oauth_exchange", times=1)

    with pytest.raises(requests.ConnectionError):
        exchange(sandbox, code=allowed)

    assert exchange(sandbox, code=allowed).json()["error"] == "invalid_grant"
    assert len(sandbox.grants()) == 1
