"""Identifiers that belong to another profile: a stranger's, or another client's of the studio."""

import pytest
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import Connection, EndCause
from integrations.klaviyo.reasons import Reason
from tests.support.klaviyo.scene import Scene, claim, profile_id_of, push, row_of, time_passes

pytestmark = pytest.mark.django_db


def test_a_phone_that_klaviyo_refuses_is_left_out(scene: Scene) -> None:
    scene.klaviyo.configure(refused_phone_prefixes=["+49"])
    ana = scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")

    scene.sync()

    profile = scene.klaviyo.profile("ana@example.com")
    assert profile
    assert profile["phone_number"] is None
    assert profile["first_name"] == "Ana"
    assert row_of(ana).reason == Reason.PHONE_INVALID


@pytest.mark.parametrize("status", [409, 404])
def test_a_phone_of_another_profile_is_left_out(status: int, scene: Scene) -> None:
    scene.klaviyo.configure(duplicate_status=status)
    scene.klaviyo.seed({"email": "mother@example.com", "phone_number": "+4930123456"})
    bea = scene.add(first_name="Bea", email="bea@example.com")
    scene.sync()

    ana = scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    scene.change(bea, phone="+4930123456", email="beatrice@example.com")
    scene.work()

    assert scene.values() == {
        "mother@example.com": (None, None, "+4930123456"),
        "ana@example.com": ("Ana", None, None),
        "beatrice@example.com": ("Bea", None, None),
    }
    assert row_of(ana).reason == row_of(bea).reason == Reason.PHONE_TAKEN


@pytest.mark.parametrize("status", [409, 404])
def test_a_new_address_that_belongs_to_a_stranger_needs_a_person_and_merges_nothing(
    status: int, scene: Scene
) -> None:
    scene.klaviyo.configure(duplicate_status=status)
    scene.klaviyo.seed({"email": "taken@example.com", "first_name": "Stranger"})
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()

    scene.change(ana, email="taken@example.com")
    scene.work()

    assert scene.values() == {
        "taken@example.com": ("Stranger", None, None),
        "ana@example.com": ("Ana", None, None),
    }
    assert row_of(ana).reason == Reason.EMAIL_TAKEN


def test_a_new_address_where_an_earlier_connection_left_a_profile_is_followed(
    scene: Scene,
) -> None:
    """Disconnecting forgot whose profiles there are; the tag tells that this one is of ours."""
    bea = scene.add(first_name="Bea", email="bea@example.com")
    ana = scene.add(first_name="Ana", email="ana@example.com")
    first = scene.sync()
    scene.change(bea, email="")
    lifecycle.begin_disconnect(first, EndCause.OWNER, scene.olive)
    scene.work()
    assert not Connection.objects.exists()
    scene.sync()
    left_behind = scene.ids()["bea@example.com"]

    scene.change(ana, email="bea@example.com")
    scene.work()

    assert scene.values()["bea@example.com"] == ("Ana", None, None)
    assert profile_id_of(ana) == left_behind
    assert row_of(ana).reason == ""


def test_a_client_without_an_id_adopts_the_profile_that_got_its_address_meanwhile(
    scene: Scene,
) -> None:
    """The look-up finds nothing, and somebody else creates the profile before we do."""
    connection = scene.sync()
    ana = scene.add(first_name="Ana", email="ana@example.com")
    (row,) = claim(connection)
    (profile_id,) = scene.klaviyo.seed({"email": "ana@example.com"})

    push(row, Klaviyo(connection))

    assert scene.values() == {"ana@example.com": ("Ana", None, None)}
    assert profile_id_of(ana) == profile_id


def test_a_look_up_that_is_out_of_date_leads_to_nobody_elses_profile(scene: Scene) -> None:
    """Ana leaves her address after Bea's look-up found it on Ana's profile."""
    connection = scene.connect()
    ana = scene.add(first_name="Ana", last_name="Pereira", email="ana@example.com")
    scene.work()
    anas_profile = Profile(scene.ids()["ana@example.com"], "ana@example.com")
    scene.change(ana, email="pereira@example.com")
    scene.work()
    bea = scene.add(first_name="Bea", email="ana@example.com")
    (row,) = claim(connection)

    push(row, Klaviyo(connection), found=anas_profile)
    scene.work()

    assert scene.values() == {
        "pereira@example.com": ("Ana", "Pereira", None),
        "ana@example.com": ("Bea", None, None),
    }
    assert profile_id_of(ana) == anas_profile.id
    assert profile_id_of(bea) == scene.ids()["ana@example.com"]


