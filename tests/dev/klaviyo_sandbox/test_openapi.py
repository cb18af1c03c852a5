"""The sandbox's requests and answers against what Klaviyo's document says of each operation.

Live answers differ from it in places, and so do the sandbox's: a merge is answered 202 with a bare
reference, profiles and errors show more (contract, sections 3.2, 3.3 and 4.7).
"""

from typing import Any

import pytest
import requests

from dev.klaviyo_sandbox.api import profile_input, profile_list, profile_view, suppression
from dev.klaviyo_sandbox.api.handlers import LISTING, SHOWING
from dev.klaviyo_sandbox.api.operations import OPERATIONS
from dev.klaviyo_sandbox.testing.client import SandboxProcess
from tests.integrations.klaviyo.contract import facts
from tests.support.sandbox_requests import SUPPRESS, batch, change, merge, person

SEEN_LIVE = "attributes.anonymous_id is not known"
BESIDE_AN_ERROR = {"status", "links", "meta"}  # likewise
WHOLE = {
    "first_name": "Ana",
    "last_name": "Pereira",
    "organization": "Lotus",
    "title": "Teacher",
    "locale": "de-DE",
    "image": "https://lotus.test/ana.png",
    "external_id": "ana-1",
    "phone_number": "+4930901820",
    "location": {"city": "Berlin", "latitude": 52.5, "longitude": "13.4", "zip": None},
    "properties": {"junocal_source": "junocal"},
}


def check_body(name: str, document: dict[str, Any]) -> None:
    assert facts.faults(document["data"], facts.OPERATIONS[name]["body"]) == []


def check_answer(name: str, answer: requests.Response) -> None:
    """Status, shape and links of a good answer."""
    known = facts.OPERATIONS[name]
    document = answer.json()
    assert answer.status_code in known["statuses"]
    assert isinstance(document["links"]["self"], str)
    assert isinstance(document["data"], list) == known["is_list"]
    for resource in document["data"] if known["is_list"] else [document["data"]]:
        found = facts.faults(resource, facts.RESOURCES[known["resource"]])
        assert [fault for fault in found if fault != SEEN_LIVE] == []
        assert resource["id"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_addresses_scopes_and_limits_are_the_documents(name: str) -> None:
    ours, theirs = OPERATIONS[name], facts.OPERATIONS[name]

    limits = {"per_second": ours.per_second, "per_minute": ours.per_minute}

    assert ours.rule == theirs["path"].replace("{id}", "<id>")
    assert ours.method == theirs["method"]
    assert sorted(ours.scopes) == theirs["scopes"]
    assert limits == theirs["limits"]


def test_lists_are_asked_for_in_no_other_ways() -> None:
    known = facts.OPERATIONS["get_profiles"]
    pages = {"default": profile_list.USUAL_PAGE, "maximum": profile_list.LARGEST_PAGE, "minimum": 1}

    assert set(known["query"]) >= LISTING
    assert set(known["choices"]["sort"]) >= set(profile_list.ORDERS)
    assert pages == known["page_size"]


@pytest.mark.parametrize("field", facts.OPERATIONS["get_profiles"]["filters"])
@pytest.mark.parametrize("operator", ["any", "equals", "greater-than", "less-than", "contains"])
def test_a_filter_that_klaviyo_does_not_offer_is_refused(
    sandbox: SandboxProcess, token: str, field: str, operator: str
) -> None:
    offered = facts.OPERATIONS["get_profiles"]["filters"][field]
    values = {"any": '["a"]', "equals": '"a"', "contains": '"a"'}
    asked = f"{operator}({field},{values.get(operator, '2026-01-01T00:00:00Z')})"

    answer = sandbox.call("GET", "profiles", token, filter=asked)

    assert answer.status_code == 400 or operator in offered


def test_one_profile_is_shown_in_no_other_ways() -> None:
    known = facts.OPERATIONS["get_profile"]

    assert set(known["query"]) >= SHOWING
    assert set(known["choices"]["additional-fields[profile]"]) == profile_view.ADDITIONAL


def test_what_may_be_written_is_what_klaviyo_lets_one_write() -> None:
    body = facts.OPERATIONS["create_profile"]["body"]
    inside = {path for path in body["types"] if path.startswith("attributes.location.")}

    assert facts.attributes(body) == {*profile_input.TEXTS, "location", "properties"}
    assert inside == {f"attributes.location.{name}" for name in profile_input.LOCATION}


def test_a_batch_holds_as_many_as_klaviyos() -> None:
    assert facts.OPERATIONS["bulk_suppress_profiles"]["batch"] == suppression.LARGEST_BATCH


WRITES = [
    ("create_profile", "profiles", person("new@lotus.test", **WHOLE), 201),
    ("bulk_suppress_profiles", f"{SUPPRESS}s", batch("ana@lotus.test"), 202),
]


@pytest.mark.parametrize(("name", "path", "document", "status"), WRITES)
def test_writes_and_their_answers_are_as_described(
    sandbox: SandboxProcess,
    wide_token: str,
    name: str,
    path: str,
    document: dict[str, Any],
    status: int,
) -> None:
    sandbox.seed({"email": "ana@lotus.test"})

    answer = sandbox.call("POST", path, wide_token, document)

    assert answer.status_code == status
    check_body(name, document)
    check_answer(name, answer)


def test_a_patch_is_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test"})
    document = change(ana, phone_number=None, properties={"a": 1})

    answer = sandbox.call("PATCH", f"profiles/{ana}", wide_token, document)

    check_body("update_profile", document)
    check_answer("update_profile", answer)


def test_a_merge_is_as_described_but_for_its_answer(
    sandbox: SandboxProcess, wide_token: str
) -> None:
    kept, gone = sandbox.seed({"email": "ana@lotus.test"}, {"email": "bea@lotus.test"})
    document = merge(kept, gone)

    answer = sandbox.call("POST", "profile-merge", wide_token, document)

    check_body("merge_profiles", document)
    assert answer.status_code == 202
    assert answer.json()["data"] == {"type": "profile-merge", "id": kept}


def test_reads_are_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    sandbox.configure(limits_enabled=False)
    (ana, _) = sandbox.seed(
        {"email": "ana@lotus.test", "suppressed": True, "location": {"city": "Berlin"}},
        {"email": "bea@lotus.test", "properties": {"a": 1}},
    )
    everything = {"additional-fields[profile]": "subscriptions,predictive_analytics"}

    for name, path, query in (
        ("get_accounts", "accounts", {}),
        ("get_profiles", "profiles", {**everything, "page[size]": "1"}),
        ("get_profile", f"profiles/{ana}", everything),
    ):
        answer = sandbox.call("GET", path, wide_token, **query)

        check_answer(name, answer)


def test_an_error_is_as_described(sandbox: SandboxProcess, wide_token: str) -> None:
    answer = sandbox.call("POST", "profiles", wide_token, person("nobody", phone_number="1"))

    errors = [
        {name: value for name, value in error.items() if name not in BESIDE_AN_ERROR}
        for error in answer.json()["errors"]
    ]
    assert answer.status_code == 400
    assert len(errors) == 2
    assert facts.faults({"errors": errors}, facts.FACTS["error"]) == []
