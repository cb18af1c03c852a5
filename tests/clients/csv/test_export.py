"""The list as a file: whom it shows, what stands there of each, and nothing that a sheet runs."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients import consent, extensions
from clients.csv import export
from clients.extensions import FilterOption, StatusLine
from clients.models import Client, ConsentSource
from studios.models import Studio
from tests.clients.conftest import AddClient
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

EXPORT = "/s/lotus/clients/export/"


def text_of(browser: Browser, **filters: str) -> str:
    response: Any = browser.get(EXPORT, filters)
    assert response.status_code == 200
    text: str = response.getvalue().decode()
    return text


def rows_of(browser: Browser, **filters: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(browser, **filters).removeprefix("\ufeff"))))


def first_names(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return [row["First name"] for row in rows]


@pytest.fixture
def new_year() -> datetime:
    return datetime(2027, 1, 1, 0, 5, tzinfo=UTC)


def test_a_client_is_a_row_in_the_words_of_the_page(
    fays: Browser, add_client: AddClient, new_year: datetime
) -> None:
    add_client(first_name="Zoë", last_name="Åström", email="Zoe@Example.com", phone="+491712345678")
    Client.objects.update(created_at=new_year)

    assert rows_of(fays) == [
        {
            "First name": "Zoë",
            "Last name": "Åström",
            "Email": "Zoe@Example.com",
            "Phone": "0171 2345678",
            "Consent": "Not agreed",
            "Consent changed": "",
            "Consent source": "",
            "Added": "2027-01-01 01:05",
        }
    ]


def test_consent_is_told_with_when_in_the_studios_time_and_how(
    fays: Browser, add_client: AddClient, new_year: datetime
) -> None:
    add_client(first_name="Ana", email="ana@example.com", email_opt_in=True)
    consent.withdraw(
        add_client(first_name="Bo", email="bo@example.com"), source=ConsentSource.FOOTER
    )
    Client.objects.update(consent_changed_at=new_year)

    told = [
        (row["First name"], row["Consent"], row["Consent changed"], row["Consent source"])
        for row in rows_of(fays)
    ]

    assert told == [
        ("Ana", "Agreed", "2027-01-01 01:05", "at the desk"),
        ("Bo", "Opted out", "2027-01-01 01:05", "by the link in an email"),
    ]


def test_the_file_holds_whom_search_and_filters_show_on_all_pages(
    fays: Browser, add_client: AddClient, stans: Studio
) -> None:
    for number in range(60):
        add_client(first_name=f"Ana {number:02}", last_name="Same")
    add_client(first_name="Bo", email="bo@example.com", email_opt_in=True)
    add_client(stans, first_name="Ana", last_name="Stranger")

    assert len(rows_of(fays)) == 61
    assert first_names(rows_of(fays, q="same")) == [f"Ana {number:02}" for number in range(60)]
    assert first_names(rows_of(fays, consent="agreed")) == ["Bo"]
    assert rows_of(fays, consent="agreed", q="same") == []


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=HYPERLINK(“x”)", "＝1+1"]
)
def test_no_cell_runs_as_a_formula(
    fays: Browser, add_client: AddClient, lotus: Studio, name: str
) -> None:
    Client.objects.create(studio=lotus, first_name=name, last_name=name, phone="+33612345678")

    cells = list(csv.reader(io.StringIO(text_of(fays).removeprefix("\ufeff"))))[1]

    assert cells[:4] == [f"'{name}", f"'{name}", "", "'+33 6 12 34 56 78"]


def test_the_file_is_named_after_the_studio_and_the_day_and_kept_by_nobody(
    fays: Browser, ana: Client
) -> None:
    with time_machine.travel(datetime(2026, 11, 26, 23, 30, tzinfo=UTC), tick=False):
        response = fays.get(EXPORT)

    # Half past midnight in Berlin, where the studio is.
    assert response["Content-Disposition"] == 'attachment; filename="lotus-clients-2026-11-27.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    assert text_of(fays).startswith("\ufeffFirst name,")


def test_an_instructor_takes_no_list_home(
    olives: Browser, fays: Browser, ians: Browser, stan: Any
) -> None:
    assert [browser.get(EXPORT).status_code for browser in (olives, fays, ians)] == [200, 200, 403]
    assert "clients/export" not in ians.get("/s/lotus/clients/").content.decode()


def test_the_button_takes_along_what_is_shown(fays: Browser, ana: Client) -> None:
    asked = {"q": "ana", "consent": "agreed"}
    typing = {"HX-Request": "true", "HX-Target": "clients"}
    button = 'href="/s/lotus/clients/export/?q=ana&amp;consent=agreed"'

    assert button in fays.get("/s/lotus/clients/", asked).content.decode()
    assert button in fays.get("/s/lotus/clients/", asked, headers=typing).content.decode()


class Teller:
    """An integration that has something to say of everybody but Bo."""

    key, label = "teller", "Teller"
    options = (FilterOption("told", "Told"),)

    def seen_by(self, viewer: Any) -> "Teller":
        return self

    def status_lines(self, clients: Sequence[Client]) -> Mapping[int, StatusLine]:
        return {
            client.pk: StatusLine(f"=told {client.first_name}", "good")
            for client in clients
            if client.first_name != "Bo"
        }


@pytest.fixture
def teller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "_registered", [Teller()])


def test_each_integration_says_how_a_client_stands(
    lotus: Studio, olive: Any, add_client: AddClient, teller: None
) -> None:
    add_client(first_name="Ana")
    add_client(first_name="Bo")
    viewer = olive.memberships.get()

    text = "".join(export.lines(Client.objects.for_studio(lotus).by_name(), viewer))

    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["Teller"] for row in rows] == ["'=told Ana", ""]


def test_without_a_connected_integration_there_is_no_column_of_one(
    fays: Browser, add_client: AddClient
) -> None:
    add_client(first_name="Ana")

    rows = list(csv.reader(io.StringIO(text_of(fays).removeprefix("\ufeff"))))

    assert rows[0][-1] == "Added"
    assert len(rows[1]) == len(rows[0])


def test_a_long_list_is_read_in_one_query(
    fays: Browser, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 2)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text_of(fays)
        return len(captured)

    add_client(first_name="A")
    of_one = queries()
    for number in range(9):
        add_client(first_name=f"B{number}", phone="+4930123456")

    assert len(rows_of(fays)) == 10
    assert queries() == of_one


@pytest.mark.django_db(transaction=True)
def test_an_edit_neither_waits_for_a_download_nor_tears_it(
    fays: Browser, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 2)
    clients = [add_client(first_name=name) for name in "ABCDE"]
    answer: Any = fays.get(EXPORT)
    pieces = iter(answer.streaming_content)
    begun = b"".join([next(pieces), next(pieces)]).decode()

    at_once(clients[3].delete)
    text = begun + b"".join(pieces).decode()

    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert first_names(list(rows)) == ["A", "B", "C", "D", "E"]
