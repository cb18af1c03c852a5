"""Klaviyo's own Python SDK drives the sandbox as it drives Klaviyo."""

from typing import Any

import pytest

from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from tests.support.sandbox_requests import batch, change, merge, person

klaviyo_api = pytest.importorskip("klaviyo_api", reason="the official SDK is not installed")


@pytest.fixture
def klaviyo(sandbox: SandboxProcess, wide_token: str) -> Any:
    return klaviyo_api.KlaviyoAPI("", access_token=wide_token, test_host=sandbox.url, max_retries=0)


def test_accounts(klaviyo: Any) -> None:
    account = klaviyo.Accounts.get_accounts().data[0]

    assert account.id == LOTUS.id
    assert account.attributes.contact_information.organization_name == LOTUS.organization


def test_profiles_are_created_read_found_and_changed(klaviyo: Any) -> None:
    written = person("ana@lotus.test", properties={"junocal_source": "junocal"})
    ana = klaviyo.Profiles.create_profile(written).data.id

    klaviyo.Profiles.update_profile(ana, change(ana, first_name="Ana"))
    read = klaviyo.Profiles.get_profile(ana, additional_fields_profile=["subscriptions"]).data
    found = klaviyo.Profiles.get_profiles(filter='equals(email,"ana@lotus.test")', page_size=5)

    assert read.attributes.first_name == "Ana"
    assert read.attributes.properties == {"junocal_source": "junocal"}
    assert read.attributes.subscriptions.email.marketing.can_receive_email_marketing
    assert [one.id for one in found.data] == [ana]


def test_a_merge(klaviyo: Any, sandbox: SandboxProcess) -> None:
    kept = klaviyo.Profiles.create_profile(person("ana@lotus.test")).data.id
    gone = klaviyo.Profiles.create_profile(person("bea@lotus.test")).data.id

    klaviyo.Profiles.merge_profiles(merge(kept, gone))

    assert [one["id"] for one in sandbox.profiles()] == [kept]


def test_a_suppression(klaviyo: Any, sandbox: SandboxProcess) -> None:
    job = klaviyo.Profiles.bulk_suppress_profiles(batch("ana@lotus.test")).data

    assert job.attributes.status == "processing"
    assert sandbox.suppressed() == {"ana@lotus.test"}


def test_a_conflict_reads_as_the_sdk_expects(klaviyo: Any, sandbox: SandboxProcess) -> None:
    sandbox.seed({"email": "ana@lotus.test"})

    with pytest.raises(Exception, match="duplicate_profile") as conflict:
        klaviyo.Profiles.create_profile(person("ana@lotus.test"))

    assert getattr(conflict.value, "status", None) == 409
