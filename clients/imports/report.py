"""The rows that were refused, as a file to be mended and imported again."""

from collections.abc import Iterator

from clients.csv.export import UTF8_MARK, written
from clients.imports.cleaning import Refusal
from clients.models import Run, RunRow

ROWS_AT_ONCE = 1000


def lines(run: Run) -> Iterator[str]:
    """Line, reason, and the row as it came, under the headers it had."""
    yield UTF8_MARK + written([["Line", "Reason", *run.reading["headers"]]])
    refused = run.rows.filter(outcome=RunRow.Outcome.REFUSED).order_by("line")
    for row in refused.iterator(chunk_size=ROWS_AT_ONCE):
        yield written([[str(row.line), reason(row), *(row.cells or ())]])


def reason(row: RunRow) -> str:
    words = str(Refusal(row.reason).label)
    return f"{words}: line {row.reason_about}" if row.reason_about else words
