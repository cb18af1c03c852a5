"""The card's panel refreshes itself, and a test of the connection shows its result."""

import re

import pytest
from django.test import Client as Browser
from django.urls import reverse

from integrations.klaviyo import connections, trial
from integrations.klaviyo.card import State
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.cards import Answer, Work, assert_state, page, press, words
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import change

pytestmark = pytest.mark.django_db


def panel(browser: Browser, face: str) -> Answer:
    url = reverse("klaviyo:panel", args=["lotus"])
    return browser.get(url, {"face": face}, headers={"HX-Request": "true"})


def test_the_panel_refreshes_itself_fast_only_while_something_moves(
    connect: Connect, olives: Browser, add: AddClient, work: Work
) -> None:
    add(email="ana@lotus.test")
    connect()
    moving = page(olives)
    work()
    still = page(olives)

    assert 'hx-trigger="every 2s"' in moving
    assert 'hx-trigger="every 5s"' in still


def test_while_paused_the_panel_is_in_no_hurry(
    connect: Connect, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    press(olives, "pause")
    change(ana, first_name="Anna")

    assert 'hx-trigger="every 5s"' in page(olives)


def test_the_panel_alone_is_sent_while_the_state_stays(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connect()
    work()

    answer = panel(olives, "connected")

    assert 'id="klaviyo-card"' in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "HX-Refresh" not in answer.headers


def test_when_the_state_changes_the_whole_page_reloads(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connect()

    before = panel(olives, "sending")
    work()
    after = panel(olives, "sending")

    assert "HX-Refresh" not in before.headers
    assert after["HX-Refresh"] == "true"


def test_the_result_of_a_test_appears_by_itself(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connect()
    work()

    press(olives, "test")
    testing = page(olives)
    [face] = re.findall(r"face=([\w-]+)", testing)
    before = panel(olives, face)
    work()
    after = panel(olives, face)

    assert "Testing…" in testing
    assert 'hx-trigger="every 2s"' in testing
    assert "HX-Refresh" not in before.headers
    assert after["HX-Refresh"] == "true"
    assert re.search(r"Last test \d+ \w+ \d{4}, \d\d:\d\d: works", words(olives))


def test_testing_the_connection_writes_nothing_at_klaviyo(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    add(email="ana@lotus.test")
    connect()
    work()
    before = len(sandbox.journal())

    press(olives, "test")
    work()

    written = [entry["operation"] for entry in sandbox.journal()[before:]]
    assert [one for one in written if "profile" in one] == []
    assert sandbox.arrivals(operation="get_accounts")


def test_a_test_says_what_is_missing(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, work: Work
) -> None:
    connect()
    work()
    sandbox.fault("403", operation="get_accounts")

    press(olives, "test")
    work()

    assert "permission missing" in words(olives)


def test_a_good_test_lets_a_refused_connection_go_on(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connection = connect()
    work()
    connections.refuse(connection, Reason.NOT_ACCEPTED)

    trial.ask_for(connection)
    work()

    assert_state(olives, State.CONNECTED)
