"""What a name may be, of people, studios and clients alike: strangers read them in our emails.

Names hold names: mail programs turn web addresses into links, and characters that turn a line's
direction make it say something else. One rule, for every form, command and import. Pure.
"""

import re
from unicodedata import category, normalize

from django.core.exceptions import ValidationError

from studios.countries import COUNTRIES

# Embeddings, overrides and isolates (UAX 9). The marks that joined letters and right-to-left names
# need are others, and stay.
DIRECTION_CONTROLS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
# By their category letters or symbols, and yet nothing to see.
BLANK_LETTERS = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}
UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"}
WEB_ADDRESS = "A name can't hold a web address. Leave it out, or put a space after the full stop."
CANT_BE_SHOWN = "This contains characters that can't be shown. Please type it again."

NO_SURNAMES = {"com", "net", "org"}
OTHER_ENDINGS = """
    app art biz blog cafe cc center chat click club cloud com dev digital email events fit
    fitness fun gift gmbh group health help home info ink int life link live llc love ltd
    media mobi name net network news now online onl org page party pro promo pub quest rest
    rocks run sale school shop site social space sport store stream studio support team tech
    tips today tokyo top trade training travel tv vip website win work works world xn--p1ai
    xxx xyz yoga zone
"""
ENDINGS = {"eu", "su", "uk", *(code.lower() for code, _ in COUNTRIES), *OTHER_ENDINGS.split()}
STARTS = re.compile(r"://|\bwww\d?\.", re.IGNORECASE)
DOTTED = re.compile(r"([\w-]+)\.(?=([\w-]{2,})(/?))")  # overlapping: each dot in turn
DOTS = str.maketrans("。․", "..")


def clean_name(text: str) -> str:
    """The name as it is kept: one line in Unicode's NFC; blank if nothing of it can be seen.

    Raises `ValidationError`, with words for whoever typed it.
    """
    name = normalize("NFC", one_line(text))
    if any(category(letter) in {"Cc", "Cs"} or letter in DIRECTION_CONTROLS for letter in name):
        raise ValidationError(CANT_BE_SHOWN)
    if holds_web_address(name):
        raise ValidationError(WEB_ADDRESS)
    return name if any(map(is_visible, name)) else ""


def one_line(text: str) -> str:
    """The text with every run of white space as one space.

    Names stand in the headers of emails, where a line break would be an attack.
    """
    return " ".join(text.split())


def is_visible(letter: str) -> bool:
    return category(letter) not in UNSEEN and letter not in BLANK_LETTERS


def holds_web_address(name: str) -> bool:
    """True if a mail program might make a link of it. "J.Li" and "Dr.Meier" are names."""
    plain = normalize("NFKC", name).translate(DOTS)
    return bool(STARTS.search(plain)) or any(map(is_host, DOTTED.finditer(plain)))


def is_host(found: re.Match[str]) -> bool:
    before, ending, slash = found.groups()
    ending = ending.lower()
    is_initial = len(before) == 1 and ending not in NO_SURNAMES
    return bool(slash) or (ending in ENDINGS and not is_initial)
