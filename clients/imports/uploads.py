"""The uploaded file, on its way into the database and out of it again."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import PurePath

from django.core.files.base import File
from django.db import transaction

from clients.csv import workbooks
from clients.csv.reading import Reading, Row, UnreadableError, rows, understood
from clients.models import ImportChunk, Run
from studios.models import Studio, User

CHUNK_BYTES = 1024 * 1024
LARGEST_BYTES = 200 * 1024 * 1024
SAMPLE_ROWS = 2000


@transaction.atomic
def keep(studio: Studio, file: "File[bytes]", *, by: User) -> Run:
    """The new run, with its file. Raises `UnreadableError`, with words for whoever chose it."""
    if file.size > LARGEST_BYTES:
        raise UnreadableError("This file is larger than 200 MB. Split it into several.")
    pieces = csv_of(file)
    run = Run.objects.create(studio=studio, by=by, file_name=name_of(file))
    for number, content in enumerate(chunked(pieces)):
        ImportChunk.objects.create(run=run, number=number, content=content)
    lines = sum(chunk.count(b"\n") for chunk in chunks_of(run))
    run.move(reading=understood(chunks_of(run)).to_json(), total_rows=lines)
    return run


def csv_of(file: "File[bytes]") -> Iterable[bytes]:
    first_bytes = file.read(8)
    file.seek(0)
    if workbooks.is_workbook(first_bytes):
        return workbooks.as_csv(file)
    return file.chunks(CHUNK_BYTES)


def name_of(file: "File[bytes]") -> str:
    return PurePath(file.name or "list").name[-200:]


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of one size."""
    waiting = b""
    for piece in pieces:
        waiting += piece
        while len(waiting) >= CHUNK_BYTES:
            yield waiting[:CHUNK_BYTES]
            waiting = waiting[CHUNK_BYTES:]
    if waiting:
        yield waiting


def sample_of(run: Run) -> Sequence[Row]:
    """The first rows, for a person to see what is in them."""
    return list(islice(rows(chunks_of(run), Reading.from_json(run.reading)), SAMPLE_ROWS))


def chunks_of(run: Run) -> Iterator[bytes]:
    """One at a time in memory."""
    numbers = run.chunks.order_by("number").values_list("number", flat=True)
    for number in list(numbers):
        yield bytes(run.chunks.values_list("content", flat=True).get(number=number))
