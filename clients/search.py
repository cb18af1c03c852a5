"""What was typed into the search box, as the parts to look for. Pure: no database."""

import re
from collections.abc import Sequence

from clients import phones

LONGEST_SEARCH = 100
PHONE_LIKE = re.compile(r"\+?[\d\s()/.\-]*\d[\d\s()/.\-]*")
FEWEST_PHONE_DIGITS = 3  # "12" may as well be part of an address


def terms(text: str, country: str) -> Sequence[Sequence[str]]:
    """For each part of the search, the spellings of which one must occur.

    A number may be typed as it is dialled in `country` or from abroad; it is kept in E.164.
    """
    text = text.replace("\x00", "").strip()[:LONGEST_SEARCH]
    if PHONE_LIKE.fullmatch(text) and len(digits_of(text)) >= FEWEST_PHONE_DIGITS:
        return [sorted({text, *as_in_e164(text, country)})]
    return [[word] for word in text.split()]


def as_in_e164(text: str, country: str) -> Sequence[str]:
    """The part of an E.164 number that was typed, perhaps not to its end."""
    digits = digits_of(text)
    if text.startswith("+"):
        return [f"+{digits}"]
    if digits.startswith("00"):
        return [f"+{digits[2:]}"]
    return [digits, digits.removeprefix(phones.trunk_prefix(country))]


def digits_of(text: str) -> str:
    return "".join(re.findall(r"\d", text, re.ASCII))
