"""Phone numbers: read as from the studio's country, kept in E.164, shown as people write them."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

FEWEST_DIGITS = 7  # with the country's code; no country has shorter ones


class NotAPhoneError(Exception):
    """What was typed can't be a phone number."""


def parse(text: str, country: str) -> str:
    """The number in E.164; blank for blank. Raises `NotAPhoneError`."""
    if not text:
        return ""
    try:
        number = phonenumbers.parse(text, country)
    except NumberParseException as error:
        raise NotAPhoneError from error
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    # An extension has no place in E.164: dropping it would change the number.
    if (
        number.extension
        or len(e164) <= FEWEST_DIGITS
        or not phonenumbers.is_possible_number(number)
    ):
        raise NotAPhoneError
    return e164


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
