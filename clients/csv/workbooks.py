"""An Excel workbook (.xlsx) as the CSV file that Excel would have made of its first filled sheet.

Nothing in it runs: calamine reads values only.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from zipfile import BadZipFile, ZipFile

from django.core.files.base import File
from python_calamine import CalamineError, CalamineWorkbook

from clients.csv.reading import UnreadableError

ZIP_MARK = b"PK\x03\x04"
OLD_EXCEL_MARK = b"\xd0\xcf\x11\xe0"
LARGEST_BYTES = 10 * 1024 * 1024  # packed
LARGEST_UNPACKED_BYTES = 200 * 1024 * 1024
PIECE_CHARACTERS = 256 * 1024
TOO_LARGE = "This workbook is too large. Save it in Excel as “CSV UTF-8” and import that."
DAMAGED = "This workbook can't be read. Save it in Excel as “CSV UTF-8” and import that."


def is_workbook(first_bytes: bytes) -> bool:
    """True for .xlsx. Raises `UnreadableError` for Excel's old format."""
    if first_bytes.startswith(OLD_EXCEL_MARK):
        raise UnreadableError(
            "This is Excel's old format (.xls). Save it as .xlsx or as “CSV UTF-8”."
        )
    return first_bytes.startswith(ZIP_MARK)


def as_csv(file: "File[bytes]") -> Iterator[bytes]:
    """The rows as CSV in UTF-8, piece by piece; one line a row, so that their numbers are the
    same. Raises `UnreadableError`."""
    if file.size > LARGEST_BYTES:
        raise UnreadableError(TOO_LARGE)
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows_of(io.BytesIO(file.read())):
        writer.writerow(map(shown, row))
        if text.tell() > PIECE_CHARACTERS:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def rows_of(workbook: io.BytesIO) -> Iterator[Sequence[object]]:
    """Of the first sheet that holds anything. Raises `UnreadableError`."""
    try:
        if sum(part.file_size for part in ZipFile(workbook).infolist()) > LARGEST_UNPACKED_BYTES:
            raise UnreadableError(TOO_LARGE)
        workbook.seek(0)
        opened = CalamineWorkbook.from_filelike(workbook)
        for name in opened.sheet_names:
            sheet = opened.get_sheet_by_name(name)
            if sheet.height:
                yield from sheet.iter_rows()
                return
    except (BadZipFile, CalamineError) as error:
        raise UnreadableError(DAMAGED) from error
    raise UnreadableError("This workbook is empty.")


def shown(value: object) -> str:
    """A value as a person sees it in the sheet: 491712345678.0 is a number without a point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())
