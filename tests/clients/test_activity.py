"""A client's history in one line each, and the day's for owners."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client as Browser

from clients import activity, timeline
from clients.extensions import TimelineEntry
from clients.models import Client, ClientEvent
from studios.models import Studio, User
from tests.clients.conftest import AddClient, Desk, address_of
from tests.clients.imports.conftest import Importer

pytestmark = pytest.mark.django_db

ACTIVITY = "/s/lotus/settings/activity/"


@pytest.fixture
def fays_list(lotus: Studio, fay: User) -> Importer:
    return Importer(lotus, fay)


def texts(client: Client) -> list[str]:
    return [entry.text for entry in timeline.entries(client)]


def test_a_change_says_what_was_there_and_what_is_now_and_by_whom(
    fays_desk: Desk, ana: Client
) -> None:
    fays_desk.edit(ana, first_name="Anna", phone="030 1234567")
    fays_desk.edit(ana, phone="")

    assert texts(ana)[:2] == [
        "Phone 030 1234567 → none, by Fay Lindqvist",
        "First name Ana → Anna, phone none → 030 1234567, by Fay Lindqvist",
    ]


def test_a_change_from_before_both_were_kept(ana: Client) -> None:
    ClientEvent.objects.create(client=ana, what=ClientEvent.What.EDITED, fields=["last_name"])

    assert texts(ana)[0] == "Last name changed"


NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def at(seconds: float, text: str, *, answers: bool = False) -> TimelineEntry:
    return TimelineEntry(NOON + timedelta(seconds=seconds), text, answers=answers)


def test_what_a_service_heard_stands_in_the_changes_own_line() -> None:
    told = timeline.heard_in_one_line(
        [
            at(0, "Added"),
            at(1, "Agreed"),
            at(3, "Created", answers=True),
            at(60, "Changed"),
            at(240, "Sent", answers=True),
            at(300, "Sent again", answers=True),
            at(400, "Changed"),
            at(500, "Refused"),
            at(100_000, "Sent a day later", answers=True),
        ]
    )

    assert [(entry.text, entry.heard) for entry in told] == [
        ("Added", "Created 3 s later"),
        ("Agreed", "Created 2 s later"),
        ("Changed", "Sent 3 min later"),
        ("Sent again", ""),
        ("Changed", ""),
        ("Refused", ""),
        ("Sent a day later", ""),
    ]


def test_the_day_of_a_studio(
    olives: Browser,
    fays_desk: Desk,
    ana: Client,
    fays_list: Importer,
    stans: Studio,
    add_client: AddClient,
) -> None:
    add_client(stans, first_name="Stranger")
    fays_desk.edit(ana, first_name="Anna")
    fays_list.run("First name\nBo\n")

    page = olives.get(ACTIVITY).content.decode()

    assert "First name Ana → Anna, by Fay Lindqvist" in page
    assert "1 new, 0 changed, 0 refused, by Fay Lindqvist" in page
    assert "list.csv" in page
    assert "Stranger" not in page
    assert page.count("Added") == 1, "what an import did stands there once"


def test_days_are_those_of_the_studios_time_zone(olives: Browser, lotus: Studio) -> None:
    with time_machine.travel(datetime(2026, 11, 26, 23, 30, tzinfo=UTC), tick=False):
        Client.objects.create(studio=lotus, first_name="Ana")
    with time_machine.travel(datetime(2026, 11, 27, 12, 0, tzinfo=UTC), tick=False):
        assert "Ana" in olives.get(ACTIVITY).content.decode()
        assert "Ana" in olives.get(ACTIVITY, {"day": "2026-11-27"}).content.decode()
        before = olives.get(ACTIVITY, {"day": "2026-11-26"}).content.decode()
        assert "Nothing happened" in before
        assert "The day after" in before


def test_a_busy_day_goes_on_on_the_next_page(
    olives: Browser, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "AT_ONCE", 2)
    for name in ("Ana", "Bo", "Cy"):
        add_client(first_name=name)

    first = olives.get(ACTIVITY)
    second = olives.get(ACTIVITY, {"before": first.context["go_on_at"]})

    assert [entry.name for entry in first.context["entries"]] == ["Cy", "Bo"]
    assert [entry.name for entry in second.context["entries"]] == ["Ana"]
    assert second.context["go_on_at"] is None


@pytest.mark.parametrize("nonsense", ["yesterday", "2026-02-31", "9999-01-01", "\x00", ""])
def test_a_day_that_there_is_not_is_today(olives: Browser, ana: Client, nonsense: str) -> None:
    assert "Ana Pereira" in olives.get(ACTIVITY, {"day": nonsense}).content.decode()


def test_it_is_the_owners(fays: Browser, ians: Browser) -> None:
    assert [browser.get(ACTIVITY).status_code for browser in (fays, ians)] == [403, 403]


def test_the_history_is_on_the_clients_page(ians: Browser, fays_desk: Desk, ana: Client) -> None:
    fays_desk.edit(ana, last_name="Peres")

    assert (
        "Last name Pereira → Peres, by Fay Lindqvist"
        in ians.get(address_of("detail", ana)).content.decode()
    )


def test_one_opt_out_at_the_desk_stands_there_once(
    olives: Browser, fays_desk: Desk, add_client: AddClient
) -> None:
    ana = add_client(first_name="Ana", email="ana@example.com", email_opt_in=True)

    fays_desk.edit(ana, email_opt_in="")

    page = olives.get(ACTIVITY).content.decode()
    assert page.count("Opted out of emails at the desk") == 1
    assert ">Opt-out<" not in page
