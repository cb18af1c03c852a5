"""Adding and editing a client at the desk."""

from functools import partial
from unicodedata import normalize

import pytest
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from clients.models import Client, ClientEvent, ConsentSource
from studios.models import Studio, User
from studios.names import clean_name
from tests.clients.conftest import AddClient, Desk, address_of
from tests.support.cast import browser_of

pytestmark = pytest.mark.django_db

LETTERS = st.characters(categories=("L", "N"))


def test_a_new_client_stands_in_the_list_at_once(fays_desk: Desk, lotus: Studio) -> None:
    response = fays_desk.add(
        first_name="Ana",
        last_name="Pereira",
        email="Ana@Example.com",
        phone="0171 2345678",
        email_opt_in="on",
    )

    client = Client.objects.for_studio(lotus).get()
    assert response.status_code == 302
    assert response["Location"] == f"/s/lotus/clients/?saved={client.public_id}#saved"
    assert (client.email, client.phone) == ("Ana@Example.com", "+491712345678")
    assert client.email_opt_in
    assert client.consent_source == ConsentSource.STAFF
    assert [event.text for event in client.events.order_by("pk")] == [
        "Added by Fay Lindqvist",
        "Agreed to emails at the desk, by Fay Lindqvist",
    ]


def test_an_email_is_kept_as_typed_but_for_surrounding_space(fays_desk: Desk) -> None:
    fays_desk.add(email="  Ana.Pereira+Yoga@Example.COM ")

    assert Client.objects.get().email == "Ana.Pereira+Yoga@Example.COM"


@pytest.mark.parametrize(
    "typed", [{"first_name": "Ana"}, {"email": "a@example.com"}, {"phone": "+4930123456"}]
)
def test_one_of_name_email_and_phone_is_enough(fays_desk: Desk, typed: dict[str, str]) -> None:
    assert fays_desk.add(**typed).status_code == 302


@pytest.mark.parametrize("typed", [{}, {"email_opt_in": "on"}, {"first_name": "  ", "phone": " "}])
def test_a_client_of_whom_nothing_is_known_is_refused(
    fays_desk: Desk, typed: dict[str, str]
) -> None:
    response = fays_desk.add(**typed)

    assert response.status_code == 200
    assert "Fill in a name, an email address or a phone number." in response.content.decode()
    assert not Client.objects.exists()


@pytest.mark.parametrize("again", ["ana@example.com", "ANA@EXAMPLE.COM", "  Ana@Example.com "])
def test_a_taken_address_is_refused_and_names_who_has_it(
    fays_desk: Desk, ana: Client, again: str
) -> None:
    response = fays_desk.add(first_name="Bea", email=again)

    page = response.content.decode()
    assert "Ana Pereira already uses this address" in page
    assert f'<a href="{ana.get_absolute_url()}">Ana Pereira</a>' in page
    assert Client.objects.count() == 1


def test_another_studios_clients_take_no_address_here(
    fays_desk: Desk, add_client: AddClient, stans: Studio
) -> None:
    add_client(stans, email="ana@example.com")

    assert fays_desk.add(email="ana@example.com").status_code == 302


def test_the_name_of_who_has_the_address_is_no_markup(
    fays_desk: Desk, add_client: AddClient
) -> None:
    add_client(first_name="<script>alert(1)</script>", email="ana@example.com")

    page = fays_desk.add(email="ana@example.com").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_edit_keeps_its_own_address(fays_desk: Desk, ana: Client) -> None:
    assert fays_desk.edit(ana, last_name="Silva").status_code == 302

    ana.refresh_from_db()
    assert ana.last_name == "Silva"
    assert ana.email_opt_in
    assert ana.events.filter(what=ClientEvent.What.EDITED).get().text == (
        "Last name Pereira → Silva, by Fay Lindqvist"
    )


