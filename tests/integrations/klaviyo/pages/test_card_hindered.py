"""The card while nothing reaches Klaviyo: why, since when, what is safe, when it is tried again."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.klaviyo.connection import health_check, lifecycle
from integrations.klaviyo.models import Connection, EndCause, Worker
from integrations.klaviyo.pages.card import Card, State
from integrations.klaviyo.pages.todos import Kind
from integrations.klaviyo.reasons import Reason
from studios.models import Studio
from tests.support.klaviyo.cards import assert_state, assert_todo, press, words
from tests.support.klaviyo.outages import (
    klaviyo_answers_again,
    klaviyo_is_down,
    klaviyo_is_silent,
)
from tests.support.klaviyo.scene import Scene, time_passes

pytestmark = pytest.mark.django_db

TIME = r"\d\d:\d\d"
MOMENTS = rf"{TIME}:\d\d"


@pytest.fixture
def edited(scene: Scene) -> Connection:
    """One client in Klaviyo, with a change on its way."""
    ana = scene.add(email="ana@lotus.test")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    return connection


def no_worker_is_seen(for_time: timedelta = timedelta(minutes=2)) -> None:
    Worker.objects.update(seen_at=timezone.now() - for_time)


# --- No worker ------------------------------------------------------------------------------------


def test_with_no_worker_running_the_card_says_that_nothing_is_sent(
    edited: Connection, olives: Browser
) -> None:
    no_worker_is_seen()

    assert_state(olives, State.NO_WORKER)
    said = words(olives)
    assert re.search(rf"No worker of Junocal is running since {TIME}\.", said)
    assert "1 change is safe here" in said
    assert "on the way" not in said


def test_with_no_worker_ever_seen_no_time_is_made_up(edited: Connection, olives: Browser) -> None:
    Worker.objects.all().delete()

    assert_state(olives, State.NO_WORKER)
    assert "No worker of Junocal is running. Nothing is sent" in words(olives)


def test_one_worker_of_several_is_enough(edited: Connection, olives: Browser) -> None:
    no_worker_is_seen()
    Worker.objects.create(name="another")

    assert_state(olives, State.WORKING)


def test_a_worker_that_restarts_is_nobodys_business(edited: Connection, olives: Browser) -> None:
    no_worker_is_seen(timedelta(seconds=30))

    assert_state(olives, State.WORKING)


def test_while_nothing_waits_for_a_worker_none_is_missed(
    synced: Connection, olives: Browser
) -> None:
    no_worker_is_seen()

    assert_state(olives, State.WORKING)


def test_in_a_pause_a_worker_is_missed_for_opt_outs_only(
    scene: Scene, edited: Connection, olives: Browser
) -> None:
    bea = scene.add(email="bea@lotus.test")
    scene.work()
    Connection.objects.update(paused_at=timezone.now())
    scene.change(bea, first_name="Beatrice")
    no_worker_is_seen()
    assert_state(olives, State.PAUSED)

    scene.opt_out(bea)

    assert_state(olives, State.NO_WORKER)


def test_a_first_sending_that_nobody_carries_out_is_not_said_to_be_on_its_way(
    scene: Scene, olives: Browser
) -> None:
    scene.add(email="ana@lotus.test")
    scene.connect()
    no_worker_is_seen()

    assert_state(olives, State.NO_WORKER)
    assert "clients done" not in words(olives)


def test_an_end_that_nobody_carries_out_doesnt_take_a_few_seconds(
    synced: Connection, olives: Browser
) -> None:
    lifecycle.begin_disconnect(synced, EndCause.OWNER)
    no_worker_is_seen()

    assert_state(olives, State.DISCONNECTING)
    said = words(olives)
    assert "No worker of Junocal is running" in said
    assert "a few seconds" not in said


def test_beside_opt_outs_that_wait_for_the_owner_it_is_said_too(
    three_scopes: Connection, scene: Scene, olives: Browser
) -> None:
    scene.add_opted_out(email="ana@lotus.test")
    scene.add(email="bo@lotus.test")
    no_worker_is_seen()

    assert_state(olives, State.NO_WORKER)
    assert_todo(olives, Kind.OPT_OUTS)


# --- Klaviyo --------------------------------------------------------------------------------------


def test_when_klaviyo_is_down_for_everybody_the_card_says_that_it_is_not_about_this_studio(
    edited: Connection, olives: Browser
) -> None:
    klaviyo_is_down()

    assert_state(olives, State.NOT_ANSWERING)
    said = words(olives)
    assert "Klaviyo is down for everybody." in said
    assert re.search(rf"1 change is safe here; next try {MOMENTS}", said)


def test_when_it_is_silent_for_this_studio_nothing_is_said_of_others(
    edited: Connection, olives: Browser
) -> None:
    klaviyo_is_silent(edited)

    assert_state(olives, State.NOT_ANSWERING)
    said = words(olives)
    assert re.search(rf"Klaviyo has not answered since {TIME}", said)
    assert "everybody" not in said


def test_in_a_pause_nobody_waits_for_an_answer(edited: Connection, olives: Browser) -> None:
    Connection.objects.update(paused_at=timezone.now())
    klaviyo_is_down()

    assert_state(olives, State.PAUSED)


def test_when_it_answers_again_so_does_the_card(
    scene: Scene, edited: Connection, olives: Browser
) -> None:
    klaviyo_is_down()
    klaviyo_is_silent(edited)

    klaviyo_answers_again()
    scene.work()

    assert_state(olives, State.WORKING)


# --- Refused --------------------------------------------------------------------------------------


def test_a_refused_connection_with_nothing_to_send_promises_no_time(
    synced: Connection, olives: Browser
) -> None:
    lifecycle.suspend(synced, Reason.PERMISSION_MISSING)

    assert_state(olives, State.SUSPENDED)
    said = words(olives)
    assert "tried again with the next change" in said
    assert "by itself" not in said


def test_when_klaviyo_has_retired_what_junocal_speaks_no_client_is_blamed(
    scene: Scene, edited: Connection, olives: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    scene.klaviyo.fault("410")
    scene.work()
    time_passes()
    scene.work()

    assert_state(olives, State.OUTDATED)
    said = words(olives)
    assert "no longer takes what this version of Junocal sends" in said
    assert "1 change is safe here" in said
    errors = [one for one in caplog.records if one.levelname == "ERROR"]
    assert [one.getMessage() for one in errors] == ["suspended: outdated"]

    scene.klaviyo.clear_faults()
    time_passes()
    scene.work()
    assert_state(olives, State.WORKING)
    assert scene.values() == {"ana@lotus.test": ("Anna", None, None)}


def test_a_test_of_the_connection_says_so_too(scene: Scene, synced: Connection) -> None:
    scene.klaviyo.fault("410", operation="get_accounts")

    health_check.request(synced)
    scene.work()

    assert Connection.objects.get().health_check_result == Reason.OUTDATED


def test_trying_again_now_is_the_owners_to_press(
    scene: Scene, edited: Connection, olives: Browser
) -> None:
    lifecycle.suspend(edited, Reason.NOT_ACCEPTED)

    press(olives, "retry_all")
    scene.work()

    assert_state(olives, State.WORKING)


# --- Cost -----------------------------------------------------------------------------------------


def test_a_quiet_card_asks_little(synced: Connection, lotus: Studio) -> None:
    with CaptureQueriesContext(database) as asked:
        assert Card(lotus).state == State.WORKING

    assert len(asked) <= 8
