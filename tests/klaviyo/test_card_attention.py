"""The card when somebody has to act or wait, and the counters that lead to who it is."""

import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo import card, connections
from integrations.klaviyo.card import State
from integrations.klaviyo.models import Connection, RateBudget
from integrations.klaviyo.operations import LARGE, SCOPES
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.cards import CARD, Work, assert_state, page, press, words
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import change, opt_out, time_passes

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_scopes(connect: Connect) -> Connection:
    return connect(scopes=SCOPES)


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
    assert "opt-outs still go to Klaviyo" not in said


def test_suppression_can_be_allowed_before_anybody_opts_out_and_is_offered_once(
    three_scopes: Connection, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    work()
    before = page(olives)
    opt_out(ana)
    work()
    after = page(olives)

    for html in (before, after):
        assert html.count(reverse("klaviyo:allow_suppression", args=["lotus"])) == 1


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
