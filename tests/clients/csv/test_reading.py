"""Lists as programs save them: encodings, separators, quotes, and Excel's own workbooks."""

import codecs
from collections.abc import Iterator
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from hypothesis import given
from hypothesis import strategies as st

from clients.csv import workbooks
from clients.csv.cells import safe_row
from clients.csv.export import written
from clients.csv.reading import Reading, Row, UnreadableError, rows, understood

TEXT = 'Vorname;Name;Ort\r\nJosé;"Müller; Dr.";Łódź\r\n\r\nZoë;Ångström;"zwei\nZeilen"\r\n'
WESTERN = TEXT.replace("Łódź", "Łódź".encode("ascii", "ignore").decode())


def pieces(content: bytes, size: int = 7) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def read(content: bytes) -> list[Row]:
    reading = understood(pieces(content))
    return list(rows(pieces(content), Reading.from_json(reading.to_json())))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", [True, False])
def test_every_unicode_with_and_without_its_mark(encoding: str, *, mark: bool) -> None:
    content = TEXT.encode(encoding)
    if mark and encoding == "utf-16-be":
        content = codecs.BOM_UTF16_BE + content

    assert [row.cells for row in read(content)] == [
        ["José", "Müller; Dr.", "Łódź"],
        ["Zoë", "Ångström", "zwei\nZeilen"],
    ]


@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1"])
def test_the_western_code_pages(encoding: str) -> None:
    content = WESTERN.encode(encoding)

    assert [row.cells[0] for row in read(content)] == ["José", "Zoë"]


def test_a_stray_byte_among_utf8_is_what_windows_means_by_it() -> None:
    content = "Name\nZoë\n".encode() + b"Jos\xe9\n\x80uro\n\x81\n"

    assert [row.cells for row in read(content)] == [["Zoë"], ["José"], ["€uro"], ["\x81"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(separator: str) -> None:
    lines = [["Name", "Email"], ["Müller, Dr.", "a@example.com"], ["Ana | Bo; Cy", ""]]
    text = "\n".join(
        separator.join(f'"{cell}"' if separator in cell else cell for cell in line)
        for line in lines
    )

    assert [row.cells for row in read(text.encode())] == lines[1:]


def test_excels_own_word_for_the_separator() -> None:
    (row,) = read(b"sep=;\r\nFirst, or nickname;Last\r\nAna;Pereira\r\n")

    assert row == Row(3, ["Ana", "Pereira"])


def test_rows_know_the_line_on_which_they_begin() -> None:
    assert [row.line for row in read(TEXT.encode())] == [2, 4]


def test_a_quote_that_nobody_closed_takes_only_its_own_line_along() -> None:
    text = 'Name,Phone\nAna,1\n"Bo,2\n' + "".join(f"N{number},3\n" for number in range(50))

    found = read(text.encode())

    assert [row.line for row in found if row.is_broken] == [3]
    assert len(found) == 52


def test_a_quote_that_is_open_at_the_end_too() -> None:
    found = read(b'Name,Phone\n"Ana,1\nBo,2\n')

    assert [(row.line, row.is_broken) for row in found] == [(2, True), (3, False)]


def test_a_list_without_headers_keeps_its_first_row() -> None:
    reading = understood([b"Ana,ana@example.com\nBo,bo@example.com\n"])

    assert reading.headers == ["Column 1", "Column 2"]
    assert len(read(b"Ana,ana@example.com\nBo,bo@example.com\n")) == 2


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2)))
def test_what_we_export_comes_back(cells: list[list[str]]) -> None:
    tidy = [[" ".join(cell.replace("\0", "").split()) for cell in row] for row in cells]
    text = "\ufeff" + written([["A", "B"], *tidy])

    found = [list(row.cells) for row in read(text.encode())]

    assert found == [row for row in tidy if any(map(str.strip, safe_row(row)))]


# --- Workbooks ------------------------------------------------------------------------------------

SHEET = """<?xml version="1.0" encoding="UTF-8"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c>
<c r="B1" t="inlineStr"><is><t>Phone</t></is></c></row>
<row r="2"><c r="A2" t="inlineStr"><is><t>Zoë, A.</t></is></c>
<c r="B2"><v>491712345678</v></c></row>
<row r="4"><c r="A4" t="inlineStr"><is><t>Bo</t></is></c><c r="B4"><v>1.5</v></c></row>
</sheetData></worksheet>"""
PARTS = {
    "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/'
    'package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/'
    'package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/'
    'spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships"><sheets><sheet name="Clients" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.'
    'openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.'
    'openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"'
    "/></Relationships>",
    "xl/worksheets/sheet1.xml": SHEET,
}


def workbook(parts: dict[str, str] = PARTS) -> "ContentFile[bytes]":
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return ContentFile(packed.getvalue(), name="list.xlsx")


def test_a_workbook_is_read_as_the_sheet_shows_it() -> None:
    content = b"".join(workbooks.as_csv(workbook()))

    assert [(row.line, row.cells) for row in read(content)] == [
        (2, ["Zoë, A.", "491712345678"]),
        (4, ["Bo", "1.5"]),
    ]


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "LARGEST_UNPACKED_BYTES", 100)

    with pytest.raises(UnreadableError, match="too large"):
        list(workbooks.as_csv(workbook()))


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    with pytest.raises(UnreadableError, match="can't be read"):
        list(workbooks.as_csv(workbook({"note.txt": "hello"})))
