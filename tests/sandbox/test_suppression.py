"""Suppression in batches (contract 7.1, 7.2)."""

import pytest

from klaviyo_sandbox.testing import SandboxProcess
from tests.sandbox.asking import SUPPRESS, UNSUPPRESS, batch, pointers

CREATE, DELETE = f"{SUPPRESS}s", f"{UNSUPPRESS}s"
PEOPLE = "/data/attributes/profiles/data"


def test_suppressing_reaches_profiles_whatever_their_spelling(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    sandbox.seed({"email": "Ana@Lotus.test"})

    answer = sandbox.call("POST", CREATE, wide_token, batch(SUPPRESS, "ana@lotus.test"))

    assert answer.status_code == 202
    assert answer.json()["data"]["attributes"]["status"] == "processing"
    assert answer.json()["data"]["attributes"]["total_count"] == 0
    assert sandbox.suppressed() == {"Ana@Lotus.test"}


def test_an_unknown_address_gets_a_suppressed_profile(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    sandbox.call("POST", CREATE, wide_token, batch(SUPPRESS, "New@lotus.test"))

    assert sandbox.suppressed() == {"new@lotus.test"}
    (entry,) = sandbox.journal(operation="bulk_suppress_profiles")
    assert entry["created"] is True


def test_one_wrong_address_refuses_the_whole_batch(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    answer = sandbox.call("POST", CREATE, wide_token, batch(SUPPRESS, "a@lotus.test", "nobody"))

    assert answer.status_code == 400
    assert pointers(answer) == [f"{PEOPLE}/1/attributes/email"]
    assert sandbox.profiles() == []


@pytest.mark.parametrize("number", [0, 101])
def test_a_batch_has_one_to_a_hundred(
    sandbox: SandboxProcess, wide_token: str, number: int
) -> None:
    emails = [f"client{place}@lotus.test" for place in range(number)]

    answer = sandbox.call("POST", CREATE, wide_token, batch(SUPPRESS, *emails))

    assert (answer.status_code, pointers(answer)) == (400, [PEOPLE])


def test_a_job_tells_later_what_it_did(sandbox: SandboxProcess, wide_token: str) -> None:
    sandbox.seed({"email": "ana@lotus.test", "suppressed": True})
    emails = ("ana@lotus.test", "bea@lotus.test")
    job = sandbox.call("POST", CREATE, wide_token, batch(SUPPRESS, *emails)).json()["data"]["id"]

    answer = sandbox.call("GET", f"{CREATE}/{job}", wide_token).json()["data"]["attributes"]

    counts = ("status", "total_count", "completed_count", "skipped_count")
    assert [answer[name] for name in counts] == ["complete", 2, 1, 1]
    assert sandbox.call("GET", f"{CREATE}/unknown", wide_token).status_code == 404


def test_only_what_a_user_suppressed_is_lifted(sandbox: SandboxProcess, wide_token: str) -> None:
    sandbox.seed(
        {"email": "ana@lotus.test", "suppressed": True},
        {"email": "bea@lotus.test", "suppressed": "HARD_BOUNCE"},
    )
    emails = ("ana@lotus.test", "bea@lotus.test", "nobody@lotus.test")

    answer = sandbox.call("POST", DELETE, wide_token, batch(UNSUPPRESS, *emails))

    assert answer.status_code == 202
    assert sandbox.suppressed() == {"bea@lotus.test"}
    assert len(sandbox.profiles()) == 2


def test_no_write_to_a_profile_lifts_a_suppression(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test", "suppressed": True})
    document = {"data": {"type": "profile", "id": ana, "attributes": {"first_name": "Ana"}}}

    answer = sandbox.call("PATCH", f"profiles/{ana}", wide_token, document)

    assert answer.status_code == 200
    assert sandbox.suppressed() == {"ana@lotus.test"}
