"""Cells of a CSV file that a spreadsheet opens as text, whatever clients are called.

Excel, LibreOffice and Google Sheets take a cell that begins with one of these for a formula, and
run it (OWASP: CSV Injection). A leading apostrophe makes it text; reading takes it away again.
"""

import re
from collections.abc import Iterable

GUARD = "'"
# What begins a formula, also behind white space, and in the wide forms that Excel reads as well.
FORMULA = re.compile(r"'*(\s*[=+\-@|%＝＋－＠]|[\t\r\n])")


def safe(text: str) -> str:
    """The cell as text that no spreadsheet runs."""
    return GUARD + text if FORMULA.match(text) else text


def safe_row(texts: Iterable[str]) -> list[str]:
    return [safe(text) for text in texts]


def unguarded(text: str) -> str:
    """What `safe` was given: a file of ours comes back as it went."""
    bare = text.removeprefix(GUARD)
    return bare if safe(bare) == text else text