def test_an_address_that_moves_to_a_new_client_leaves_the_profile_where_it_was(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    old_id = profile_id_of(ana)

    scene.change(ana, email="pereira@example.com")
    scene.add(first_name="Bea", email="ana@example.com")
    scene.add(first_name="Cleo", email="cleo@example.com")
    scene.work()

    assert scene.values() == {
        "pereira@example.com": ("Ana", None, None),
        "ana@example.com": ("Bea", None, None),
        "cleo@example.com": ("Cleo", None, None),
    }
    assert profile_id_of(ana) == old_id


def test_an_address_that_goes_to_another_client_takes_its_profile_along(scene: Scene) -> None:
    """Ana gave her address up and has none now; her profile is Bea's from here on."""
    ana = scene.add(
        first_name="Ana", last_name="Pereira", email="ana@example.com", phone="+4930123456"
    )
    bea = scene.add(first_name="Bea", email="bea@example.com")
    scene.sync()
    anas_profile = profile_id_of(ana)

    scene.change(ana, email="")
    scene.change(bea, email="ana@example.com")
    scene.work()

    assert scene.values()["ana@example.com"] == ("Bea", None, None)
    assert profile_id_of(bea) == anas_profile
    assert profile_id_of(ana) is None


def test_a_client_whose_profile_was_given_away_by_hand_gets_a_new_one_with_its_address(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    scene.sync()
    anas_profile = scene.ids()["ana@example.com"]
    scene.by_hand(anas_profile, email="cleo@example.com")

    cleo = scene.add(first_name="Cleo", email="cleo@example.com")
    scene.work()

    assert scene.values()["cleo@example.com"] == ("Cleo", None, None)
    assert scene.values()["ana@example.com"][0] == "Ana"
    assert profile_id_of(cleo) == anas_profile
    assert_bound(scene, ana, cleo)


def test_two_clients_swap_their_addresses_and_each_profile_describes_its_present_owner(
    scene: Scene, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(
        first_name="Ana", last_name="Pereira", email="ana@example.com", phone="+4930123456"
    )
    bea = scene.add(first_name="Bea", email="bea@example.com")
    scene.sync()
    before = scene.ids()
    seen = scene.last_entry()

    move(scene, ana, "between@example.com", bea, "ana@example.com", ana, "bea@example.com")
    work_and_confirm(scene)

    assert scene.values() == {
        "ana@example.com": ("Bea", None, None),
        "bea@example.com": ("Ana", "Pereira", "+4930123456"),
    }
    assert scene.ids() == before
    assert_bound(scene, ana, bea)
    assert len(scene.operations(seen)) <= 6


def test_three_clients_pass_their_addresses_on_in_a_ring(scene: Scene, settings: Settings) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(
        first_name="Ana", last_name="Pereira", email="ana@example.com", phone="+4930123451"
    )
    bea = scene.add(first_name="Bea", email="bea@example.com")
    cleo = scene.add(first_name="Cleo", email="cleo@example.com", phone="+4930123453")
    scene.sync()
    before = scene.ids()
    seen = scene.last_entry()

    move(scene, ana, "between@example.com", cleo, "ana@example.com", bea, "cleo@example.com")
    move(scene, ana, "bea@example.com")
    work_and_confirm(scene)

    assert scene.values() == {
        "ana@example.com": ("Cleo", None, "+4930123453"),
        "cleo@example.com": ("Bea", None, None),
        "bea@example.com": ("Ana", "Pereira", "+4930123451"),
    }
    assert scene.ids() == before
    assert_bound(scene, ana, bea, cleo)
    assert len(scene.operations(seen)) <= 12


def move(scene: Scene, *clients_and_addresses: Client | str) -> None:
    """Each client in turn takes the address that follows it."""
    pairs = zip(clients_and_addresses[::2], clients_and_addresses[1::2], strict=True)
    for client, address in pairs:
        assert isinstance(client, Client)
        scene.change(client, email=address)


def work_and_confirm(scene: Scene) -> None:
    for _ in range(3):
        scene.work()
        time_passes()


def assert_bound(scene: Scene, *people: Client) -> None:
    there = scene.ids()
    for person in people:
        person.refresh_from_db()
        assert person.klaviyo_profile_id == there[person.email]
