"""The card: one state at a time, reached from what really happened, with at most one big button."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo import backfill, card, connections, trial
from integrations.klaviyo.card import Card, State
from integrations.klaviyo.models import ClientSync, Connection, EndCause, RateBudget
from integrations.klaviyo.operations import LARGE, SCOPES
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from studios.models import Studio
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import change, opt_out, time_passes

pytestmark = pytest.mark.django_db

Answer = Any  # a response, as the test client makes it

Work = Callable[[], None]
CARD = "/s/lotus/settings/integrations/"


def page(browser: Browser, url: str = CARD) -> str:
    answer: Answer = browser.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def words(browser: Browser) -> str:
    """The card's page as one reads it."""
    return " ".join(re.sub(r"<[^>]+>", " ", page(browser)).split())


def press(browser: Browser, name: str) -> Answer:
    return browser.post(reverse(f"klaviyo:{name}", args=["lotus"]))


def assert_state(browser: Browser, state: State) -> None:
    """The page shows this state, with at most one big button in all of it."""
    html = page(browser)
    assert f"<span>{state.label}</span>" in html
    assert f"face={state.value}" in html
    assert html.count("button--primary") <= 1


@pytest.fixture
def three_scopes(connect: Connect) -> Connection:
    return connect(scopes=SCOPES)


# --- Before and after a connection ----------------------------------------------------------------


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


# --- What a person has to act for -----------------------------------------------------------------


