"""A row of the list, ready to be shown: fifty on a page, so that little is left to the template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.formats import date_format
from django.utils.timezone import localtime

from clients.extensions import StatusLine
from clients.listing.tally import Consent
from clients.models import Client

ICONS = {"good": "check", "attention": "alert", "bad": "cross"}  # the others are called by tone


@dataclass(frozen=True)
class Mark:
    """An icon with a word or two; what they stand for in full, where that says more."""

    tone: str
    icon: str
    word: str
    text: str = ""


@dataclass(frozen=True)
class Cell:
    """An integration's mark on one client, if it has one."""

    service: str
    mark: Mark | None


@dataclass(frozen=True)
class Row:
    id: UUID
    url: str
    name: str
    email: str
    phone: str
    added: str
    consent: Mark
    cells: Sequence[Cell]
    is_saved: bool


CONSENTS = {
    Consent.AGREED: Mark("good", "check", Consent.AGREED.label),
    Consent.NOT_AGREED: Mark("quiet", "quiet", Consent.NOT_AGREED.label),
    Consent.OPTED_OUT: Mark("quiet", "opted-out", Consent.OPTED_OUT.label),
}


def row_of(
    client: Client,
    said: Mapping[str, Mapping[int, StatusLine]],
    *,
    address: str,
    back: str,
    saved: UUID | None,
) -> Row:
    """The row, whose link leads below the list's `address` and takes the way `back` along."""
    return Row(
        id=client.public_id,
        url=f"{address}{client.public_id}/{'?' if back else ''}{back}",
        name=client.name,
        email=client.email,
        phone=client.phone_shown,
        added=date_format(localtime(client.created_at), "j M Y"),
        consent=CONSENTS[consent_of(client)],
        cells=[Cell(service, mark_of(lines.get(client.pk))) for service, lines in said.items()],
        is_saved=client.public_id == saved,
    )


def consent_of(client: Client) -> Consent:
    if client.email_opt_in:
        return Consent.AGREED
    return Consent.OPTED_OUT if client.has_opted_out else Consent.NOT_AGREED


def mark_of(line: StatusLine | None) -> Mark | None:
    if line is None:
        return None
    return Mark(line.tone, ICONS.get(line.tone, line.tone), line.mark, line.text)
