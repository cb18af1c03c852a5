"""The rows that were refused, as a file to be mended and imported again."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from django.db.models import QuerySet

from clients.csv.export import UTF8_MARK, written
from clients.imports.cleaning import Refusal
from clients.imports.headers import Target
from clients.imports.mapping import NO, ColumnMapping
from clients.models import Run, RunRow

ROWS_AT_ONCE = 1000
COMMA = ","

# Of which the report repeats what stood there.
CELLS = {
    Refusal.EMAIL: Target.EMAIL,
    Refusal.PHONE: Target.PHONE,
}
EXPONENT = re.compile(r"\d[eE]\+?\d")


def lines(run: Run) -> Iterator[str]:
    """Line, reason, and the row as it came, under the headers and with the separator it had."""
    separator = run.reading.get("separator") or COMMA
    yield UTF8_MARK + written([["Line", "Reason", *run.reading["headers"]]], separator)
    mapping = ColumnMapping.from_json(run.mapping)
    for row in refused(run).iterator(chunk_size=ROWS_AT_ONCE):
        yield written([[str(row.line), reason(row, mapping), *(row.cells or ())]], separator)


def refused(run: Run) -> QuerySet[RunRow]:
    return run.rows.filter(outcome=RunRow.Outcome.REFUSED).order_by("line")


def file_name(run: Run) -> str:
    return f"{PurePath(run.file_name).stem}-refused.csv"


def reason(row: RunRow, mapping: ColumnMapping) -> str:
    """Why it was refused, and what to do where that isn't plain."""
    refusal = Refusal(row.reason)
    if refusal == Refusal.REPEATED:
        return repeated(row, mapping)
    cell = mapping.first_of(CELLS[refusal], row.cells or ()) if refusal in CELLS else ""
    if refusal == Refusal.PHONE and EXPONENT.search(cell):
        return f"{cell} is a number that Excel shortened: make the column one of text there"
    return f"{refusal.label}: {cell}" if cell else str(refusal.label)


def repeated(row: RunRow, mapping: ColumnMapping) -> str:
    above = f"line {row.reason_about}"
    says_no = mapping.says(row.cells or ()) == NO
    heard = f". Its no to emails counts for {above}" if says_no else ""
    if row.values.get("email"):
        return f"The same email address as in {above}: to keep both, leave it out of one{heard}"
    return f"The same name and phone number as in {above}{heard}"
