"""What the desk sees of Klaviyo besides the lines, and nothing that is the owner's."""

import re
from typing import Any

import pytest
from django.test import Client as Browser

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import Connection, EndCause, SyncEvent
from integrations.klaviyo.pages import client_pages
from integrations.klaviyo.pages.card import Card, State
from studios.models import Membership, Studio, User
from tests.support.cast import browser_of
from tests.support.klaviyo.page_text import LIST, see
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db
AGREED = {"email": "ana@lotus.test", "first_name": "Ana"}
OUTSIDE = client_pages.KlaviyoOnClientPages()


# --- The list: chips ------------------------------------------------------------------------------


def test_chips_count_and_narrow_the_list(
    connection: Connection, scene: Scene, fays: Browser
) -> None:
    scene.add(**AGREED)
    scene.add(first_name="Bo")
    scene.work()
    scene.add(first_name="Cyd", email="cyd@lotus.test")

    said = see(fays)

    for chip in ("Needs attention 0", "Not sent 1", "In Klaviyo 1", "Waiting 1"):
        assert chip in said
    for chip, found in {"in_klaviyo": "Ana", "not_sent": "Bo", "waiting": "Cyd"}.items():
        rows = re.findall(r"data-row>([^<]+)<", fays.get(LIST, {"klaviyo": chip}).content.decode())
        assert rows == [found]


def test_a_chip_that_nobody_made_filters_nothing(
    connection: Connection, scene: Scene, fays: Browser
) -> None:
    scene.add(**AGREED)

    assert "Ana" in see(fays, f"{LIST}?klaviyo=%00nonsense")


def test_the_export_has_a_column_for_it(
    connection: Connection, scene: Scene, fays: Browser
) -> None:
    scene.add(**AGREED)
    scene.work()

    answer: Any = fays.get(f"{LIST}export/", {"klaviyo": "in_klaviyo"})
    head, row = answer.getvalue().decode().splitlines()

    assert head.endswith(",Added,Klaviyo")
    assert row.endswith(',"In Klaviyo, up to date"')
    assert len(fays.get(f"{LIST}export/", {"klaviyo": "waiting"}).getvalue().splitlines()) == 1


# --- The list: how Klaviyo is doing ---------------------------------------------------------------

NOTICES = {
    State.NOT_CONNECTED: "",
    State.SENDING: "Klaviyo: sending clients",
    State.WORKING: "Klaviyo: working",
    State.PAUSED: "Klaviyo: paused",
    State.SUSPENDED: "Klaviyo: needs the owner",
    State.NOT_ANSWERING: "Klaviyo: not answering, changes are safe",
    State.NO_WORKER: "Klaviyo: nothing is being sent, changes are safe",
    State.OUTDATED: "Klaviyo: waits for an update of Junocal, changes are safe",
    State.RECONNECT_REQUIRED: "Klaviyo: needs the owner",
    State.DISCONNECTING: "",
    State.DISCONNECTED: "",
}


@pytest.mark.parametrize("state", State)
def test_each_state_has_its_word_for_the_desk(
    fay: User, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert notice_of(fay, state, monkeypatch) == NOTICES[state]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.WORKING, "Klaviyo: needs the owner"),
        (State.SENDING, "Klaviyo: sending clients; needs the owner"),
        (State.NOT_ANSWERING, "Klaviyo: not answering, changes are safe; needs the owner"),
        (State.SUSPENDED, "Klaviyo: needs the owner"),
    ],
)
def test_what_waits_for_the_owner_is_said_beside_it(
    fay: User, state: State, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert notice_of(fay, state, monkeypatch, needs_owner=True) == said


def notice_of(
    fay: User, state: State, monkeypatch: pytest.MonkeyPatch, *, needs_owner: bool = False
) -> str:
    class Looked(Card):
        def __init__(self, studio: Studio) -> None:
            super().__init__(studio)
            vars(self).update(state=state, needs_owner=needs_owner)

    monkeypatch.setattr(client_pages, "Card", Looked)
    notice = OUTSIDE.seen_by(Membership.objects.get(user=fay)).notice
    assert notice is None or notice.action is None
    return notice.text if notice else ""


def test_the_desk_sees_klaviyo_working_and_needing_the_owner(
    connection: Connection, fays: Browser, scene: Scene
) -> None:
    scene.work()
    working = see(fays)
    lifecycle.begin_disconnect(connection, EndCause.UNINSTALLED)
    scene.work()
    ended = see(fays)

    assert "Klaviyo: working" in working
    assert "Klaviyo: needs the owner" in ended


def test_account_name_ids_and_raw_errors_stay_with_the_owner(
    connection: Connection, scene: Scene, fays: Browser, ian: User
) -> None:
    ana = scene.add(**AGREED)
    scene.work()
    scene.change_to_taken(ana, "taken@lotus.test")
    profile_id = Client.objects.get().klaviyo_profile_id
    assert profile_id

    for browser in (fays, browser_of(ian)):
        for url in (LIST, ana.get_absolute_url()):
            html = browser.get(url).content.decode()
            for secret in (
                LOTUS.organization,
                LOTUS.id,
                profile_id,
                "duplicate",
                "Send again",
            ):
                assert secret not in html, (url, secret)
            assert not re.search(r"\b409\b", html)  # which moments and ids may contain


# --- The timeline, and after a deletion -----------------------------------------------------------


def test_the_timeline_tells_what_klaviyo_was_told(
    connection: Connection, scene: Scene, fays: Browser
) -> None:
    ana = scene.add(**AGREED)
    scene.work()
    scene.change(ana, first_name="Anna")
    scene.work()
    scene.opt_out(ana)
    scene.work()

    said = see(fays, ana.get_absolute_url())

    told = ["Suppressed in Klaviyo", "Sent to Klaviyo", "Created in Klaviyo"]
    assert [said.index(one) for one in told] == sorted(said.index(one) for one in told)


@pytest.mark.parametrize("what", SyncEvent.What)
def test_each_event_reads_well(connection: Connection, scene: Scene, what: SyncEvent.What) -> None:
    ana = scene.add(**AGREED)
    SyncEvent.objects.create(connection=connection, client=ana, what=what)

    [told] = OUTSIDE.timeline(ana)

    assert told.text == what.label


def test_deleting_a_client_says_that_the_profile_stays(
    connection: Connection, scene: Scene, olives: Browser
) -> None:
    ana, bo = scene.add(**AGREED), scene.add(first_name="Bo")
    scene.work()

    asked = see(olives, f"{ana.get_absolute_url()}delete/")
    never_there = see(olives, f"{bo.get_absolute_url()}delete/")

    assert "The profile stays in Klaviyo and may still be emailed from there" in asked
    assert "Delete profile" in asked
    assert "stays in Klaviyo" not in never_there


def test_deleting_who_opted_out_does_not_claim_that_they_may_still_be_emailed(
    connection: Connection, scene: Scene, olives: Browser
) -> None:
    ana = scene.add_opted_out(**AGREED)

    asked = see(olives, f"{ana.get_absolute_url()}delete/")

    assert "The profile stays in Klaviyo." in asked
    assert "may still be emailed" not in asked
