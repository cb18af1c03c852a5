"""Opt-outs: who is suppressed, and who never is."""

import pytest
from django.db.models import F
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.models import ClientSync, Connection, Priority, SyncEvent
from integrations.klaviyo.outbox import turns
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import engine
from studios.models import Studio
from tests.support.klaviyo.scene import Scene, claim, expose, row_of, time_passes

THREE_SCOPES = ("accounts:read", "profiles:read", "profiles:write")
pytestmark = pytest.mark.django_db


def test_an_opt_out_is_suppressed_and_never_pushed_again(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    seen = scene.last_entry()

    scene.opt_out(ana)
    scene.work()
    scene.change(ana, first_name="Anna")
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert set(scene.operations(seen)) == {"bulk_suppress_profiles"}
    assert row_of(ana).suppressed_at


def test_an_opt_out_of_a_client_never_pushed_is_looked_up_and_suppressed(scene: Scene) -> None:
    scene.klaviyo.seed({"email": "Ana@Example.com", "first_name": "A."})
    scene.sync()

    scene.opt_out(scene.add(first_name="Ana", email="ana@example.com", email_opt_in=False))
    scene.work()

    assert len(scene.klaviyo.suppressed()) == 1
    assert scene.operations() == ["bulk_suppress_profiles"]
    assert scene.values()["Ana@Example.com"] == ("A.", None, None)


def test_an_opt_out_that_klaviyo_does_not_know_creates_nobody(
    scene: Scene, synced: Connection
) -> None:
    ana = scene.add(email="ana@example.com", email_opt_in=False)

    scene.opt_out(ana)
    scene.work()

    assert scene.klaviyo.profiles() == []
    assert scene.operations() == []
    assert row_of(ana).reason == ""
    assert SyncEvent.objects.get(client=ana).what == SyncEvent.What.NOT_FOUND


def test_those_who_opted_out_before_connecting_go_first_and_are_created_by_nothing(
    scene: Scene,
) -> None:
    scene.klaviyo.seed({"email": "bea@example.com"})
    scene.add(email="ana@example.com")
    scene.opt_out(scene.add(email="bea@example.com"))
    scene.opt_out(scene.add(email="cleo@example.com"))

    scene.sync()

    assert scene.operations() == ["bulk_suppress_profiles", "create_profile"]
    assert scene.klaviyo.suppressed() == {"bea@example.com"}
    assert set(scene.values()) == {"ana@example.com", "bea@example.com"}


def test_an_opt_out_covers_the_old_address_and_the_new_one(scene: Scene) -> None:
    """The new address never reached Klaviyo, or did: nobody knows."""
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.klaviyo.seed({"email": "pereira@example.com"})

    scene.change(ana, email="pereira@example.com")
    scene.opt_out(ana)
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com", "pereira@example.com"}
    assert len(scene.klaviyo.profiles()) == 2


def test_a_new_address_that_klaviyo_does_not_know_is_not_created_by_the_opt_out(
    scene: Scene,
) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()

    scene.change(ana, email="pereira@example.com")
    scene.opt_out(ana)
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert len(scene.klaviyo.profiles()) == 1


def test_an_address_that_another_opted_in_client_holds_is_not_suppressed(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="family@example.com")
    bea = scene.add(first_name="Bea", email="bea@example.com")
    scene.sync()
    scene.klaviyo.fault("500", operation="update_profile", times=1)  # Ana's change stays on its way

    scene.change(ana, email="ana@example.com")
    scene.work()
    scene.change(bea, email="family@example.com")
    scene.opt_out(ana)
    time_passes()
    scene.work()

    assert "family@example.com" not in scene.klaviyo.suppressed()
    assert scene.values()["family@example.com"] == ("Bea", None, None)


def test_a_deleted_clients_waiting_opt_out_still_goes_out_and_then_its_address_is_forgotten(
    scene: Scene,
) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()

    scene.opt_out(ana)
    Client.objects.get(pk=ana.pk).delete()
    assert ClientSync.objects.get().client is None
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.exists()


def test_a_client_deleted_while_its_opt_out_is_on_its_way_leaves_nothing_behind(
    scene: Scene,
) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    scene.opt_out(ana)
    rows = claim(connection, Priority.OPT_OUT)

    Client.objects.get(pk=ana.pk).delete()
    engine.suppress_all(rows, Klaviyo(connection))
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.exists()


def test_a_hundred_and_fifty_opt_outs_go_out_in_a_few_calls(scene: Scene, lotus: Studio) -> None:
    addresses = [f"client{number}@example.com" for number in range(150)]
    scene.klaviyo.seed(*({"email": address} for address in addresses))
    gone = [Client(studio=lotus, email=one, opted_out_at=timezone.now()) for one in addresses]
    Client.objects.bulk_create(gone)

    scene.sync()

    assert scene.klaviyo.suppressed() == set(addresses)
    assert len(scene.klaviyo.request_log(operation="get_profiles")) == 3
    assert len(scene.klaviyo.request_log(operation="bulk_suppress_profiles")) == 3

    ClientSync.objects.update(desired_version=F("synced_version") + 1)
    turns.wake(lotus.pk)
    scene.work()

    assert (
        len(scene.klaviyo.request_log(operation="get_profiles")) == 6
    )  # others may have moved what was found
    assert len(scene.klaviyo.request_log(operation="bulk_suppress_profiles")) == 6


def test_one_address_that_klaviyo_refuses_keeps_no_other_from_being_suppressed(
    scene: Scene,
) -> None:
    people = [scene.add(email=f"client{number}@example.com") for number in range(9)]
    scene.sync()
    bad = people[4]
    expose(bad, **{"client4@no-dots": "a profile"})
    Client.objects.filter(pk=bad.pk).update(email="client4@no-dots")

    for client in people:
        scene.opt_out(client)
    scene.work()

    good = {client.email for client in people if client != bad}
    assert scene.klaviyo.suppressed() == good
    assert row_of(bad).reason == Reason.EMAIL_INVALID
    assert not ClientSync.objects.exclude(client=bad).exclude(reason="").exists()


def test_an_address_mistyped_once_keeps_its_correction_from_nothing(scene: Scene) -> None:
    ana = scene.add(email="ana@no-dots")
    scene.sync()
    scene.change(ana, email="ana@example.com")
    scene.work()

    scene.opt_out(ana)
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert row_of(ana).reason == ""


def test_an_address_that_no_look_up_can_be_made_of_holds_no_other_opt_out_back(
    scene: Scene,
) -> None:
    scene.klaviyo.seed({"email": "ana@example.com"}, {"email": "cleo@example.com"})
    for address in ("ana@example.com", '"a]b"@example.com', "cleo@example.com"):
        scene.opt_out(scene.add(email=address))

    scene.sync()

    assert scene.klaviyo.suppressed() == {"ana@example.com", "cleo@example.com"}
    assert ClientSync.objects.get(client__email__contains="]").reason == Reason.EMAIL_INVALID


def test_an_opt_out_that_needs_no_look_up_does_not_wait_for_one(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("500", operation="get_profiles")

    scene.opt_out(scene.add(email="bea@example.com", email_opt_in=False))
    scene.opt_out(ana)
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
