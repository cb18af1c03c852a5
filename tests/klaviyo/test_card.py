"""The card before, during and after a connection: one state at a time, and true."""

import pytest
from django.db.models import F
from django.test import Client as Browser

from clients.models import Client
from integrations.klaviyo import backfill, card, connections
from integrations.klaviyo.card import Card, State
from integrations.klaviyo.models import ClientSync, EndCause
from integrations.klaviyo.operations import SCOPES
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from studios.models import Studio
from tests.klaviyo.cards import CARD, Work, assert_state, page, press, words
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import change

pytestmark = pytest.mark.django_db


def test_before_the_click_the_card_says_what_would_happen(
    lotus: Studio, olives: Browser, add: AddClient
) -> None:
    for number in range(3):
        add(email=f"c{number}@lotus.test")
    add(email="no@lotus.test", email_opt_in=False)
    add(first_name="Bo")

    said = words(olives)

    assert_state(olives, State.NOT_CONNECTED)
    assert "3 clients who agreed to emails" in said
    assert "1 client: not opted in" in said
    assert "1 client: no email" in said
    assert "Less than a minute" in said
    for scope in SCOPES:
        assert scope in said
    assert "Connect Klaviyo" in said


def test_the_time_that_sending_takes_follows_from_klaviyos_limit() -> None:
    assert card.minutes_for(0) == 0
    assert card.minutes_for(1) == 1
    assert 13 <= card.minutes_for(10_000) <= 16


def test_just_connected_the_clients_are_being_sent(
    connect: Connect, olives: Browser, add: AddClient
) -> None:
    add(email="ana@lotus.test")
    add(email="bo@lotus.test")
    add(first_name="without address")

    connect()

    assert_state(olives, State.SENDING)
    assert "0 of 2 clients done" in words(olives)
    assert "leaving this page stops nothing" in words(olives)


def test_halfway_the_bar_has_moved(connect: Connect, olives: Browser, add: AddClient) -> None:
    ana = add(email="ana@lotus.test")
    add(email="bo@lotus.test")
    connection = connect()
    while backfill.seed(connection):
        pass
    Client.objects.filter(pk=ana.pk).update(klaviyo_profile_id="01A")
    ClientSync.objects.filter(client=ana).update(done=F("wanted"))

    assert_state(olives, State.SENDING)
    assert "1 of 2 clients done less than a minute left" in words(olives)


def test_when_all_is_sent_the_card_is_quiet(
    connect: Connect, olives: Browser, add: AddClient, work: Work
) -> None:
    add(email="ana@lotus.test")
    connect()
    work()

    assert_state(olives, State.CONNECTED)
    assert f"Connected as {LOTUS.organization}" in words(olives)
    assert "up to date" in words(olives)
    assert "button--primary" not in page(olives)


def test_with_nobody_to_send_the_card_does_not_claim_anybody_is_there(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connect()
    work()

    assert "Nobody is in Klaviyo yet" in words(olives)


def test_an_edit_on_its_way_is_said(
    connect: Connect, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()

    change(ana, first_name="Anna")

    assert_state(olives, State.CONNECTED)
    assert "1 change on the way" in words(olives)


def test_after_a_disconnect_the_card_says_what_was_deleted(
    connect: Connect, olives: Browser, add: AddClient, work: Work
) -> None:
    add(email="ana@lotus.test")
    connect()
    work()

    press(olives, "disconnect")
    during = words(olives)
    assert_state(olives, State.DISCONNECTING)
    work()

    assert "Nothing more is sent" in during
    assert_state(olives, State.DISCONNECTED)
    assert "by Olive Okafor" in words(olives)
    assert "1 profile id and 1 record" in words(olives)
    assert "Klaviyo confirmed" in words(olives)
    assert "Connect Klaviyo" in words(olives)


def test_an_unconfirmed_disconnect_says_how_to_finish_it_at_klaviyo(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, work: Work
) -> None:
    connect()
    work()
    sandbox.fault("500", operation="oauth_revoke")

    press(olives, "disconnect")
    work()

    assert_state(olives, State.DISCONNECTED)
    assert "Klaviyo did not confirm" in words(olives)
    assert "Remove integration" in words(olives)


def test_an_uninstall_there_asks_to_reconnect_on_every_settings_page(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    connect()
    work()
    sandbox.uninstall(tell=False)
    add(email="ana@lotus.test")
    work()

    assert_state(olives, State.RECONNECT_REQUIRED)
    assert "may still email those people" in words(olives)
    for url in (CARD, "/s/lotus/settings/", "/s/lotus/settings/team/"):
        assert "Reconnect required." in page(olives, url)


def test_the_banner_is_gone_once_connected_again(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connections.fence(connect(), EndCause.UNINSTALLED)
    work()
    connect()

    assert "Reconnect required." not in page(olives, "/s/lotus/settings/")


# --- Cost -----------------------------------------------------------------------------------------


def test_what_nobody_asks_is_not_counted(
    connect: Connect, lotus: Studio, add: AddClient, work: Work
) -> None:
    """The Clients page asks for the state alone, and must not count 100,000 clients for it."""
    add(email="ana@lotus.test")
    connect()
    work()
    looked = Card(lotus)

    assert looked.state == State.CONNECTED
    assert not {"numbers", "unsent", "due"} & set(vars(looked))