@pytest.mark.parametrize(
    ("email", "is_taken"),
    [("a" * 88 + "@example.com", True), ("a" * 63 + "@" + "b" * 32 + ".com", True)],
)
def test_an_address_of_100_characters_is_taken_and_no_longer_one(
    fays_desk: Desk, email: str, is_taken: bool
) -> None:
    assert len(email) == 100

    assert (fays_desk.add(email=email).status_code == 302) is is_taken
    assert fays_desk.add(email="b" + email).status_code == 200


@pytest.mark.parametrize(
    "phone", ["12", "hello", "+49", "+1 999 999 999 999 999 9", "030 1234 ext 5"]
)
def test_what_cant_be_a_phone_is_refused_with_an_example(fays_desk: Desk, phone: str) -> None:
    page = fays_desk.add(first_name="Ana", phone=phone).content.decode()

    assert "can&#x27;t be a phone number" in page
    assert "01512 3456789" in page
    assert not Client.objects.exists()


def test_phones_are_read_as_from_the_studios_country(stans: Studio, stan: User) -> None:
    browser_of(stan).post("/s/stans/clients/new/", {"phone": "07400 123456"})

    assert Client.objects.get().phone == "+447400123456"


@pytest.mark.parametrize("field", ["first_name", "last_name", "email", "phone"])
@pytest.mark.parametrize("character", ["\x00", "\x07"])
def test_control_characters_are_refused(fays_desk: Desk, field: str, character: str) -> None:
    typed = {"first_name": "Ana", "email": "a@example.com", "phone": "+4930123456"}
    typed[field] = typed.get(field, "Ana").replace("3", "3" + character) + character + "b"

    assert fays_desk.add(**typed).status_code == 200
    assert not Client.objects.exists()


def test_a_control_character_in_a_quoted_address_is_refused(fays_desk: Desk) -> None:
    assert fays_desk.add(email='"a\x01b"@example.com').status_code == 200


@given(st.text(LETTERS, min_size=1, max_size=100).map(partial(normalize, "NFC")).filter(clean_name))
def test_any_name_comes_back_as_it_was_typed(fays_desk: Desk, name: str) -> None:
    response = fays_desk.add(first_name=name)

    public_id = response["Location"].partition("saved=")[2].removesuffix("#saved")
    client = Client.objects.get(public_id=public_id)
    assert client.first_name == name
    assert fays_desk.open(client)["first_name"] == name


def test_a_refused_edit_changes_nothing(
    fays_desk: Desk, ana: Client, add_client: AddClient
) -> None:
    add_client(first_name="Bea", email="bea@example.com")

    fays_desk.edit(ana, email="bea@example.com", first_name="Changed", email_opt_in=None)

    ana.refresh_from_db()
    assert (ana.first_name, ana.email_opt_in) == ("Ana", True)


@pytest.mark.parametrize("page", ["detail", "edit", "delete"])
def test_another_studios_client_is_not_found(
    olives: Browser, stans: Studio, add_client: AddClient, page: str
) -> None:
    theirs = add_client(stans, first_name="Sue")
    address = address_of(page, theirs).replace("/s/stans/", "/s/lotus/")

    assert olives.get(address).status_code == 404
    assert olives.post(address).status_code in {404, 405}
    assert Client.objects.filter(pk=theirs.pk).exists()


def test_a_number_that_nobody_touched_is_not_read_anew(fays_desk: Desk, ana: Client) -> None:
    Client.objects.filter(pk=ana.pk).update(phone="+491234567")  # no area: an older rule took it

    fays_desk.edit(ana, first_name="Anna")

    ana.refresh_from_db()
    assert (ana.first_name, ana.phone) == ("Anna", "+491234567")


def test_save_and_add_another_leads_to_an_empty_form(fays_desk: Desk) -> None:
    answer = fays_desk.add(first_name="Ana", then="another")

    assert answer["Location"] == "/s/lotus/clients/new/"
    page = fays_desk.browser.get(answer["Location"]).content.decode()
    assert "Ana is saved." in page
    assert 'name="first_name" value' not in page
