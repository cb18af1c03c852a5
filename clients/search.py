"""What was typed into the search box, as the parts to look for. Pure: no database.

They are looked for in the folded form of clients, so they are folded as well.
"""

import re
from collections.abc import Sequence

from clients import phones
from clients.folding import folded

LONGEST_SEARCH = 100
PHONE_LIKE = re.compile(r"\+?[\d\s()/.\-]*\d[\d\s()/.\-]*")
WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
UMLAUT = re.compile("([aou])e")
FEWEST_PHONE_DIGITS = 3  # "12" may as well be part of an address
FEWEST_INSIDE = 3  # one or two letters occur inside most names: they begin a word


def terms(text: str, country: str) -> Sequence[Sequence[str]]:
    """The parts of the search, all of which must occur; each as spellings, one of which must.

    A number may be typed as it is dialled in `country` or from abroad; it is kept in E.164.
    """
    text = text.replace("\x00", "").strip()[:LONGEST_SEARCH]
    if PHONE_LIKE.fullmatch(text) and len(digits_of(text)) >= FEWEST_PHONE_DIGITS:
        return [sorted({folded(text), *as_in_e164(text, country)})]
    words = text.replace(",", " ").split()
    return [spellings for word in words for spellings in spellings_of(word)]


def spellings_of(word: str) -> Sequence[Sequence[str]]:
    """As it is folded, and with its umlauts the other way: by Müller and by Mueller one finds both.
    What folds to several words is as many parts."""
    parts = folded(word).split()
    if len(parts) != 1:
        return [[as_looked_for(part)] for part in parts]
    written_out = folded(word.lower().translate(WRITTEN_OUT))
    without = UMLAUT.sub(r"\1", parts[0])
    others = {one for one in (written_out, without) if len(one) >= FEWEST_INSIDE}
    return [sorted({as_looked_for(parts[0]), *others})]


def as_looked_for(word: str) -> str:
    return f" {word}" if word.isalnum() and len(word) < FEWEST_INSIDE else word


def as_in_e164(text: str, country: str) -> Sequence[str]:
    """What a typed number, perhaps not typed to its end, may be in E.164."""
    digits = digits_of(text)
    if text.startswith("+"):
        return [f"+{digits}"]
    if digits.startswith("00"):
        return [f"+{digits[2:]}"]
    return [digits, digits.removeprefix(phones.trunk_prefix(country))]


def digits_of(text: str) -> str:
    return "".join(re.findall(r"\d", text, re.ASCII))