def test_opt_outs_waiting_outrank_everything_and_are_said_plainly(
    three_scopes: Connection, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    work()
    opt_out(ana)
    work()
    add(email="bo@lotus.test")
    Connection.objects.update(phase=Connection.Phase.CLIENTS, paused_at=timezone.now())

    assert_state(olives, State.OPT_OUTS_WAITING)
    said = words(olives)
    assert "1 person opted out, and Klaviyo may still email this person" in said
    assert "Allow automatic suppression" in said
    assert "Download the list" in said
    assert "Resume" in said


def test_the_opt_out_of_a_deleted_client_still_waits_for_the_owner(
    three_scopes: Connection, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    work()
    opt_out(ana)
    work()

    Client.objects.get().delete()

    assert_state(olives, State.OPT_OUTS_WAITING)
    assert "A deleted client" in page(olives, f"{CARD}klaviyo/opt-outs/")


def test_what_klaviyo_refuses_of_one_client_needs_attention(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    sandbox.seed({"email": "other@lotus.test"})
    change(ana, email="other@lotus.test")
    work()

    assert_state(olives, State.NEEDS_ATTENTION)
    assert "1 client needs somebody to look" in words(olives)


def test_what_klaviyo_refuses_of_the_connection_stops_it_until_an_owner_tries_again(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    connections.refuse(Connection.objects.get(), Reason.NOT_ACCEPTED)
    change(ana, first_name="Anna")

    assert_state(olives, State.REFUSED)
    assert "Klaviyo refused our last request" in words(olives)

    press(olives, "retry_all")
    work()
    assert_state(olives, State.CONNECTED)


def test_while_klaviyo_does_not_answer_the_card_says_what_is_safe_and_when_it_is_tried(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connection = connect()
    work()
    sandbox.fault("500", operation="update_profile")
    change(ana, first_name="Anna")
    for _ in range(card.FAILURES_UNTIL_SAID):
        work()
        time_passes()
    change(ana, first_name="Anne")
    work()

    assert_state(olives, State.NOT_ANSWERING)
    assert re.search(r"1 change is safe here; next try \d\d:\d\d:\d\d", words(olives))

    sandbox.clear_faults()
    time_passes()
    work()
    assert_state(olives, State.CONNECTED)
    assert RateBudget.objects.filter(connection=connection).exists()


def test_one_hiccup_is_nobodys_business(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    sandbox.fault("500", operation="update_profile", times=1)
    change(ana, first_name="Anna")
    work()

    assert_state(olives, State.CONNECTED)
    assert "1 change on the way" in words(olives)


def test_a_silence_of_long_ago_is_no_longer_said(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connection = connect()
    work()
    RateBudget.objects.filter(connection=connection).delete()
    bucket = RateBudget.fresh(connection, "oauth_refresh", LARGE)
    bucket.block, bucket.failures = RateBudget.Block.NOT_ANSWERING, 9
    bucket.blocked_until = timezone.now() - timedelta(minutes=5)
    bucket.save()

    assert_state(olives, State.CONNECTED)


def test_paused_the_changes_wait_and_opt_outs_flow(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana, bo = add(email="ana@lotus.test"), add(email="bo@lotus.test")
    connect()
    work()

    press(olives, "pause")
    opt_out(ana)
    work()
    change(bo, first_name="Bob")

    assert_state(olives, State.PAUSED)
    assert "1 change waits here. Opt-outs still go to Klaviyo" in words(olives)
    assert sandbox.suppressed() == {"ana@lotus.test"}

    press(olives, "resume")
    work()
    assert_state(olives, State.CONNECTED)
    profile = sandbox.profile("bo@lotus.test")
    assert profile
    assert profile["first_name"] == "Bob"


# --- Counters -------------------------------------------------------------------------------------


def test_the_four_counters_lead_to_lists_with_as_many_rows(
    three_scopes: Connection, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana, bo, cy = (add(email=f"{name}@lotus.test") for name in ("ana", "bo", "cy"))
    work()
    sandbox.seed({"email": "taken@lotus.test"})
    change(ana, email="taken@lotus.test")
    opt_out(bo)
    work()
    add(email="no@lotus.test", email_opt_in=False)
    add(first_name="Dee")
    work()
    sandbox.fault("500")
    add(email="eve@lotus.test")
    change(cy, first_name="Cyd")

    html = page(olives)
    counted = counters(html)

    assert counted == {"attention": 2, "not-sent": 2, "in-klaviyo": 1, "waiting": 1}
    for name, number in counted.items():
        [url] = re.findall(rf'id="counter-{name}"[^>]*href="([^"]+)"', html)
        assert page(olives, url).count("data-row") == number, name


def counters(html: str) -> dict[str, int]:
    found = re.findall(r'id="counter-([\w-]+)".*?counter__number">(\d+)<', html)
    return {name: int(number) for name, number in found}


# --- Refreshing itself ----------------------------------------------------------------------------


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
    assert 'hx-trigger="every 20s"' in still


def test_while_paused_the_panel_is_in_no_hurry(
    connect: Connect, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    press(olives, "pause")
    change(ana, first_name="Anna")

    assert 'hx-trigger="every 20s"' in page(olives)


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


# --- Disconnecting --------------------------------------------------------------------------------


def test_disconnecting_asks_first_and_tells_the_consequences(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connect()
    work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))

    assert LOTUS.organization in asked
    assert "Your profiles stay in Klaviyo" in asked
    assert "Download the list" not in asked
    assert Connection.objects.live().exists()


def test_disconnecting_offers_the_list_of_opt_outs_that_wait(
    three_scopes: Connection, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    work()
    opt_out(ana)
    work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))

    assert "Klaviyo has not heard of 1 opt-out" in asked
    assert reverse("klaviyo:opt_outs_csv", args=["lotus"]) in asked


def test_disconnecting_offers_the_list_of_opt_outs_that_klaviyo_did_not_answer_to(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    sandbox.fault("500")
    opt_out(ana)
    work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))
    listed = olives.get(reverse("klaviyo:opt_outs_csv", args=["lotus"])).content.decode()

    assert "Klaviyo has not heard of 1 opt-out" in asked
    assert listed.split() == ["Email", "ana@lotus.test"]


def test_disconnecting_twice_is_fine(connect: Connect, olives: Browser, work: Work) -> None:
    connect()

    first, second = press(olives, "disconnect"), press(olives, "disconnect")

    assert (first["Location"], second["Location"]) == (CARD, CARD)
    assert Connection.objects.get().is_fenced


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
