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
        ("030/1234567", "DE", "+49301234567"),
        ("030 / 12 34 56-7", "DE", "+49301234567"),
        ("Tel.: 030 1234567", "DE", "+49301234567"),
        ("(+49) 171 2345678", "DE", "+491712345678"),
        ("1712345678", "DE", "+491712345678"),  # a spreadsheet took the 0
        ("", "DE", ""),
    ],
)
def test_numbers_are_read_as_from_the_country(typed: str, country: str, e164: str) -> None:
    assert phones.parse(typed, country) == e164


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("0171 2345678 mum", "DE"),
        ("mum 0171 2345678", "DE"),
        ("030 1234 abc", "DE"),
        ("1-800-FLOWERS", "US"),
        ("4,91712E+11", "DE"),
        ("4.91712E+11", "DE"),
        ("491712345678.0 x", "DE"),
        ("030 1234567 ext. 12", "DE"),
        ("0171 2345678, 030 123456", "DE"),
        ("0171 2345678; 030 123456", "DE"),
        ("0171 2345678 / 030 123456", "DE"),
        ("0171 2345678/0049 30 123456", "DE"),
        ("+49 171 2345678 / +49 30 123456", "DE"),
        ("030 12 345 / 030 12 346", "DE"),
        ("Mum:", "DE"),
        ("0171 2345678\n030 123456", "DE"),
        ("0171 2345678 & 030 123456", "DE"),
        ("1234567", "DE"),  # which area?
        ("555-2671", "US"),
        ("912345678", "BR"),
        ("000000000", "PT"),
        ("0000000", "DE"),
        ("110", "DE"),
        ("+", "DE"),
        ("()", "DE"),
    ],
)
def test_what_is_no_single_number_is_refused_and_no_digit_made_up(typed: str, country: str) -> None:
    with pytest.raises(phones.NotAPhoneError):
        phones.parse(typed, country)


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
