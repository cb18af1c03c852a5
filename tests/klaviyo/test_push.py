"""Clients as profiles: what is created, what is changed, and what is left alone."""

from collections.abc import Callable

import pytest

from clients import consent
from clients.models import Client, Door
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect

Work = Callable[[], None]
pytestmark = pytest.mark.django_db


def test_the_backfill_makes_a_tagged_profile_of_every_client_who_agreed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", last_name="Pereira", email="Ana@Example.com", phone="+4930123456")
    add(first_name="Bea", email="bea@example.com", email_opt_in=False)
    add(first_name="Cleo")

    connect()
    work()

    (profile,) = sandbox.profiles()
    ana.refresh_from_db()
    assert profile["id"] == ana.klaviyo_profile_id
    assert profile["attributes"]["email"] == "ana@example.com"
    assert profile["attributes"]["first_name"] == "Ana"
    assert profile["attributes"]["phone_number"] == "+4930123456"
    assert profile["attributes"]["properties"] == {"junocal_source": "junocal"}


def test_a_client_added_later_is_pushed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connect()
    work()

    add(email="ana@example.com")
    work()

    assert sandbox.profile("ana@example.com")


def test_a_new_address_changes_the_same_profile(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()

    ana.email = "pereira@example.com"
    ana.save()
    work()

    (profile,) = sandbox.profiles()
    assert profile["attributes"]["email"] == "pereira@example.com"
    assert ClientSync.objects.get().exposed == {"pereira@example.com": profile["id"]}


def test_an_opt_out_is_suppressed_and_never_pushed_again(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    before = len(sandbox.journal())

    consent.withdraw(ana, door=Door.STAFF)
    work()
    ana.first_name = "Anna"
    ana.save()
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert {entry["operation"] for entry in sandbox.journal()[before:]} == {
        "bulk_suppress_profiles"
    }


def test_without_the_scope_an_opt_out_waits_for_the_owner(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect(scopes=("accounts:read", "profiles:read", "profiles:write"))
    work()

    consent.withdraw(ana, door=Door.STAFF)
    work()

    assert sandbox.suppressed() == set()
    row = ClientSync.objects.opt_outs_waiting().get()
    assert row.reason == Reason.PERMISSION_MISSING
    assert row.client == ana


def test_a_profile_that_was_there_is_found_and_its_other_properties_stay(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    (profile_id,) = sandbox.seed(
        {"email": "Ana@Example.com", "last_name": "P.", "properties": {"shop": "yes"}}
    )
    ana = add(first_name="Ana", email="ana@example.com")

    connect()
    work()

    (profile,) = sandbox.profiles()
    ana = Client.objects.get(pk=ana.pk)
    assert ana.klaviyo_profile_id == profile["id"] == profile_id
    assert profile["attributes"]["email"] == "Ana@Example.com"
    assert profile["attributes"]["last_name"] == "P."
    assert profile["attributes"]["properties"] == {"shop": "yes", "junocal_source": "junocal"}
