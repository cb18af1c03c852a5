"""The rows of an uploaded list, whatever program saved it.

How a file is read is found out once, at the upload (`Reading`), and never guessed again. It is
read as a stream: a file of any size takes a few kilobytes of memory. Pure: no database.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Self

from clients.csv.cells import unguarded

SAMPLE_BYTES = 256 * 1024
SAMPLE_ROWS = 200
COLUMNS_MAX = 200
SEPARATORS = ",;\t|"
QUOTED_LINES_MAX = 20  # a cell of more lines is a quote that nobody closed
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
STRAY_BYTES = "clients.stray_bytes"


class UnreadableError(Exception):
    """The file is no list; the message says to a person what to do."""


@dataclass(frozen=True)
class Reading:
    """How a file is read."""

    encoding: str
    separator: str
    header_line: int  # from 1; rows begin after it
    headers: Sequence[str]

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        return cls(**kept)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Row:
    line: int  # on which it begins, from 1
    cells: Sequence[str]
    is_broken: bool = False  # a quote was never closed: where it ends is anybody's guess


def stray_bytes(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8 are Windows-1252's: Excel pasted into a list that was UTF-8."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    return "".join(map(in_windows_1252, stray)), error.end


def in_windows_1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("windows-1252")
    except UnicodeDecodeError:
        return bytes([byte]).decode("latin-1")  # the five bytes that Windows leaves open


codecs.register_error(STRAY_BYTES, stray_bytes)


def understood(chunks: Iterable[bytes]) -> Reading:
    """How this file is to be read. Raises `UnreadableError`."""
    sample = sampled(chunks)
    encoding = encoding_of(sample)
    text = decoded(sample, encoding)
    if not text.strip():
        raise UnreadableError("This file is empty.")
    if "\0" in text:
        raise UnreadableError(
            "This is no list of text. Save it in Excel as “CSV UTF-8”, or as .xlsx."
        )
    separator = separator_of(text)
    row = next(parsed(lines_of(text), separator), None)
    if row is None:
        raise UnreadableError("This file is empty.")
    if len(row.cells) > COLUMNS_MAX:
        raise UnreadableError(f"This list has more than {COLUMNS_MAX} columns. Take some away.")
    if any("@" in cell for cell in row.cells):  # somebody's row: the list has no header
        numbered = [f"Column {number}" for number, _ in enumerate(row.cells, start=1)]
        return Reading(encoding, separator, row.line - 1, numbered)
    return Reading(encoding, separator, row.line, row.cells)


def sampled(chunks: Iterable[bytes]) -> bytes:
    sample = b""
    for chunk in chunks:
        sample += bytes(chunk)
        if len(sample) >= SAMPLE_BYTES:
            break
    return sample[:SAMPLE_BYTES]


def encoding_of(sample: bytes) -> str:
    """By its mark, by the zeros of UTF-16, else UTF-8, with stray bytes as Windows means them.

    A file in Windows-1252 or Latin-1 is one in which all bytes beyond ASCII are stray.
    """
    for mark, encoding in MARKS.items():
        if sample.startswith(mark):
            return encoding
    evens, odds = sample[0:2000:2].count(0), sample[1:2000:2].count(0)
    if max(evens, odds) > len(sample[:2000]) // 5:
        return "utf-16-le" if odds > evens else "utf-16-be"
    return "utf-8"


def decoded(sample: bytes, encoding: str) -> str:
    """The text of a sample, which may end within a letter."""
    decoder = codecs.getincrementaldecoder(encoding)(errors=errors_for(encoding))
    return decoder.decode(sample)


def errors_for(encoding: str) -> str:
    return STRAY_BYTES if encoding.startswith("utf-8") else "replace"


def separator_of(text: str) -> str:
    """The one that gives most rows the same number of columns, and more than one.

    A first line `sep=;` is Excel's own word for it.
    """
    if named := named_separator(text):
        return named
    lines = lines_of(text)
    if len(lines) > 1:
        lines.pop()  # the sample may end within it
    best, _ = max(
        ((separator, regularity(lines, separator)) for separator in SEPARATORS),
        key=lambda rated: rated[1],
    )
    return best


def lines_of(text: str) -> list[str]:
    return list(io.StringIO(text, newline=""))


def named_separator(text: str) -> str:
    first = text.partition("\n")[0].strip().strip('"').lower()
    return first[4:] if first.startswith("sep=") and len(first) == 5 else ""


def regularity(lines: Sequence[str], separator: str) -> float:
    """How many rows have as many columns as the most, weighed by how many those are."""
    rows = islice(parsed(lines, separator), SAMPLE_ROWS)
    widths = Counter(len(row.cells) for row in rows)
    if not widths:
        return 0
    width, number = widths.most_common(1)[0]
    return (number / widths.total()) * (1 - 1 / width)


def rows(chunks: Iterable[bytes], reading: Reading) -> Iterator[Row]:
    """The rows below the header, one after the other."""
    raw = io.BufferedReader(ChunkedFile(chunks))
    text = io.TextIOWrapper(
        raw, encoding=reading.encoding, errors=errors_for(reading.encoding), newline=""
    )
    for row in parsed(text, reading.separator):
        if row.line > reading.header_line:
            yield row


class ChunkedFile(io.RawIOBase):
    """Chunks of bytes as one file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        if not self.rest:
            self.rest = bytes(next(self.chunks, b""))
        taken = self.rest[: len(view)]
        self.rest = self.rest[len(taken) :]
        view[: len(taken)] = taken
        return len(taken)


class UnclosedQuoteError(Exception):
    pass


class Lines:
    """Lines for the CSV reader, which stops at a cell that has too many of them.

    What a broken cell swallowed is read again: only its first line is lost.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.source = iter(lines)
        self.pushed_back: list[str] = []
        self.of_this_row: list[str] = []
        self.number = 0  # of the last line handed out

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.of_this_row) > QUOTED_LINES_MAX:
            raise UnclosedQuoteError
        line = self.pushed_back.pop() if self.pushed_back else next(self.source)
        self.of_this_row.append(line)
        self.number += 1
        return line.replace("\0", "")

    def begin_row(self) -> int:
        """The line on which the row begins."""
        self.of_this_row = []
        return self.number + 1

    def skip_broken_row(self) -> str:
        """Its first line; those after it are handed out again."""
        first, *others = self.of_this_row
        self.number -= len(others)
        self.pushed_back.extend(reversed(others))
        return first


def parsed(text: Iterable[str], separator: str) -> Iterator[Row]:
    """All rows that hold anything, the header among them."""
    lines = Lines(text)
    while True:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        line = lines.begin_row()
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells) and not is_excels_hint(line, cells):
                    yield Row(line, [unguarded(cell.strip()) for cell in cells])
                line = lines.begin_row()
            return
        except (UnclosedQuoteError, csv.Error):
            first = lines.skip_broken_row()
            yield Row(line, first.rstrip("\r\n").split(separator), is_broken=True)


def is_excels_hint(line: int, cells: Sequence[str]) -> bool:
    return line == 1 and "".join(cells).lower().startswith("sep=")
