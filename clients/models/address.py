"""Email addresses: when two are one mailbox, and the keyed hash that tells without telling.

`same_address` is the database's `clients_mailbox` in Python: RFC 3492 for the labels of an
international domain, in the letters that Unicode's UTS 46 makes of them. A test holds both to it.
"""

import hashlib
import hmac
from unicodedata import normalize

from django.db.models import BinaryField, F, Func, TextField, Value

from studios.models import Studio

HMAC_BLOCK_BYTES = 64  # of SHA-256; a studio's key is shorter
ADDRESS_MAX_LENGTH = 254  # of what mail carries: RFC 5321, section 4.5.3.1.3
# What UTS 46 drops: soft hyphen, spaces of no width, variants of a letter's look.
UNSEEN = "\u00ad\u200b\u2060\ufeff" + "".join(map(chr, range(0xFE00, 0xFE10)))
DOMAIN_MARKS = str.maketrans("。", ".", UNSEEN)
ASCII_LABEL = "xn--"  # begins the ASCII form of an international label (RFC 5890)


def same_address(email: str) -> str:
    """The form in which all spellings of one mailbox are equal: trimmed, in lower case, its domain
    in ASCII. A domain too long for that, or of nothing that is seen, stays in its own letters."""
    plain = lower(email.strip())
    if plain.isascii():
        return plain
    name, at, domain = plain.rpartition("@")
    ascii_domain = ".".join(map(in_ascii, labels_of(domain)))
    folded = f"{name}{at}{ascii_domain}"
    return folded if ascii_domain and len(folded) <= ADDRESS_MAX_LENGTH else plain


def lower(text: str) -> str:
    """Letter by letter, as PostgreSQL does: Python's own looks at a sigma's neighbours."""
    return "".join(map(str.lower, text))


def labels_of(domain: str) -> list[str]:
    composed = normalize("NFKC", lower(normalize("NFKC", domain)))
    return composed.translate(DOMAIN_MARKS).split(".")


def in_ascii(label: str) -> str:
    return label if label.isascii() else ASCII_LABEL + label.encode("punycode").decode()


def hash_address(studio: Studio, email: str) -> str:
    """HMAC-SHA256 of the mailbox under the studio's own key, which never changes."""
    return keyed_hash(studio, same_address(email))


def all_hashes(studio: Studio, email: str) -> set[str]:
    """Whatever was ever recorded of this mailbox: the domain was once hashed as it was typed."""
    folded = same_address(email)
    forms = {folded, email.strip().lower(), in_own_letters(folded)}
    return {keyed_hash(studio, form) for form in forms}


def in_own_letters(address: str) -> str:
    name, at, domain = address.rpartition("@")
    return f"{name}{at}{'.'.join(map(decoded, domain.split('.')))}"


def decoded(label: str) -> str:
    """The label in its own letters; as it is, if it never had any others."""
    if not (label.isascii() and label.startswith(ASCII_LABEL)):
        return label
    try:
        return label.removeprefix(ASCII_LABEL).encode().decode("punycode")
    except UnicodeError:
        return label


def keyed_hash(studio: Studio, text: str) -> str:
    return hmac.new(bytes(studio.withdrawal_key), text.encode(), hashlib.sha256).hexdigest()


# --- The same in SQL ------------------------------------------------------------------------------


class SHA256(Func):
    """Of several byte strings, one after the other."""

    function = "sha256"
    arg_joiner = " || "
    output_field = BinaryField()


def hash_in_sql(studio: Studio) -> Func:
    """`hash_address` of a client's email: HMAC by its definition (RFC 2104), since PostgreSQL has
    SHA-256 built in and HMAC only in an extension."""
    key = bytes(studio.withdrawal_key).ljust(HMAC_BLOCK_BYTES, b"\0")
    inner, outer = (Value(bytes(byte ^ pad for byte in key)) for pad in (0x36, 0x5C))
    mailbox = Func(F("email"), function="clients_mailbox", output_field=TextField())
    text = Func(mailbox, Value("UTF8"), function="convert_to", output_field=BinaryField())
    digest = SHA256(outer, SHA256(inner, text))
    return Func(digest, Value("hex"), function="encode", output_field=TextField())
