"""What a name may be: the same of people, studios and clients."""

from unicodedata import is_normalized, normalize

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from clients.models import Client
from studios.models import Studio, User
from studios.names import clean_name, is_visible
from tests.support.cast import PASSWORD

JOINED = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # Persian, with its non-joiner
FAMILY = "\U0001f469\u200d\U0001f467"  # an emoji of two, joined


@pytest.mark.parametrize(
    "name",
    [
        "Ana Pereira",
        "Łukasz Żółw",
        "O'Neill-Núñez",
        "J.R. Smith",
        "St. John",
        "J.Li",
        "Dr.Meier",
        "St.John",
        "Ana (mum)",
        "李小龍",
        "Yoga & More",
        "Studio 24/7",
        JOINED,
        FAMILY,
        "M. Page",
        "T.Day",
        "Nr. 5",
        "No.5",
        "Ana 😀",
        "3.14",
        "Ana/Bea",
    ],
)
def test_names_are_kept_as_they_are(name: str) -> None:
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.test",
        "Ana http://x",
        "www.evil",
        "WWW.Evil",
        "evil.com",
        "Win at evil.com now",
        "Evil.COM",
        "x.com",
        "prize.xyz",
        "mail.evil.com",
        "evil.de/prize",
        "пример.com",
        "a.dev/b",
        "evil。com",
        "evil．com",
        "ana@evil.com",
        "evil.co.uk",
        "bit.ly/x",
        "münchen.de",
    ],
)
def test_web_addresses_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="web address"):
        clean_name(name)


@pytest.mark.parametrize("letter", ["\x00", "\x07", "\x7f", "\u202a", "\u202e", "\u2066", "\u2069"])
def test_control_and_direction_characters_are_refused(letter: str) -> None:
    with pytest.raises(ValidationError, match="can't be shown"):
        clean_name(f"Ana{letter}Bea")


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\u200d\u200d", "\ufeff", "\u3164", "\u2800"])
def test_a_name_with_nothing_to_see_is_empty(name: str) -> None:
    assert clean_name(name) == ""


def test_a_name_is_one_line_in_nfc() -> None:
    assert clean_name("  Jose\u0301\r\nNún\u0303ez\t ") == "José Núñez"


@given(st.text())
def test_a_clean_name_is_clean(text: str) -> None:
    try:
        name = clean_name(text)
    except ValidationError:
        return

    assert clean_name(name) == name
    assert is_normalized("NFC", name)
    assert name == "" or any(map(is_visible, name))


@pytest.mark.parametrize("field", ["name", "studio_name"])
def test_signing_up_takes_no_web_address_for_a_name(db: None, field: str) -> None:
    typed = {"name": "Mona", "studio_name": "Mona's", "country": "DE", "email": "mona@mona.test"}

    page = Browser().post("/accounts/signup/", typed | {"password1": PASSWORD, field: "evil.com"})

    assert "hold a web address" in page.content.decode()
    assert not User.objects.exists()


def test_a_studios_name_takes_none_either(olives: Browser, lotus: Studio) -> None:
    typed = {"name": "Win at evil.com", "country": "DE", "timezone": "Europe/Berlin"}

    page = olives.post("/s/lotus/settings/", typed).content.decode()

    assert "hold a web address" in page
    assert Studio.objects.get(pk=lotus.pk).name == "Lotus Yoga"


def test_nor_does_a_new_studios(olives: Browser) -> None:
    page = olives.post("/studios/new/", {"name": "evil.com", "country": "DE"}).content.decode()

    assert "hold a web address" in page
    assert Studio.objects.count() == 1


def test_a_clients_name_takes_none_and_is_composed(fays: Browser, lotus: Studio) -> None:
    page = fays.post("/s/lotus/clients/new/", {"first_name": "evil.com"}).content.decode()
    fays.post("/s/lotus/clients/new/", {"first_name": normalize("NFD", "José")})

    assert "hold a web address" in page
    assert Client.objects.get().first_name == "José"


def test_a_client_of_whom_nothing_can_be_seen_has_no_name(fays: Browser) -> None:
    page = fays.post("/s/lotus/clients/new/", {"first_name": "\u200b"}).content.decode()

    assert "Fill in a name" in page


def test_models_clean_names_for_the_admin_and_commands(lotus: Studio, olive: User) -> None:
    lotus.name = "evil.com"
    olive.name = "\u200b"

    with pytest.raises(ValidationError, match="web address"):
        lotus.full_clean()
    with pytest.raises(ValidationError, match="letters that can be seen"):
        olive.full_clean()
