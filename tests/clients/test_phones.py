"""Numbers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import phones
from studios.countries import COUNTRIES


@pytest.mark.parametrize(
    ("typed", "country", "e164"),
    [
        ("0171 2345678", "DE", "+491712345678"),
        ("+49 (0)171 2345678", "DE", "+491712345678"),
        ("00351 912 345 678", "DE", "+351912345678"),
        ("07400 123456", "GB", "+447400123456"),
        ("06 12345678", "IT", "+390612345678"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("", "DE", ""),
    ],
)
def test_numbers_are_read_as_from_the_country(typed: str, country: str, e164: str) -> None:
    assert phones.parse(typed, country) == e164


def test_numbers_are_shown_nationally_at_home_and_internationally_abroad() -> None:
    assert phones.shown("+4930123456", "DE") == "030 123456"
    assert phones.shown("+351912345678", "DE") == "+351 912 345 678"
    assert phones.shown("not a number", "DE") == "not a number"
    assert phones.shown("", "DE") == ""


def test_every_countrys_example_is_a_number_there() -> None:
    for country, _ in COUNTRIES:
        assert phones.parse(phones.example(country), country).startswith("+")


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_number_or_refused(typed: str) -> None:
    try:
        number = phones.parse(typed, "DE")
    except phones.NotAPhoneError:
        return

    assert number == "" or phones.parse(phones.shown(number, "DE"), "DE") == number
