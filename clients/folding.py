"""Names, addresses and numbers folded to plain small letters: what search and order go by.

`anyascii` spells every script in ASCII by tables of its own, so that search and order are the
same on every PostgreSQL (docs/decisions/0014). The folded form stands beside what was typed,
wherever clients are written; a trigger marks rows where it doesn't, and a task folds those.
Pure: no database.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from unicodedata import normalize

from anyascii import anyascii

FOLDED_FROM = ("first_name", "last_name", "email", "phone")
FOLDED_INTO = ("folded", "sort_key", "folded_from")
SORT_KEY_MAX_LENGTH = 250
APOSTROPHES = str.maketrans("", "", "'`")  # O'Brien is typed as OBrien
PUNCTUATION = re.compile(r"[^a-z0-9]+")
BETWEEN_NAMES = "\t"  # before every letter: Van, Zoe comes before Van Damme
SEPARATOR = "\x1f"  # as in the trigger


def folded(text: str) -> str:
    """As somebody types it who has none of the accents: "Łukasz Nuñez" is "lukasz nunez"."""
    plain = text if text.isascii() else anyascii(normalize("NFKC", text))
    return " ".join(plain.lower().translate(APOSTROPHES).split())


def folded_fields(parts: Sequence[str]) -> Mapping[str, str]:
    """The columns of `FOLDED_INTO`, of a client's `FOLDED_FROM`."""
    return {
        "folded": f" {folded(' '.join(parts))}",  # each word begins after a space
        "sort_key": sort_key(*parts),
        "folded_from": fingerprint(parts),
    }


def sort_key(first_name: str, last_name: str, email: str, phone: str) -> str:
    """By last name, then first name; without them by what stands in their place."""
    names = [last_name, first_name] if last_name or first_name else [email or phone]
    keys = filter(None, (PUNCTUATION.sub(" ", folded(name)).strip() for name in names))
    return BETWEEN_NAMES.join(keys)[:SORT_KEY_MAX_LENGTH]


def fingerprint(parts: Sequence[str]) -> str:
    """What was folded: by it the trigger sees that names changed and their folded form did not."""
    text = SEPARATOR.join(parts).encode(errors="surrogatepass")  # the database refuses those
    return hashlib.md5(text, usedforsecurity=False).hexdigest()
