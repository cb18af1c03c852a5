"""Identifiers that belong to another profile: a stranger's, or another client's of the studio."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.api import Klaviyo, Profile
from integrations.klaviyo.push import push
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import (
    by_hand,
    change,
    claim,
    ids,
    last_entry,
    operations,
    profile_id_of,
    row_of,
    time_passes,
    values,
)

Work = Callable[[], None]
pytestmark = pytest.mark.django_db


def test_a_phone_that_klaviyo_refuses_is_left_out(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.configure(refused_phone_prefixes=["+49"])
    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")

    connect()
    work()

    profile = sandbox.profile("ana@example.com")
    assert profile
    assert profile["phone_number"] is None
    assert profile["first_name"] == "Ana"
    assert row_of(ana).reason == Reason.PHONE_INVALID


@pytest.mark.parametrize("status", [409, 404])
def test_a_phone_of_another_profile_is_left_out(
    status: int, sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.configure(duplicate_status=status)
    sandbox.seed({"email": "mother@example.com", "phone_number": "+4930123456"})
    bea = add(first_name="Bea", email="bea@example.com")
    connect()
    work()

    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    change(bea, phone="+4930123456", email="beatrice@example.com")
    work()

    assert values(sandbox) == {
        "mother@example.com": (None, None, "+4930123456"),
        "ana@example.com": ("Ana", None, None),
        "beatrice@example.com": ("Bea", None, None),
    }
    assert row_of(ana).reason == row_of(bea).reason == Reason.PHONE_TAKEN


@pytest.mark.parametrize("status", [409, 404])
def test_a_new_address_that_belongs_to_a_stranger_needs_a_person_and_merges_nothing(
    status: int, sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.configure(duplicate_status=status)
    sandbox.seed({"email": "taken@example.com", "first_name": "Stranger"})
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()

    change(ana, email="taken@example.com")
    work()

    assert values(sandbox) == {
        "taken@example.com": ("Stranger", None, None),
        "ana@example.com": ("Ana", None, None),
    }
    assert row_of(ana).reason == Reason.EMAIL_TAKEN


def test_a_client_without_an_id_adopts_the_profile_that_got_its_address_meanwhile(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """The look-up finds nothing, and somebody else creates the profile before we do."""
    connection = connect()
    work()
    ana = add(first_name="Ana", email="ana@example.com")
    (row,) = claim(connection)
    (profile_id,) = sandbox.seed({"email": "ana@example.com"})

    push(row, Klaviyo(connection), found={})

    assert values(sandbox) == {"ana@example.com": ("Ana", None, None)}
    assert profile_id_of(ana) == profile_id


def test_a_look_up_that_is_out_of_date_leads_to_nobody_elses_profile(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """Ana leaves her address after Bea's look-up found it on Ana's profile."""
    connection = connect()
    ana = add(first_name="Ana", last_name="Pereira", email="ana@example.com")
    work()
    anas_profile = Profile(ids(sandbox)["ana@example.com"], "ana@example.com")
    change(ana, email="pereira@example.com")
    work()
    bea = add(first_name="Bea", email="ana@example.com")
    (row,) = claim(connection)

    push(row, Klaviyo(connection), found={"ana@example.com": anas_profile})
    work()

    assert values(sandbox) == {
        "pereira@example.com": ("Ana", "Pereira", None),
        "ana@example.com": ("Bea", None, None),
    }
    assert profile_id_of(ana) == anas_profile.id
    assert profile_id_of(bea) == ids(sandbox)["ana@example.com"]


def test_an_address_that_moves_to_a_new_client_leaves_the_profile_where_it_was(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    old_id = profile_id_of(ana)

    change(ana, email="pereira@example.com")
    add(first_name="Bea", email="ana@example.com")
    add(first_name="Cleo", email="cleo@example.com")
    work()

    assert values(sandbox) == {
        "pereira@example.com": ("Ana", None, None),
        "ana@example.com": ("Bea", None, None),
        "cleo@example.com": ("Cleo", None, None),
    }
    assert profile_id_of(ana) == old_id


def test_an_address_that_goes_to_another_client_takes_its_profile_along(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """Ana gave her address up and has none now; her profile is Bea's from here on."""
    ana = add(first_name="Ana", last_name="Pereira", email="ana@example.com", phone="+4930123456")
    bea = add(first_name="Bea", email="bea@example.com")
    connect()
    work()
    anas_profile = profile_id_of(ana)

    change(ana, email="")
    change(bea, email="ana@example.com")
    work()

    assert values(sandbox)["ana@example.com"] == ("Bea", None, None)
    assert profile_id_of(bea) == anas_profile
    assert profile_id_of(ana) is None


def test_a_client_whose_profile_was_given_away_by_hand_gets_a_new_one_with_its_address(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    connect()
    work()
    anas_profile = ids(sandbox)["ana@example.com"]
    by_hand(sandbox, anas_profile, email="cleo@example.com")

    cleo = add(first_name="Cleo", email="cleo@example.com")
    work()

    assert values(sandbox)["cleo@example.com"] == ("Cleo", None, None)
    assert values(sandbox)["ana@example.com"][0] == "Ana"
    assert profile_id_of(cleo) == anas_profile
    assert_bound(sandbox, ana, cleo)


def test_two_clients_swap_their_addresses_and_each_profile_describes_its_present_owner(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = add(first_name="Ana", last_name="Pereira", email="ana@example.com", phone="+4930123456")
    bea = add(first_name="Bea", email="bea@example.com")
    connect()
    work()
    before = ids(sandbox)
    seen = last_entry(sandbox)

    move(ana, "between@example.com", bea, "ana@example.com", ana, "bea@example.com")
    work_and_confirm(work)

    assert values(sandbox) == {
        "ana@example.com": ("Bea", None, None),
        "bea@example.com": ("Ana", "Pereira", "+4930123456"),
    }
    assert ids(sandbox) == before
    assert_bound(sandbox, ana, bea)
    assert len(operations(sandbox, seen)) <= 6


def test_three_clients_pass_their_addresses_on_in_a_ring(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = add(first_name="Ana", last_name="Pereira", email="ana@example.com", phone="+4930123451")
    bea = add(first_name="Bea", email="bea@example.com")
    cleo = add(first_name="Cleo", email="cleo@example.com", phone="+4930123453")
    connect()
    work()
    before = ids(sandbox)
    seen = last_entry(sandbox)

    move(ana, "between@example.com", cleo, "ana@example.com", bea, "cleo@example.com")
    move(ana, "bea@example.com")
    work_and_confirm(work)

    assert values(sandbox) == {
        "ana@example.com": ("Cleo", None, "+4930123453"),
        "cleo@example.com": ("Bea", None, None),
        "bea@example.com": ("Ana", "Pereira", "+4930123451"),
    }
    assert ids(sandbox) == before
    assert_bound(sandbox, ana, bea, cleo)
    assert len(operations(sandbox, seen)) <= 12


def move(*clients_and_addresses: Client | str) -> None:
    """Each client in turn takes the address that follows it."""
    pairs = zip(clients_and_addresses[::2], clients_and_addresses[1::2], strict=True)
    for client, address in pairs:
        assert isinstance(client, Client)
        change(client, email=address)


def work_and_confirm(work: Work) -> None:
    for _ in range(3):
        work()
        time_passes()


def assert_bound(sandbox: SandboxProcess, *people: Client) -> None:
    there = ids(sandbox)
    for person in people:
        person.refresh_from_db()
        assert person.klaviyo_profile_id == there[person.email]
