"""Profiles written one by one (contract, sections 4.3 to 5)."""

from typing import Any

import pytest

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN, SandboxProcess
from tests.support.sandbox_requests import change, person, pointers

PHONE = "+4915112345678"


def test_an_address_is_one_identity_whatever_its_spelling(
    sandbox: SandboxProcess, token: str
) -> None:
    created = sandbox.call("POST", "profiles", token, person(" ANA@lotus.test"))
    again = sandbox.call("POST", "profiles", token, person("Ana@Lotus.test"))

    assert (created.status_code, again.status_code) == (201, 409)
    assert created.json()["data"]["attributes"]["email"] == "ana@lotus.test"


def test_null_clears_and_omission_keeps(sandbox: SandboxProcess, token: str) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test", "first_name": "Ana", "phone_number": PHONE})

    sandbox.call("PATCH", f"profiles/{ana}", token, change(ana, phone_number=None))

    profile = sandbox.profile("ana@lotus.test")
    assert profile is not None
    assert profile["phone_number"] is None
    assert profile["first_name"] == "Ana"


def test_properties_are_merged_by_key_and_unset_by_name(
    sandbox: SandboxProcess, token: str
) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test", "properties": {"shop": 1, "old": 2}})
    document = change(ana, properties={"junocal_source": "junocal"})
    document["data"]["meta"] = {"patch_properties": {"unset": ["old"]}}

    answer = sandbox.call("PATCH", f"profiles/{ana}", token, document)

    assert answer.json()["data"]["attributes"]["properties"] == {
        "shop": 1,
        "junocal_source": "junocal",
    }


@pytest.mark.parametrize(
    ("attributes", "wrong"),
    [
        ({"email": "nobody"}, ["email"]),
        ({"email": "a@b"}, ["email"]),
        ({"email": "a b@lotus.test"}, ["email"]),
        ({"email": "a" * 100 + "@lotus.test"}, ["email"]),
        ({"email": "a@lotus.test", "phone_number": "0151 1234"}, ["phone_number"]),
        ({"email": "a@lotus.test", "phone_number": "+0151123456"}, ["phone_number"]),
        ({"email": "nobody", "phone_number": "12"}, ["email", "phone_number"]),
        ({"email": "a@lotus.test", "subscriptions": {}}, ["subscriptions"]),
        ({"email": "a@lotus.test", "anonymous_id": "x"}, ["anonymous_id"]),
        ({"email": "a@lotus.test", "first_name": 7}, ["first_name"]),
        ({"email": "a@lotus.test", "properties": []}, ["properties"]),
        ({"email": "a@lotus.test", "location": {"planet": "Mars"}}, ["location"]),
    ],
)
def test_every_wrong_attribute_is_pointed_at(
    sandbox: SandboxProcess, token: str, attributes: dict[str, Any], wrong: list[str]
) -> None:
    answer = sandbox.call("POST", "profiles", token, person(**attributes))

    assert answer.status_code == 400
    assert pointers(answer) == [f"/data/attributes/{name}" for name in wrong]
    assert sandbox.profiles() == []


def test_the_words_for_a_wrong_email_and_phone_are_klaviyos(
    sandbox: SandboxProcess, token: str
) -> None:
    answer = sandbox.call("POST", "profiles", token, person("nobody", phone_number="1"))

    assert [error["detail"] for error in answer.json()["errors"]] == [
        "Invalid email address",
        "Invalid phone number format (Example of a valid format: +12345678901)",
    ]


def test_a_phone_may_be_refused_by_its_prefix(sandbox: SandboxProcess, token: str) -> None:
    sandbox.configure(refused_phone_prefixes=["+4915"])

    answer = sandbox.call("POST", "profiles", token, person("a@b.test", phone_number=PHONE))

    assert pointers(answer) == ["/data/attributes/phone_number"]


def test_an_identifier_is_required(sandbox: SandboxProcess, token: str) -> None:
    answer = sandbox.call("POST", "profiles", token, person(first_name="Ana"))

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["detail"] == "One or more identifiers is required."


def test_a_phone_that_has_an_owner_is_a_conflict(sandbox: SandboxProcess, token: str) -> None:
    (owner,) = sandbox.seed({"email": "mother@lotus.test", "phone_number": PHONE})

    answer = sandbox.call("POST", "profiles", token, person("child@lotus.test", phone_number=PHONE))

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (409, "duplicate_profile")
    assert error["meta"]["duplicate_profile_id"] == owner
    assert len(sandbox.profiles()) == 1


def test_an_email_that_has_an_owner_is_a_conflict_on_patch(
    sandbox: SandboxProcess, token: str
) -> None:
    ana, bea = sandbox.seed({"email": "ana@lotus.test"}, {"email": "Bea@Lotus.test"})

    answer = sandbox.call("PATCH", f"profiles/{ana}", token, change(ana, email="bea@lotus.test"))

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["meta"]["duplicate_profile_id"] == bea


def test_a_conflict_may_be_answered_404(sandbox: SandboxProcess, token: str) -> None:
    sandbox.configure(duplicate_status=404)
    sandbox.seed({"email": "ana@lotus.test"})

    answer = sandbox.call("POST", "profiles", token, person("ana@lotus.test"))

    assert answer.status_code == 404


def test_ids_in_path_and_body_must_agree(sandbox: SandboxProcess, token: str) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test"})

    answer = sandbox.call("PATCH", f"profiles/{ana}", token, change("other", title="x"))

    assert pointers(answer) == ["/data/id"]


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_unknown_profile_is_not_found(sandbox: SandboxProcess, token: str, method: str) -> None:
    (stans,) = sandbox.seed({"email": "ana@lotus.test"}, account=STAN.id)

    answer = sandbox.call(method, f"profiles/{stans}", token, change(stans, title="x"))

    assert answer.status_code == 404


def test_what_was_applied_stands_in_the_journal(sandbox: SandboxProcess, token: str) -> None:
    before = len(sandbox.journal())

    created = sandbox.call("POST", "profiles", token, person("Ana@lotus.test", first_name="Ana"))
    sandbox.call("POST", "profiles", token, person("ana@lotus.test"))

    (entry,) = sandbox.journal()[before:]
    assert entry["operation"] == "create_profile"
    assert entry["account"] == LOTUS.id
    assert entry["grant"] == sandbox.grants()[0]["id"]
    assert entry["profile"] == created.json()["data"]["id"]
    assert entry["created"] is True
    assert entry["attributes"] == {"email": "ana@lotus.test", "first_name": "Ana"}
