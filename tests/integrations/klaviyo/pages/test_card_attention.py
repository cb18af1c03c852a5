"""The card when somebody has to act or wait, and the counters that lead to who it is."""

import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo.connection import hindrances, lifecycle
from integrations.klaviyo.models import Connection, KlaviyoHealth, RateLimit
from integrations.klaviyo.pages.card import State
from integrations.klaviyo.pages.todos import Kind
from integrations.klaviyo.reasons import Reason
from tests.support.klaviyo.cards import CARD, assert_state, assert_todo, page, press, words
from tests.support.klaviyo.outages import klaviyo_is_down, klaviyo_is_silent
from tests.support.klaviyo.scene import Scene, time_passes

pytestmark = pytest.mark.django_db


# --- What a person has to act for -----------------------------------------------------------------


def test_opt_outs_waiting_hide_no_pause_and_are_said_plainly(
    three_scopes: Connection, olives: Browser, scene: Scene
) -> None:
    scene.add_opted_out(first_name="Ana", last_name="Pereira", email="ana@lotus.test")
    scene.add(email="bo@lotus.test")
    Connection.objects.update(phase=Connection.Phase.CLIENTS, paused_at=timezone.now())

    assert_state(olives, State.PAUSED)
    assert_todo(olives, Kind.OPT_OUTS)
    said = words(olives)
    assert "Ana Pereira opted out, and Klaviyo may still email them" in said
    assert "Allow automatic suppression" in said
    assert "Download the list" in said
    assert "Resume" in said
    assert "opt-outs still go to Klaviyo" not in said


def test_suppression_can_be_allowed_before_anybody_opts_out_and_is_offered_once(
    three_scopes: Connection, olives: Browser, scene: Scene
) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.work()
    before = page(olives)
    scene.opt_out(ana)
    scene.work()
    after = page(olives)

    for html in (before, after):
        assert html.count(reverse("klaviyo:allow_suppression", args=["lotus"])) == 1


def test_the_opt_out_of_a_deleted_client_still_waits_for_the_owner(
    three_scopes: Connection, olives: Browser, scene: Scene
) -> None:
    scene.add_opted_out(email="ana@lotus.test")

    Client.objects.get().delete()

    assert_todo(olives, Kind.OPT_OUTS)
    assert "A deleted client" in page(olives, f"{CARD}klaviyo/opt-outs/")


def test_what_klaviyo_refuses_of_one_client_needs_attention(scene: Scene, olives: Browser) -> None:
    ana = scene.add(first_name="Ana", last_name="Pereira", email="ana@lotus.test")
    scene.sync()
    scene.change_to_taken(ana, "other@lotus.test")

    assert_state(olives, State.WORKING)
    assert_todo(olives, Kind.CLIENTS)
    assert "Ana Pereira needs attention" in words(olives)


def test_few_are_named_and_many_are_counted(
    three_scopes: Connection, olives: Browser, scene: Scene
) -> None:
    for name in ("Ana", "Bo", "Cy"):
        scene.add_opted_out(first_name=name, email=f"{name}@lotus.test")
    few = words(olives)
    scene.add_opted_out(first_name="Di", email="di@lotus.test")

    assert "Ana, Bo and Cy opted out" in few
    assert "4 people opted out" in words(olives)


def test_an_outage_hides_nothing_to_do_and_is_hidden_by_nothing(
    three_scopes: Connection, olives: Browser, scene: Scene
) -> None:
    bo = scene.add(email="bo@lotus.test")
    scene.work()
    scene.add_opted_out(first_name="Ana", email="ana@lotus.test")
    scene.change_to_taken(bo, "other@lotus.test")
    assert "2 things to do" in words(olives)
    scene.add(email="cy@lotus.test")
    klaviyo_is_silent(three_scopes)

    assert_state(olives, State.NOT_ANSWERING)
    said = words(olives)
    assert "2 things to do" in said
    assert "Ana opted out" in said
    assert "Try now" in said


def test_with_nothing_to_do_the_card_says_so(scene: Scene, olives: Browser) -> None:
    scene.sync()

    assert "Nothing to do" in words(olives)


def test_who_does_not_want_to_wait_tries_now(scene: Scene, olives: Browser) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()
    scene.klaviyo.fault("500", operation="update_profile")
    scene.change(ana, first_name="Anna")
    for _ in range(hindrances.FAILURES_UNTIL_SAID):
        scene.work()
        time_passes()
    scene.work()
    scene.klaviyo.clear_faults()
    scene.work()
    assert_state(olives, State.NOT_ANSWERING)

    press(olives, "try_now")
    scene.work()

    assert_state(olives, State.WORKING)
    assert scene.values() == {"ana@lotus.test": ("Anna", None, None)}


