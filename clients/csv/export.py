"""Clients as a CSV file that Excel opens as it is meant: marked as UTF-8, and no cell runs.

Phones stand there as pages show them: in the studio's own country without the leading + that makes
a spreadsheet calculate, and with the spaces that keep it from making a number of them.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from itertools import islice

from django.utils import timezone

from clients import extensions
from clients.csv.cells import safe_row
from clients.extensions import StatusLine
from clients.listing.rows import consent_of
from clients.models import Client, ClientQuerySet
from studios.models import Membership

UTF8_MARK = "\ufeff"  # without it Excel takes the file for Windows-1252
ROWS_AT_ONCE = 1_000  # held in memory, whatever the number of clients
COLUMNS = (
    "First name",
    "Last name",
    "Email",
    "Phone",
    "Consent",
    "Consent changed",
    "Consent source",
    "Added",
)


def lines(clients: ClientQuerySet, viewer: Membership) -> Iterator[str]:
    """The file, piece by piece; integrations add a column each on how these clients stand."""
    rows = clients.select_related(None).iterator(chunk_size=ROWS_AT_ONCE)
    connected = [service.label for service in extensions.seen_by(viewer) if service.options]
    yield UTF8_MARK + written([[*COLUMNS, *connected]])
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        yield written(cells_of(chunk, viewer))


def cells_of(clients: Sequence[Client], viewer: Membership) -> Sequence[Sequence[str]]:
    for client in clients:
        client.studio = viewer.studio  # read once, not with every row
    with timezone.override(viewer.studio.zone):
        services = [service for service in extensions.seen_by(viewer) if service.options]
        said = [service.status_lines(clients) for service in services]
        return [[*own_cells(client), *said_of(client, said)] for client in clients]


def own_cells(client: Client) -> Sequence[str]:
    return [
        client.first_name,
        client.last_name,
        client.email,
        client.phone_shown,
        consent_of(client).label,
        at(client.consent_changed_at),
        client.get_consent_source_display(),
        at(client.created_at),
    ]


def said_of(client: Client, said: Iterable[Mapping[int, StatusLine]]) -> Sequence[str]:
    return [lines[client.pk].text if client.pk in lines else "" for lines in said]


def at(moment: datetime | None) -> str:
    """In the studio's time, as spreadsheets in any language read a date."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else ""


def written(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    text = StringIO()
    csv.writer(text, delimiter=separator).writerows(map(safe_row, rows))
    return text.getvalue()
