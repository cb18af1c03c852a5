"""Clients as profiles: what is created, what is changed, and what is left alone."""

from collections.abc import Callable

import pytest
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Membership, Role, Studio, User
from tests.klaviyo.conftest import STAN, AddClient, Connect
from tests.klaviyo.scenes import (
    by_hand,
    change,
    last_entry,
    operations,
    opt_out,
    profile_id_of,
    turns,
    values,
    writes,
)

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

    change(ana, email="pereira@example.com")
    work()

    (profile,) = sandbox.profiles()
    assert profile["attributes"]["email"] == "pereira@example.com"
    assert ClientSync.objects.get().exposed == {"pereira@example.com": profile["id"]}
    assert operations(sandbox) == ["create_profile", "update_profile"]


def test_blanks_are_left_out_and_what_is_cleared_is_sent_as_null_only_if_it_was_sent_before(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    connect()
    work()

    change(ana, phone="")
    work()

    created, updated = (entry["attributes"] for entry in writes(sandbox))
    assert "last_name" not in created
    assert "last_name" not in updated
    assert updated["phone_number"] is None
    assert updated["first_name"] == "Ana"


def test_the_email_is_never_cleared(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()

    change(ana, email="")
    work()

    assert sandbox.profile("ana@example.com")
    assert operations(sandbox) == ["create_profile"]
    assert ClientSync.objects.get().reason == Reason.NO_EMAIL


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


def test_many_clients_are_looked_up_together(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.seed({"email": "client3@example.com"})
    for number in range(8):
        add(email=f"Client{number}@Example.com")

    connect()
    work()

    assert len(sandbox.profiles()) == 8
    assert len(sandbox.arrivals(operation="get_profiles")) == 1
    assert len(sandbox.arrivals(operation="create_profile")) == 7


def test_a_profile_deleted_at_klaviyo_is_looked_up_once_and_created_again(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    old_id = profile_id_of(ana)
    assert old_id
    sandbox.delete_profile(old_id)

    change(ana, first_name="Anna")
    work()

    (profile,) = sandbox.profiles()
    assert profile["attributes"]["first_name"] == "Anna"
    assert profile_id_of(ana) == profile["id"] != old_id


def test_an_address_changed_by_hand_at_klaviyo_is_set_right_again(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    (profile,) = sandbox.profiles()
    by_hand(sandbox, profile["id"], email="somebody@example.com")

    change(ana, first_name="Ana")
    work()

    (profile,) = sandbox.profiles()
    assert profile["attributes"]["email"] == "ana@example.com"
    assert profile["attributes"]["first_name"] == "Ana"


def test_many_edits_become_one_push(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    seen = last_entry(sandbox)

    for number in range(20):
        change(ana, first_name=f"Ana {number}")
    work()

    (entry,) = writes(sandbox, seen)
    assert entry["attributes"]["first_name"] == "Ana 19"


def test_a_save_that_changes_nothing_makes_no_request(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    before = len(sandbox.arrivals())

    change(ana, first_name="Ana")
    change(ana, first_name="Anna")
    change(ana, first_name="Ana")
    work()

    assert len(sandbox.arrivals()) == before


def test_while_paused_pushes_wait_and_opt_outs_go_out(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana, bea = add(email="ana@example.com"), add(email="bea@example.com")
    connection = connect()
    work()
    seen = last_entry(sandbox)
    Connection.objects.update(paused_at=Now())

    change(ana, first_name="Ana")
    opt_out(bea)
    turns(3)

    assert operations(sandbox, seen) == ["bulk_suppress_profiles"]

    Connection.objects.filter(pk=connection.pk).update(paused_at=None)
    work()

    assert operations(sandbox, seen) == ["bulk_suppress_profiles", "update_profile"]


def test_a_deleted_client_leaves_its_profile_and_is_never_sent_again(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    seen = last_entry(sandbox)

    change(ana, first_name="Ana").delete()
    work()

    assert sandbox.profile("ana@example.com")
    assert operations(sandbox, seen) == []
    assert not ClientSync.objects.exists()


def test_two_studios_share_nothing(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
    lotus: Studio,
    stans: Studio,
    olive: User,
) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)
    add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    add(studio=stans, first_name="Ana at Stan's", email="ana@example.com")

    connect()
    connect(studio=stans, account=STAN.id)
    work()

    assert values(sandbox) == {"ana@example.com": ("Ana", None, "+4930123456")}
    (profile,) = sandbox.profiles(STAN.id)
    assert profile["attributes"]["first_name"] == "Ana at Stan's"
    assert profile["attributes"]["phone_number"] is None
