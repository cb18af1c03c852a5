"""A row of a list as a client's details, by the rules of the desk's own form.

A row is kept whole or refused whole, with a reason from one closed list. Only a no is heard from
a refused row as well, if it has an address. No database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import models

from clients import phones
from clients.csv.reading import Row
from clients.folding import sort_key
from clients.forms import ClientForm
from clients.imports.headers import Target
from clients.imports.mapping import ColumnMapping
from clients.models import same_address
from clients.models.address import ADDRESS_MAX_LENGTH

BLANK = {"first_name": "", "last_name": "", "email": "", "phone": ""}


class Refusal(models.TextChoices):
    """Why a row is refused, in words for who reads the report."""

    UNCLOSED_QUOTE = "unclosed_quote", "A quotation mark is opened and never closed"
    NOBODY = "nobody", "No name, email address or phone number"
    NAME = "name", "The name holds a web address, or characters that can't be shown"
    NAME_TOO_LONG = "name_too_long", "The name is longer than 120 characters"
    EMAIL = "email", "The email address isn't valid"
    EMAIL_TOO_LONG = "email_too_long", "The email address is longer than 100 characters"
    PHONE = "phone", "The phone number isn't one number that can be dialled"
    REPEATED = "repeated", "A row further up has the same email address, or name and phone number"


@dataclass(frozen=True)
class Cleaned:
    line: int
    cells: Sequence[str]
    details: Mapping[str, str] = field(default_factory=lambda: dict(BLANK))
    says: str = ""
    refusal: str = ""

    @property
    def key(self) -> str:
        """Equal for rows about one person: by address, without one by name and number."""
        return key_of(self.details)


class RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def clean(row: Row, mapping: ColumnMapping, country: str) -> Cleaned:
    if row.is_broken:
        return Cleaned(row.line, row.cells, refusal=Refusal.UNCLOSED_QUOTE)
    says = mapping.says(row.cells)
    email = ""
    try:
        email = cleaned(Target.EMAIL, mapping.first_of(Target.EMAIL, row.cells))
        details = {"email": email, **names(row, mapping), "phone": phone(row, mapping, country)}
        if not any(details.values()):
            raise RefusedError(Refusal.NOBODY)
    except RefusedError as error:
        return Cleaned(row.line, row.cells, BLANK | {"email": email}, says, error.refusal)
    return Cleaned(row.line, row.cells, BLANK | details, says)


def names(row: Row, mapping: ColumnMapping) -> dict[str, str]:
    first = mapping.first_of(Target.FIRST_NAME, row.cells)
    last = mapping.first_of(Target.LAST_NAME, row.cells)
    if not (first or last):
        first, last = halves(mapping.first_of(Target.FULL_NAME, row.cells))
    return {
        "first_name": cleaned(Target.FIRST_NAME, first),
        "last_name": cleaned(Target.LAST_NAME, last),
    }


def halves(name: str) -> tuple[str, str]:
    """First and last name: "Pereira, Ana" and "Ana Pereira" alike; one word is a first name."""
    last, comma, first = name.partition(",")
    if comma:
        return first.strip(), last.strip()
    first, _, last = name.strip().rpartition(" ")
    return (first, last) if first else (last, "")


def phone(row: Row, mapping: ColumnMapping, country: str) -> str:
    try:
        text = cleaned(Target.PHONE, mapping.first_of(Target.PHONE, row.cells))
        return phones.parse(text, country)
    except phones.NotAPhoneError as error:
        raise RefusedError(Refusal.PHONE) from error


TOO_LONG = {Target.EMAIL: Refusal.EMAIL_TOO_LONG, Target.PHONE: Refusal.PHONE}
WRONG = {Target.EMAIL: Refusal.EMAIL, Target.PHONE: Refusal.PHONE}


def cleaned(target: Target, text: str) -> str:
    """By the form's own field. Raises `RefusedError`."""
    try:
        kept: str = ClientForm.base_fields[target].clean(text)
    except ValidationError as error:
        is_too_long = any(each.code == "max_length" for each in error.error_list)
        if is_too_long:
            raise RefusedError(TOO_LONG.get(target, Refusal.NAME_TOO_LONG)) from error
        raise RefusedError(WRONG.get(target, Refusal.NAME)) from error
    return kept


def key_of(details: Mapping[str, str]) -> str:
    if details["email"]:
        return same_address(details["email"])
    name = sort_key(details["first_name"], details["last_name"], "", "")
    phone = details["phone"]
    return f"\t{phone}\t{name}"[:ADDRESS_MAX_LENGTH] if name or phone else ""
