"""Many at once: those ticked in the list, or all that it shows."""

import csv
import io
from typing import Any

import pytest
from django.test import Client as Browser

from clients.models import Client, ConsentSource, Run, run
from clients.runs import runner
from studios.models import Studio
from tests.clients.conftest import AddClient

pytestmark = pytest.mark.django_db

MANY = "/s/lotus/clients/many/"


@pytest.fixture
def people(add_client: AddClient) -> list[Client]:
    return [
        add_client(first_name=name, email=f"{name}@example.com", email_opt_in=True)
        for name in ("ana", "bea", "cem", "dee")
    ]


def ids(*clients: Client) -> list[str]:
    return [str(client.public_id) for client in clients]


def do(browser: Browser, verb: str, **chosen: Any) -> Any:
    """Choose, and confirm on the page that asks."""
    asked = browser.post(MANY, {"do": verb, **chosen})
    assert asked.status_code == 200
    assert "Cancel" in asked.content.decode()
    return browser.post(MANY, {"do": verb, "confirmed": "1", **chosen}, follow=True)


def test_it_asks_by_name_where_they_are_few(fays: Browser, people: list[Client]) -> None:
    asked = fays.post(MANY, {"do": "opt_out", "client": ids(*people[:3])}).content.decode()

    assert "ana · bea · cem" in asked


def test_those_ticked_are_opted_out_and_can_be_taken_back(
    fays: Browser, people: list[Client]
) -> None:
    page = do(fays, "opt_out", client=ids(*people[:3])).content.decode()

    assert "3 clients opted out of emails." in page
    assert Client.objects.opted_out().count() == 3
    assert Client.objects.filter(consent_source=ConsentSource.STAFF).count() == 4
    assert "Take it back" in page

    back = fays.post(f"{Run.objects.get().get_absolute_url()}undo/", follow=True)

    assert "Taken back." in back.content.decode()
    assert Client.objects.may_be_emailed().count() == 4


def test_all_that_the_list_shows(
    fays: Browser, people: list[Client], add_client: AddClient, stans: Studio
) -> None:
    add_client(first_name="Eve", email="eve@other.example", email_opt_in=True)
    add_client(stans, first_name="Ana", email="ana@example.com", email_opt_in=True)

    page = do(fays, "opt_out", all="on", place="q=example.com").content.decode()

    assert "4 clients opted out of emails." in page
    assert sorted(Client.objects.may_be_emailed().values_list("email", flat=True)) == [
        "ana@example.com",
        "eve@other.example",
    ]


def test_nobody_is_opted_out_twice(fays: Browser, people: list[Client]) -> None:
    do(fays, "opt_out", client=ids(people[0]))
    page = do(fays, "opt_out", client=ids(*people[:2])).content.decode()

    assert "1 client opted out of emails. 1 had opted out before." in page
    fays.post(f"{Run.objects.latest('pk').get_absolute_url()}undo/")

    assert [client.email for client in Client.objects.opted_out()] == ["ana@example.com"]


def test_an_owner_deletes_many_and_takes_them_back_as_they_were(
    olives: Browser, fays: Browser, people: list[Client]
) -> None:
    before = list(Client.objects.order_by("pk").values())
    events = [client.events.count() for client in people]

    page = do(olives, "delete", client=ids(*people[:2])).content.decode()
    assert "2 clients deleted." in page
    assert Client.objects.count() == 2

    olives.post(f"{Run.objects.get().get_absolute_url()}undo/")
    assert list(Client.objects.order_by("pk").values()) == before
    assert [client.events.count() for client in Client.objects.order_by("pk")] == events


def test_the_desk_deletes_nobody_and_sends_nothing_again(
    fays: Browser, ians: Browser, people: list[Client]
) -> None:
    chosen = {"client": ids(*people)}

    assert fays.post(MANY, {"do": "delete", "confirmed": "1", **chosen}).status_code == 403
    assert fays.post(MANY, {"do": "send_again", "confirmed": "1", **chosen}).status_code == 403
    assert ians.post(MANY, {"do": "opt_out", "confirmed": "1", **chosen}).status_code == 403
    assert Client.objects.may_be_emailed().count() == 4
    assert 'value="delete"' not in fays.get("/s/lotus/clients/").content.decode()
    assert 'name="client"' not in ians.get("/s/lotus/clients/").content.decode()


def test_those_ticked_as_a_file(fays: Browser, people: list[Client]) -> None:
    answer: Any = fays.post(MANY, {"do": "export", "client": ids(people[2], people[0])})

    text = answer.getvalue().decode().removeprefix("\ufeff")
    assert [row["First name"] for row in csv.DictReader(io.StringIO(text))] == ["ana", "cem"]


def test_clients_of_another_studio_are_left_alone(
    fays: Browser, add_client: AddClient, stans: Studio
) -> None:
    theirs = add_client(stans, email="ana@example.com", email_opt_in=True)

    answer = fays.post(
        MANY, {"do": "opt_out", "confirmed": "1", "client": ids(theirs)}, follow=True
    )

    assert "Select some clients first." in answer.content.decode()
    theirs.refresh_from_db()
    assert theirs.email_opt_in


@pytest.mark.parametrize("nonsense", [{}, {"do": "opt_out"}, {"do": "dance", "all": "on"}])
def test_nothing_chosen_does_nothing_and_says_so(
    fays: Browser, people: list[Client], nonsense: dict[str, str]
) -> None:
    answer = fays.post(MANY, nonsense, follow=True)

    assert "Select some clients first." in answer.content.decode()
    assert not Run.objects.exists()


def test_more_than_a_few_are_a_workers(
    fays: Browser, people: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MASS", 3)

    page = do(fays, "opt_out", all="on", place="")
    assert "clients opted out" in page.content.decode()
    assert not Client.objects.opted_out().exists()
    runner.run_all()

    assert Client.objects.opted_out().count() == 4
    report = fays.get(Run.objects.get().get_absolute_url()).content.decode()
    assert "4 clients opted out of emails." in report
    assert "Take it back" in report


def test_what_is_asked_is_a_few_queries_however_many_there_are(
    fays: Browser, add_client: AddClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(40):
        add_client(email=f"{number}@example.com", email_opt_in=True)

    with django_assert_max_num_queries(45):
        fays.post(MANY, {"do": "opt_out", "confirmed": "1", "all": "on"})

    assert Client.objects.opted_out().count() == 40


def test_the_way_back_stays_on_the_list_for_who_did_it(
    fays: Browser, olives: Browser, people: list[Client]
) -> None:
    do(fays, "opt_out", client=ids(people[1]))

    assert "Take it back" in fays.get("/s/lotus/clients/?q=ana").content.decode()
    assert "Take it back" not in olives.get("/s/lotus/clients/").content.decode()
    assert fays.get(MANY)["Location"] == "/s/lotus/clients/"


def test_taken_back_one_is_where_one_was(fays: Browser, people: list[Client]) -> None:
    place = "q=e&consent=agreed"
    page = do(fays, "opt_out", client=ids(people[1]), place=place).content.decode()
    assert f'name="place" value="{place.replace("&", "&amp;")}"' in page

    back: Any = fays.post(f"{Run.objects.get().get_absolute_url()}undo/", {"place": place})

    assert back["Location"] == f"/s/lotus/clients/?{place}"
