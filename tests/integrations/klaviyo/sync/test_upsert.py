"""Clients as profiles: what is created, what is changed, and what is left alone."""

import pytest
from django.db.models.functions import Now

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import STAN
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.reasons import Reason
from studios.models import Membership, Role, Studio, User
from tests.support.klaviyo.scene import Scene, exposed, profile_id_of, time_slices

pytestmark = pytest.mark.django_db


def test_the_backfill_makes_a_tagged_profile_of_every_client_who_agreed(scene: Scene) -> None:
    ana = scene.add(
        first_name="Ana", last_name="Pereira", email="Ana@Example.com", phone="+4930123456"
    )
    scene.add(first_name="Bea", email="bea@example.com", email_opt_in=False)
    scene.add(first_name="Cleo")

    scene.sync()

    (profile,) = scene.klaviyo.profiles()
    ana.refresh_from_db()
    assert profile["id"] == ana.klaviyo_profile_id
    assert profile["attributes"]["email"] == "ana@example.com"
    assert profile["attributes"]["first_name"] == "Ana"
    assert profile["attributes"]["phone_number"] == "+4930123456"
    assert profile["attributes"]["properties"] == {"junocal_source": "junocal"}


def test_a_client_added_later_is_pushed(scene: Scene, synced: Connection) -> None:
    scene.add(email="ana@example.com")
    scene.work()

    assert scene.klaviyo.profile("ana@example.com")


def test_a_new_address_changes_the_same_profile(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()

    scene.change(ana, email="pereira@example.com")
    scene.work()

    (profile,) = scene.klaviyo.profiles()
    assert profile["attributes"]["email"] == "pereira@example.com"
    assert exposed(ana) == {"pereira@example.com": profile["id"]}
    assert scene.operations() == ["create_profile", "update_profile"]


def test_blanks_are_left_out_and_what_is_cleared_is_sent_as_null_only_if_it_was_sent_before(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    scene.sync()

    scene.change(ana, phone="")
    scene.work()

    created, updated = (entry["attributes"] for entry in scene.writes())
    assert "last_name" not in created
    assert "last_name" not in updated
    assert updated["phone_number"] is None
    assert updated["first_name"] == "Ana"


def test_the_email_is_never_cleared(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()

    scene.change(ana, email="")
    scene.work()

    assert scene.klaviyo.profile("ana@example.com")
    assert scene.operations() == ["create_profile"]
    assert ClientSync.objects.get().reason == Reason.NO_EMAIL


def test_a_profile_that_was_there_is_found_and_its_other_properties_stay(scene: Scene) -> None:
    (profile_id,) = scene.klaviyo.seed(
        {"email": "Ana@Example.com", "last_name": "P.", "properties": {"shop": "yes"}}
    )
    ana = scene.add(first_name="Ana", email="ana@example.com")

    scene.sync()

    (profile,) = scene.klaviyo.profiles()
    ana = Client.objects.get(pk=ana.pk)
    assert ana.klaviyo_profile_id == profile["id"] == profile_id
    assert profile["attributes"]["email"] == "Ana@Example.com"
    assert profile["attributes"]["last_name"] == "P."
    assert profile["attributes"]["properties"] == {"shop": "yes", "junocal_source": "junocal"}


def test_many_clients_are_looked_up_together(scene: Scene) -> None:
    scene.klaviyo.seed({"email": "client3@example.com"})
    for number in range(8):
        scene.add(email=f"Client{number}@Example.com")

    scene.sync()

    assert len(scene.klaviyo.profiles()) == 8
    assert len(scene.klaviyo.request_log(operation="get_profiles")) == 1
    assert len(scene.klaviyo.request_log(operation="create_profile")) == 7


def test_a_profile_deleted_at_klaviyo_is_looked_up_once_and_created_again(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    old_id = profile_id_of(ana)
    assert old_id
    scene.klaviyo.delete_profile(old_id)

    scene.change(ana, first_name="Anna")
    scene.work()

    (profile,) = scene.klaviyo.profiles()
    assert profile["attributes"]["first_name"] == "Anna"
    assert profile_id_of(ana) == profile["id"] != old_id


def test_an_address_changed_by_hand_at_klaviyo_is_set_right_again(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    (profile,) = scene.klaviyo.profiles()
    scene.by_hand(profile["id"], email="somebody@example.com")

    scene.change(ana, first_name="Ana")
    scene.work()

    (profile,) = scene.klaviyo.profiles()
    assert profile["attributes"]["email"] == "ana@example.com"
    assert profile["attributes"]["first_name"] == "Ana"


def test_many_edits_become_one_push(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    seen = scene.last_entry()

    for number in range(20):
        scene.change(ana, first_name=f"Ana {number}")
    scene.work()

    (entry,) = scene.writes(seen)
    assert entry["attributes"]["first_name"] == "Ana 19"


def test_a_save_that_changes_nothing_makes_no_request(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    before = len(scene.klaviyo.request_log())

    scene.change(ana, first_name="Ana")
    scene.change(ana, first_name="Anna")
    scene.change(ana, first_name="Ana")
    scene.work()

    assert len(scene.klaviyo.request_log()) == before


def test_while_paused_pushes_wait_and_opt_outs_go_out(scene: Scene) -> None:
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    connection = scene.sync()
    seen = scene.last_entry()
    Connection.objects.update(paused_at=Now())

    scene.change(ana, first_name="Ana")
    scene.opt_out(bea)
    time_slices(3)

    assert scene.operations(seen) == ["bulk_suppress_profiles"]

    lifecycle.resume(connection.studio)
    scene.work()

    assert scene.operations(seen) == ["bulk_suppress_profiles", "update_profile"]


def test_a_deleted_client_leaves_its_profile_and_is_never_sent_again(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    seen = scene.last_entry()

    scene.change(ana, first_name="Ana").delete()
    scene.work()

    assert scene.klaviyo.profile("ana@example.com")
    assert scene.operations(seen) == []
    assert not ClientSync.objects.exists()


def test_two_studios_share_nothing(scene: Scene, lotus: Studio, stans: Studio, olive: User) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)
    scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    scene.add(stans, first_name="Ana at Stan's", email="ana@example.com")

    scene.connect()
    scene.connect(studio=stans, account=STAN.id)
    scene.work()

    assert scene.values() == {"ana@example.com": ("Ana", None, "+4930123456")}
    (profile,) = scene.klaviyo.profiles(STAN.id)
    assert profile["attributes"]["first_name"] == "Ana at Stan's"
    assert profile["attributes"]["phone_number"] is None
