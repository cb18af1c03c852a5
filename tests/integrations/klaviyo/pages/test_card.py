"""The card before, during and after a connection: one state at a time, and true."""

import pytest
from django.db.models import F
from django.test import Client as Browser

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import ClientSync, Connection, EndCause
from integrations.klaviyo.pages import card
from integrations.klaviyo.pages.card import Card, State
from integrations.klaviyo.sync import backfill
from studios.models import Studio
from tests.support.klaviyo.cards import CARD, assert_state, page, press, words
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db


def test_before_the_click_the_card_says_what_would_happen(
    lotus: Studio, olives: Browser, scene: Scene
) -> None:
    for number in range(3):
        scene.add(email=f"c{number}@lotus.test")
    scene.add(email="no@lotus.test", email_opt_in=False)
    scene.add(first_name="Bo")

    said = words(olives)

    assert_state(olives, State.NOT_CONNECTED)
    assert "3 clients who agreed to emails" in said
    assert "1 client: not agreed to emails" in said
    assert "1 client: no email" in said
    assert "Less than a minute" in said
    for scope in SCOPES:
        assert scope in said
    assert "Connect Klaviyo" in said


def test_the_time_that_sending_takes_follows_from_klaviyos_limit() -> None:
    assert card.minutes_for(0) == 0
    assert card.minutes_for(1) == 1
    assert 13 <= card.minutes_for(10_000) <= 16


def test_just_connected_the_clients_are_being_sent(scene: Scene, olives: Browser) -> None:
    scene.add(email="ana@lotus.test")
    scene.add(email="bo@lotus.test")
    scene.add(first_name="without address")

    scene.connect()

    assert_state(olives, State.SENDING)
    assert "0 of 2 clients done" in words(olives)
    assert "leaving this page stops nothing" in words(olives)


def test_the_number_promised_before_the_click_is_the_one_that_is_counted_to(
    scene: Scene, olives: Browser
) -> None:
    """With people who had opted out before, and were known to Klaviyo."""
    for number in range(3):
        scene.add(email=f"c{number}@lotus.test")
    gone = scene.add(email="gone@lotus.test")
    scene.opt_out(gone)
    scene.klaviyo.seed({"email": "gone@lotus.test"})
    before = words(olives)
    connection = scene.connect(scopes=SCOPES)
    during = words(olives)
    while backfill.seed_chunk(connection):
        pass
    seeded = words(olives)

    assert "3 clients who agreed to emails" in before
    assert "0 of 3 clients done" in during
    assert "0 of 3 clients done" in seeded


def test_halfway_the_bar_has_moved(scene: Scene, olives: Browser) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.add(email="bo@lotus.test")
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass
    Client.objects.filter(pk=ana.pk).update(klaviyo_profile_id="01A")
    ClientSync.objects.filter(client=ana).update(synced_version=F("desired_version"))

    assert_state(olives, State.SENDING)
    assert "1 of 2 clients done less than a minute left" in words(olives)


def test_when_all_is_sent_the_card_is_quiet(scene: Scene, olives: Browser) -> None:
    scene.add(email="ana@lotus.test")
    scene.sync()

    assert_state(olives, State.WORKING)
    assert f"Connected as {LOTUS.organization}" in words(olives)
    assert "up to date" in words(olives)
    assert "button--primary" not in page(olives)


def test_with_nobody_to_send_the_card_does_not_claim_anybody_is_there(
    scene: Scene, synced: Connection, olives: Browser
) -> None:
    assert "Nobody is in Klaviyo yet" in words(olives)


def test_an_edit_on_its_way_is_said(scene: Scene, olives: Browser) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()

    scene.change(ana, first_name="Anna")

    assert_state(olives, State.WORKING)
    assert "1 change on the way" in words(olives)


def test_after_a_disconnect_the_card_says_what_was_deleted(scene: Scene, olives: Browser) -> None:
    scene.add(email="ana@lotus.test")
    scene.sync()

    press(olives, "disconnect")
    during = words(olives)
    assert_state(olives, State.DISCONNECTING)
    scene.work()

    assert "Nothing more is sent" in during
    assert_state(olives, State.DISCONNECTED)
    assert "by Olive Okafor" in words(olives)
    assert "1 profile id and 1 record" in words(olives)
    assert "Klaviyo confirmed" in words(olives)
    assert "Connect Klaviyo" in words(olives)


def test_an_unconfirmed_disconnect_says_how_to_finish_it_at_klaviyo(
    scene: Scene, synced: Connection, olives: Browser
) -> None:
    scene.klaviyo.fault("500", operation="oauth_revoke")

    press(olives, "disconnect")
    scene.work()

    assert_state(olives, State.DISCONNECTED)
    assert "Klaviyo did not confirm" in words(olives)
    assert "Remove integration" in words(olives)


def test_an_uninstall_there_asks_to_reconnect_on_every_settings_page(
    scene: Scene, synced: Connection, olives: Browser
) -> None:
    scene.klaviyo.uninstall(tell=False)
    scene.add(email="ana@lotus.test")
    scene.work()

    assert_state(olives, State.RECONNECT_REQUIRED)
    assert "may still email those people" in words(olives)
    for url in (CARD, "/s/lotus/settings/", "/s/lotus/settings/team/"):
        assert "Reconnect required." in page(olives, url)


def test_the_banner_is_gone_once_connected_again(scene: Scene, olives: Browser) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.UNINSTALLED)
    scene.work()
    scene.connect()

    assert "Reconnect required." not in page(olives, "/s/lotus/settings/")


# --- Cost -----------------------------------------------------------------------------------------


def test_what_nobody_asks_is_not_counted(scene: Scene, lotus: Studio) -> None:
    """The Clients page asks for the state alone, and must not count 100,000 clients for it."""
    scene.add(email="ana@lotus.test")
    scene.sync()
    looked = Card(lotus)

    assert looked.state == State.WORKING
    assert not {"numbers", "unsent", "due"} & set(vars(looked))
