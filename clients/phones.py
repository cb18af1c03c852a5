"""Phone numbers: read as from the studio's country, kept in E.164, shown as people write them.

No digit is kept that nobody typed: notes, exponents and second numbers are refused, where the
library would spell letters as on a keypad, or join what belongs to two people.
"""

import re

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

FEWEST_DIGITS = 7  # with the country's code; no country has shorter ones
FEWEST_WITH_AREA = 9  # in countries that dial a 0 before the area: shorter ones lack both
LABEL = re.compile(r"^\s*[^\W\d_]+\.?:(?=.*\d)")  # as in "Tel.: 030 123456"
ONE_NUMBER = re.compile(r"(\(?\+|)[\d\s()/.–-]+")
TWO_NUMBERS = re.compile(r"[\n\t]|(\d[^\d/]*){6}/[\s(]*00?[1-9]")  # "030/1234567" is one


class NotAPhoneError(Exception):
    """What was typed can't be a phone number."""


def parse(text: str, country: str) -> str:
    """The number in E.164; blank for blank. Raises `NotAPhoneError`."""
    text = LABEL.sub("", text, count=1).strip()
    if not text:
        return ""
    if not ONE_NUMBER.fullmatch(text) or TWO_NUMBERS.search(text):
        raise NotAPhoneError
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException as error:
        raise NotAPhoneError from error
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if len(e164) <= FEWEST_DIGITS or not can_be_dialled(number, text, country):
        raise NotAPhoneError
    return e164


def can_be_dialled(number: PhoneNumber, typed: str, country: str) -> bool:
    """True if the number is of a length that its country has, with its area, and not all zeros."""
    national = phonenumbers.national_significant_number(number)
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE or not national.strip("0"):
        return False
    if trunk_prefix(country) != "0" or typed.lstrip("( ")[0] in "+0":
        return True
    # Typed without the 0 before its area: a spreadsheet took that away, or the area is missing.
    is_written_with_0 = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)[0] in "(0"
    return phonenumbers.is_valid_number(number) and (
        len(national) >= FEWEST_WITH_AREA or not is_written_with_0
    )


def shown(e164: str, country: str) -> str:
    """The national form for the studio's own country, the international one for any other."""
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return e164
    is_national = phonenumbers.country_code_for_region(country) == number.country_code
    form = PhoneNumberFormat.NATIONAL if is_national else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)


def example(country: str) -> str:
    """A mobile number as written in that country."""
    number = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    if number is None:
        return "+44 7400 123456"
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def trunk_prefix(country: str) -> str:
    """What people dial before a national number, which E.164 leaves out: "0" in Germany."""
    return phonenumbers.ndd_prefix_for_region(country, True) or ""
