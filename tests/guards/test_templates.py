"""What every page keeps to: nothing inline, only classes that a sheet knows, little to load."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import django_htmx
import pytest
from django.template.loader import get_template

from junocal.settings import ROOT

STATIC = ROOT / "junocal" / "static"
HTMX = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
FIRST_PAINT_LIMIT = 50_000  # bytes of CSS and scripts on the wire
INLINE = {
    "a style": re.compile(r"<style|\sstyle\s*="),
    "a script": re.compile(r"<script(?![^>]*\ssrc=)"),
    "a handler": re.compile(r"\s(on[a-z]+|hx-on[\w:-]*)\s*=|javascript:"),
}
TAG = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}")
CLASSES = re.compile(r'\bclass="([^"]*)"')


def pages() -> Iterator[tuple[str, str]]:
    """Emails are left out: mail programs know no sheets."""
    for path in (ROOT / "templates").rglob("*.html"):
        if "emails" not in path.parts:
            yield str(path.relative_to(ROOT)), path.read_text()


@pytest.mark.parametrize("what", INLINE)
def test_no_page_carries_inline(what: str) -> None:
    found = [name for name, html in pages() if INLINE[what].search(html)]

    assert not found, f"the Content-Security-Policy blocks {what} inside {found}"


def test_every_class_on_a_page_is_in_a_sheet() -> None:
    sheets = "".join(sheet.read_text() for sheet in (STATIC / "css").glob("*.css"))
    known = set(re.findall(r"\.([a-z][\w-]*)", sheets))
    tones = tuple(re.findall(r'\[class\*="(--[a-z]+)"\]', sheets))

    strangers = {
        f"{name}: {word}"
        for name, html in pages()
        for word in classes_in(html)
        if word not in known and not (word.endswith(tones) and word.rpartition("--")[0] in known)
    }

    assert not strangers, "write them into a sheet, or use a component that is there"


def classes_in(html: str) -> set[str]:
    """Those written out; what a tag puts together is seen by looking at the page."""
    attributes = CLASSES.findall(TAG.sub("\0", html))
    return {word for words in attributes for word in words.split() if "\0" not in word}


def test_a_page_loads_little() -> None:
    files = [*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), HTMX]

    weight = sum(len(gzip.compress(file.read_bytes())) for file in files)

    assert weight < FIRST_PAINT_LIMIT


def test_the_page_for_our_own_faults_needs_neither_request_nor_database() -> None:
    page = get_template("500.html").render()

    assert "Something broke on our side" in page
