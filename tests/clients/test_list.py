"""The list: search, filters, pages, and the row that was just saved."""

import uuid
from collections.abc import Sequence

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients import consent
from clients.listing import keyset
from clients.models import Client, ConsentSource
from studios.models import Studio
from tests.clients.conftest import AddClient

pytestmark = pytest.mark.django_db

LIST = "/s/lotus/clients/"


def names(response) -> Sequence[str]:  # type: ignore[no-untyped-def]
    return [row.name for row in response.context["list"].rows]


@pytest.fixture
def clients(add_client: AddClient, stans: Studio) -> None:
    add_client(
        first_name="Ana",
        last_name="Pereira",
        email="ana@example.com",
        phone="+491712345678",
    )
    add_client(first_name="Bea", last_name="Ångström", email="BEA@example.org", email_opt_in=True)
    add_client(first_name="Chloé", last_name="Anand", phone="+351912345678")
    add_client(email="50%_off@example.net")
    add_client(stans, first_name="Ana", last_name="Stranger")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["50%_off@example.net", "Chloé Anand", "Bea Ångström", "Ana Pereira"]),
        ("ana", ["Chloé Anand", "Ana Pereira"]),
        ("ANA PER", ["Ana Pereira"]),
        ("pereira ana", ["Ana Pereira"]),
        ("bea@EXAMPLE", ["Bea Ångström"]),
        ("ångstr", ["Bea Ångström"]),
        ("angstrom", ["Bea Ångström"]),
        ("A\N{COMBINING RING ABOVE}NGSTR", ["Bea Ångström"]),
        ("chloé", ["Chloé Anand"]),
        ("chloe", ["Chloé Anand"]),
        ("Aangstroem", []),
        ("angstroem", ["Bea Ångström"]),
        ("ångström, bea", ["Bea Ångström"]),
        ("ångstroem", ["Bea Ångström"]),
        ("pé", ["Ana Pereira"]),
        ("na", []),  # two letters begin a word
        ("nan", ["Chloé Anand"]),
        ("%_o", ["50%_off@example.net"]),
        ("%", ["50%_off@example.net"]),
        ("0171 234", ["Ana Pereira"]),
        ("0171/2345678", ["Ana Pereira"]),
        ("+49 171", ["Ana Pereira"]),
        ("0049171", ["Ana Pereira"]),
        ("00351 912", ["Chloé Anand"]),
        ("345 678", ["Chloé Anand", "Ana Pereira"]),
        ("nobody", []),
        ("ana nobody", []),
        ("\x00", ["50%_off@example.net", "Chloé Anand", "Bea Ångström", "Ana Pereira"]),
        ("x" * 5000, []),
        ("'; DROP", []),
    ],
)
def test_search_finds_parts_of_names_addresses_and_numbers(
    ians: Browser, clients: None, typed: str, found: list[str]
) -> None:
    response = ians.get(LIST, {"q": typed})

    assert names(response) == found


def test_the_filter_by_consent_counts_and_narrows(
    ians: Browser, clients: None, lotus: Studio
) -> None:
    consent.withdraw(
        Client.objects.for_studio(lotus).get(first_name="Ana"), source=ConsentSource.STAFF
    )

    everyone = ians.get(LIST)

    chips = everyone.context["list"].filters[0].links
    counts = {option.label: option.count for option in chips}
    assert counts == {"All": 4, "Agreed": 1, "Not agreed": 2, "Opted out": 1}
    assert names(ians.get(LIST, {"consent": "agreed"})) == ["Bea Ångström"]
    assert names(ians.get(LIST, {"consent": "agreed", "q": "bea"})) == ["Bea Ångström"]
    assert names(ians.get(LIST, {"consent": "opted-out"})) == ["Ana Pereira"]
    assert names(ians.get(LIST, {"consent": "opted-out", "q": "bea"})) == []
    assert len(names(ians.get(LIST, {"consent": "unknown"}))) == 4


def test_a_chip_keeps_the_search_and_all_takes_the_filter_away(
    ians: Browser, clients: None
) -> None:
    response = ians.get(LIST, {"q": "ana", "consent": "agreed", "page": "2"})

    chips = {option.label: option for option in response.context["list"].filters[0].links}
    assert chips["Opted out"].url == "/s/lotus/clients/?q=ana&consent=opted-out"
    assert chips["Agreed"].is_chosen
    assert chips["All"].url == "/s/lotus/clients/?q=ana"


def test_typing_is_answered_with_chips_and_rows_alone(ians: Browser, clients: None) -> None:
    typing = {"HX-Request": "true", "HX-Target": "clients"}

    response = ians.get(LIST, {"q": "pereira"}, headers=typing)

    page = response.content.decode()
    assert "Ana Pereira" in page
    assert "<html" not in page
    assert "HX-Target" in response["Vary"]


def test_a_page_of_fifty_costs_as_many_queries_as_one_of_five(
    ians: Browser, add_client: AddClient
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            ians.get(LIST)
        return len(captured)

    for number in range(5):
        add_client(first_name=f"A{number}", phone="+4930123456")
    of_five = queries()
    for number in range(45):
        add_client(first_name=f"B{number}", phone="+4930123456")

    assert queries() == of_five


def test_chips_count_within_the_search(ians: Browser, clients: None) -> None:
    chips = ians.get(LIST, {"q": "ana"}).context["list"].filters[0].links

    assert {chip.label: chip.count for chip in chips}["All"] == 2


@pytest.mark.parametrize("key", ["page", "at", "after", "before", "sort", "consent"])
@pytest.mark.parametrize("word", ["0", "-1", "99", "abc", "9" * 30, "٣", "1.5", "\x00"])
def test_nonsense_in_the_address_is_the_first_page(
    ians: Browser, ana: Client, key: str, word: str
) -> None:
    assert names(ians.get(LIST, {key: word})) == ["Ana Pereira"]


def test_the_saved_client_stands_on_top_and_is_marked(
    ians: Browser, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "ROWS_ON_A_PAGE", 2)
    add_client(first_name="A")
    add_client(first_name="B")
    last = add_client(first_name="Z")

    response = ians.get(LIST, {"saved": str(last.public_id)})

    assert names(response) == ["Z", "A", "B"]
    assert [row.is_saved for row in response.context["list"].rows] == [True, False, False]
    assert "is-marked" in response.content.decode()


def test_another_studios_client_is_never_marked(
    ians: Browser, add_client: AddClient, stans: Studio
) -> None:
    theirs = add_client(stans, first_name="Sue")

    for saved in (str(theirs.public_id), str(uuid.uuid4()), "no uuid", "\x00"):
        assert names(ians.get(LIST, {"saved": saved})) == []


def test_an_empty_list_says_what_to_do_and_an_empty_search_how_to_go_back(
    ians: Browser, lotus: Studio
) -> None:
    empty = ians.get(LIST).content.decode()
    assert "No clients yet" in empty
    assert "Bring your list" not in empty  # an instructor can't
    searched = ians.get(LIST, {"q": "x"}).content.decode()
    assert "No client matches “x”." in searched
    assert "Show all clients" in searched
    assert "No client is in this state" in ians.get(LIST, {"consent": "agreed"}).content.decode()
    both = ians.get(LIST, {"consent": "agreed", "q": "x"}).content.decode()
    assert 'href="/s/lotus/clients/?q=x">Search all clients' in both


def test_only_who_may_add_clients_is_offered_it(ians: Browser, fays: Browser) -> None:
    assert "New client" not in ians.get(LIST).content.decode()
    offered = fays.get(LIST).content.decode()
    for button in ("New client", "Import a list", "Add one"):
        assert button in offered