def test_what_klaviyo_refuses_of_the_connection_stops_it_until_an_owner_tries_again(
    scene: Scene, olives: Browser
) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()
    lifecycle.suspend(Connection.objects.get(), Reason.NOT_ACCEPTED)
    scene.change(ana, first_name="Anna")

    assert_state(olives, State.SUSPENDED)
    said = words(olives)
    assert "Klaviyo has refused our requests since" in said
    assert "1 change is safe here" in said
    assert re.search(r"tried again by itself at \d\d:\d\d", said)

    press(olives, "retry_all")
    scene.work()
    assert_state(olives, State.WORKING)


def test_while_klaviyo_does_not_answer_the_card_says_what_is_safe_and_when_it_is_tried(
    scene: Scene, olives: Browser
) -> None:
    ana = scene.add(email="ana@lotus.test")
    connection = scene.sync()
    scene.klaviyo.fault("500", operation="update_profile")
    scene.change(ana, first_name="Anna")
    for _ in range(hindrances.FAILURES_UNTIL_SAID):
        scene.work()
        time_passes()
    scene.change(ana, first_name="Anne")
    scene.work()

    assert_state(olives, State.NOT_ANSWERING)
    assert re.search(r"1 change is safe here; next try \d\d:\d\d:\d\d", words(olives))

    scene.klaviyo.clear_faults()
    time_passes()
    scene.work()
    assert_state(olives, State.WORKING)
    assert RateLimit.objects.filter(connection=connection).exists()


def test_who_tries_now_while_it_is_down_for_everybody_is_the_next_to_ask(
    scene: Scene, olives: Browser
) -> None:
    scene.sync()
    klaviyo_is_down()
    KlaviyoHealth.objects.update(probe_at=timezone.now() + timedelta(minutes=5))

    press(olives, "try_now")

    assert KlaviyoHealth.objects.filter(probe_at__lte=timezone.now()).exists()


@pytest.mark.parametrize(
    ("block", "waits"),
    [(RateLimit.Block.THROTTLED, True), (RateLimit.Block.NOT_ANSWERING, False)],
)
def test_trying_now_ends_a_silence_and_waits_for_what_klaviyo_asked_to_wait_for(
    scene: Scene, olives: Browser, block: RateLimit.Block, waits: bool
) -> None:
    klaviyo_is_silent(scene.sync())
    until = timezone.now() + timedelta(minutes=5)
    RateLimit.objects.update(blocked_until=until, block=block)

    press(olives, "try_now")

    blocked = RateLimit.objects.filter(blocked_until__gt=timezone.now())
    assert blocked.exists() is waits


def test_one_hiccup_is_nobodys_business(scene: Scene, olives: Browser) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()
    scene.klaviyo.fault("500", operation="update_profile", times=1)
    scene.change(ana, first_name="Anna")
    scene.work()

    assert_state(olives, State.WORKING)
    assert "1 change on the way" in words(olives)


def test_a_silence_of_long_ago_is_no_longer_said(scene: Scene, olives: Browser) -> None:
    connection = scene.sync()
    klaviyo_is_silent(connection)
    RateLimit.objects.update(failed_at=timezone.now() - timedelta(minutes=5))

    assert_state(olives, State.WORKING)


def test_paused_the_changes_wait_and_opt_outs_flow(scene: Scene, olives: Browser) -> None:
    ana, bo = scene.add(email="ana@lotus.test"), scene.add(email="bo@lotus.test")
    scene.sync()

    press(olives, "pause")
    scene.opt_out(ana)
    scene.work()
    scene.change(bo, first_name="Bob")

    assert_state(olives, State.PAUSED)
    assert "1 change waits here. Opt-outs still go to Klaviyo" in words(olives)
    assert scene.klaviyo.suppressed() == {"ana@lotus.test"}

    press(olives, "resume")
    scene.work()
    assert_state(olives, State.WORKING)
    profile = scene.klaviyo.profile("bo@lotus.test")
    assert profile
    assert profile["first_name"] == "Bob"


# --- Counters -------------------------------------------------------------------------------------


def test_the_four_counters_lead_to_lists_with_as_many_rows(
    three_scopes: Connection, scene: Scene, olives: Browser
) -> None:
    ana, bo, cy = (scene.add(email=f"{name}@lotus.test") for name in ("ana", "bo", "cy"))
    scene.work()
    scene.klaviyo.seed({"email": "taken@lotus.test"})
    scene.change(ana, email="taken@lotus.test")
    scene.opt_out(bo)
    scene.work()
    scene.add(email="no@lotus.test", email_opt_in=False)
    scene.add(first_name="Dee")
    scene.work()
    scene.klaviyo.fault("500")
    scene.add(email="eve@lotus.test")
    scene.change(cy, first_name="Cyd")

    html = page(olives)
    counted = counters(html)

    assert counted == {"attention": 2, "not-sent": 2, "in-klaviyo": 1, "waiting": 1}
    for name, number in counted.items():
        [url] = re.findall(rf'id="counter-{name}"[^>]*href="([^"]+)"', html)
        assert page(olives, url).count("data-row") == number, name


def counters(html: str) -> dict[str, int]:
    found = re.findall(r'id="counter-([\w-]+)".*?counter__number">(\d+)<', html)
    return {name: int(number) for name, number in found}
