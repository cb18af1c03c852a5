"""Suppression in batches (contract, section 7)."""

import pytest

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from tests.support.sandbox_requests import SUPPRESS, batch, pointers

CREATE = f"{SUPPRESS}s"
PEOPLE = "/data/attributes/profiles/data"


def test_suppressing_reaches_profiles_whatever_their_spelling(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    sandbox.seed({"email": "Ana@Lotus.test"})

    answer = sandbox.call("POST", CREATE, wide_token, batch("ana@lotus.test"))

    assert answer.status_code == 202
    assert answer.json()["data"]["attributes"]["status"] == "processing"
    assert answer.json()["data"]["attributes"]["total_count"] == 0
    assert sandbox.suppressed() == {"Ana@Lotus.test"}


def test_an_unknown_address_gets_a_suppressed_profile(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    sandbox.call("POST", CREATE, wide_token, batch("New@lotus.test"))

    assert sandbox.suppressed() == {"new@lotus.test"}
    (entry,) = sandbox.journal(operation="bulk_suppress_profiles")
    assert entry["created"] is True


def test_one_wrong_address_refuses_the_whole_batch(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    answer = sandbox.call("POST", CREATE, wide_token, batch("a@lotus.test", "nobody"))

    assert answer.status_code == 400
    assert pointers(answer) == [f"{PEOPLE}/1/attributes/email"]
    assert sandbox.profiles() == []


@pytest.mark.parametrize("number", [0, 101])
def test_a_batch_has_one_to_a_hundred(
    sandbox: SandboxProcess, wide_token: str, number: int
) -> None:
    emails = [f"client{place}@lotus.test" for place in range(number)]

    answer = sandbox.call("POST", CREATE, wide_token, batch(*emails))

    assert (answer.status_code, pointers(answer)) == (400, [PEOPLE])


def test_a_second_suppression_adds_nothing(sandbox: SandboxProcess, wide_token: str) -> None:
    for _ in range(2):
        assert sandbox.call("POST", CREATE, wide_token, batch("ana@lotus.test")).ok

    ana = sandbox.profile("ana@lotus.test")
    assert ana is not None
    (suppression,) = ana["subscriptions"]["email"]["marketing"]["suppression"]
    assert suppression["reason"] == "USER_SUPPRESSED"


def test_no_write_to_a_profile_lifts_a_suppression(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test", "suppressed": True})
    document = {"data": {"type": "profile", "id": ana, "attributes": {"first_name": "Ana"}}}

    answer = sandbox.call("PATCH", f"profiles/{ana}", wide_token, document)

    assert answer.status_code == 200
    assert sandbox.suppressed() == {"ana@lotus.test"}
