"""The card's panel refreshes itself, and a test of the connection shows its result."""

import re

import pytest
from django.test import Client as Browser
from django.urls import reverse

from integrations.klaviyo.connection import health_check, lifecycle
from integrations.klaviyo.models import Connection
from integrations.klaviyo.pages.card import State
from integrations.klaviyo.reasons import Reason
from tests.support.klaviyo.cards import Answer, assert_state, page, press, words
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db


def panel(browser: Browser, reload_key: str) -> Answer:
    url = reverse("klaviyo:panel", args=["lotus"])
    return browser.get(url, {"reload_key": reload_key}, headers={"HX-Request": "true"})


def test_the_panel_refreshes_itself_fast_only_while_something_moves(
    scene: Scene, olives: Browser
) -> None:
    scene.add(email="ana@lotus.test")
    scene.connect()
    moving = page(olives)
    scene.work()
    still = page(olives)

    assert 'hx-trigger="every 2s"' in moving
    assert 'hx-trigger="every 5s"' in still


def test_while_paused_the_panel_is_in_no_hurry(scene: Scene, olives: Browser) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()
    press(olives, "pause")
    scene.change(ana, first_name="Anna")

    assert 'hx-trigger="every 5s"' in page(olives)


def test_the_panel_alone_is_sent_while_the_state_stays(
    scene: Scene, synced: Connection, olives: Browser
) -> None:
    answer = panel(olives, "working")

    assert 'id="klaviyo-card"' in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "HX-Refresh" not in answer.headers


def test_when_the_state_changes_the_whole_page_reloads(scene: Scene, olives: Browser) -> None:
    scene.connect()

    before = panel(olives, "sending")
    scene.work()
    after = panel(olives, "sending")

    assert "HX-Refresh" not in before.headers
    assert after["HX-Refresh"] == "true"


def test_the_result_of_a_test_appears_by_itself(
    scene: Scene, synced: Connection, olives: Browser
) -> None:
    press(olives, "test")
    testing = page(olives)
    [reload_key] = re.findall(r"reload_key=([\w-]+)", testing)
    before = panel(olives, reload_key)
    scene.work()
    after = panel(olives, reload_key)

    assert "Testing…" in testing
    assert 'hx-trigger="every 2s"' in testing
    assert "HX-Refresh" not in before.headers
    assert after["HX-Refresh"] == "true"
    assert re.search(r"Last test \d+ \w+ \d{4}, \d\d:\d\d: works", words(olives))


def test_testing_the_connection_writes_nothing_at_klaviyo(scene: Scene, olives: Browser) -> None:
    scene.add(email="ana@lotus.test")
    scene.sync()
    before = len(scene.klaviyo.journal())

    press(olives, "test")
    scene.work()

    written = [entry["operation"] for entry in scene.klaviyo.journal()[before:]]
    assert [one for one in written if "profile" in one] == []
    assert scene.klaviyo.request_log(operation="get_accounts")


def test_a_test_says_what_is_missing(scene: Scene, synced: Connection, olives: Browser) -> None:
    scene.klaviyo.fault("403", operation="get_accounts")

    press(olives, "test")
    scene.work()

    assert "permission missing" in words(olives)


def test_a_good_test_lets_a_refused_connection_go_on(scene: Scene, olives: Browser) -> None:
    connection = scene.sync()
    lifecycle.suspend(connection, Reason.NOT_ACCEPTED)

    health_check.request(connection)
    scene.work()

    assert_state(olives, State.WORKING)
