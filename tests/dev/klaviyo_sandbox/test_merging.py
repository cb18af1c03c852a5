"""Two profiles made one (contract, section 4.7)."""

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from tests.support.sandbox_requests import merge

PHONE = "+4915112345678"


def test_a_merge_leaves_one_profile_that_both_ids_lead_to(
    sandbox: SandboxProcess, token: str
) -> None:
    kept, gone = sandbox.seed(
        {"email": "ana@lotus.test", "properties": {"a": 1}},
        {"phone_number": PHONE, "properties": {"a": 2, "b": 3}, "suppressed": True},
    )

    answer = sandbox.call("POST", "profile-merge", token, merge(kept, gone))
    through_old_id = sandbox.call("GET", f"profiles/{gone}", token)
    sandbox.configure(merged_ids_resolve_s=0)

    assert (answer.status_code, answer.json()["data"]["id"]) == (202, kept)
    (profile,) = sandbox.profiles()
    assert profile["attributes"]["phone_number"] == PHONE
    assert profile["attributes"]["properties"] == {"a": 1, "b": 3}
    assert sandbox.suppressed() == {"ana@lotus.test"}
    assert through_old_id.json()["data"]["id"] == kept
    assert sandbox.call("GET", f"profiles/{gone}", token).status_code == 404
