"""A client's page, deleting, and who may see and do what."""

import pytest
from django.test import Client as Browser

from clients import consent
from clients.models import Client, ClientEvent, ConsentSource, Withdrawal
from studios.models import Studio, User
from tests.clients.conftest import AddClient, Desk, address_of
from tests.support.cast import browser_of

pytestmark = pytest.mark.django_db


def test_the_page_tells_who_and_what_of_consent(
    ians: Browser, fays_desk: Desk, add_client: AddClient
) -> None:
    client = add_client(
        first_name="Ana", email="ana@example.com", phone="+491712345678", email_opt_in=True
    )
    fays_desk.edit(client, phone="030 123456")
    consent.withdraw(Client.objects.get(pk=client.pk), source=ConsentSource.FOOTER)

    page = ians.get(address_of("detail", client)).content.decode()

    assert "030 123456" in page
    assert "→ 030 123456, by Fay Lindqvist" in page
    assert "Opted out of emails by the link in an email" in page
    assert "Wants no emails from Lotus Yoga" in page


def test_times_are_the_studios(ians: Browser, ana: Client) -> None:
    event = ana.events.get(what=ClientEvent.What.ADDED)
    event.at = event.at.replace(year=2026, month=7, day=1, hour=22, minute=30)
    event.save()

    page = ians.get(address_of("detail", ana)).content.decode()

    assert "2 Jul 2026, 00:30" in page  # Berlin is two hours ahead in summer


def test_what_was_typed_is_shown_as_text(ians: Browser, add_client: AddClient) -> None:
    client = add_client(first_name='<img src=x onerror="alert(1)">')

    for page in (address_of("detail", client), "/s/lotus/clients/"):
        assert "<img" not in ians.get(page).content.decode()


def test_a_new_clients_form_waits_for_the_name(fays: Browser, ana: Client) -> None:
    new = fays.get("/s/lotus/clients/new/").content.decode()
    edit = fays.get(address_of("edit", ana)).content.decode()

    assert new.count("autofocus") == 1
    assert "autofocus" not in edit


def test_an_owner_deletes_after_being_asked(olives: Browser, ana: Client, lotus: Studio) -> None:
    consent.withdraw(ana, source=ConsentSource.STAFF)

    asked = olives.get(address_of("delete", ana))
    assert "Delete Ana Pereira?" in asked.content.decode()
    assert Client.objects.count() == 1

    done = olives.post(address_of("delete", ana))
    assert done["Location"] == "/s/lotus/clients/"
    assert not Client.objects.exists()
    assert Withdrawal.stands(lotus, "ana@example.com")
    assert olives.post(address_of("delete", ana)).status_code == 404


@pytest.mark.parametrize(
    ("page", "allowed"),
    [
        ("detail", {"ian", "fay", "olive"}),
        ("edit", {"fay", "olive"}),
        ("delete", {"olive"}),
    ],
)
def test_each_page_has_its_lowest_role(
    ian: User, fay: User, olive: User, stan: User, ana: Client, page: str, allowed: set[str]
) -> None:
    people = {"ian": ian, "fay": fay, "olive": olive}
    for name, person in people.items():
        expected = 200 if name in allowed else 403
        assert browser_of(person).get(address_of(page, ana)).status_code == expected

    assert browser_of(stan).get(address_of(page, ana)).status_code == 404
    assert "/accounts/login/" in Browser().get(address_of(page, ana))["Location"]


@pytest.mark.parametrize("page", ["edit", "delete"])
def test_an_instructor_changes_nothing(ians: Browser, ana: Client, page: str) -> None:
    assert ians.post(address_of(page, ana), {"first_name": "X"}).status_code == 403
    assert ians.post("/s/lotus/clients/new/", {"first_name": "X"}).status_code == 403
    assert [client.first_name for client in Client.objects.all()] == ["Ana"]
