"""What every page keeps to: nothing inline, only classes that a sheet knows, little to load."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import django_htmx
import pytest
from django.template.loader import get_template

from tests.support.sources import ROOT, files, name_of, text_of

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
HANDED_ON = re.compile(r'\blook="([^"]+)"')  # a class that an include hands on
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SELECTOR = re.compile(r"\.([a-z][\w-]*)")
ICONS = ROOT / "templates" / "components" / "_icon.html"
ICON_NAMED = re.compile(r'\b(?:name|icon|tone)="([\w-]+)"')


def pages() -> Iterator[tuple[str, str]]:
    """Emails are left out: mail programs know no sheets."""
    for path in files("templates", ".html"):
        if "emails" not in path.parts:
            yield name_of(path), text_of(path)


@pytest.mark.parametrize("what", INLINE)
def test_no_page_carries_inline(what: str) -> None:
    found = [name for name, html in pages() if INLINE[what].search(html)]

    assert not found, f"the Content-Security-Policy blocks {what} inside {found}"


def sheets() -> str:
    texts = (sheet.read_text() for sheet in (STATIC / "css").glob("*.css"))
    return COMMENT.sub("", "".join(texts))


def test_every_class_on_a_page_is_in_a_sheet() -> None:
    known = set(SELECTOR.findall(sheets()))
    tones = tuple(re.findall(r'\[class\*="(--[a-z]+)"\]', sheets()))

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


def test_every_class_in_a_sheet_is_on_a_page() -> None:
    attributes = [words for _name, html in pages() for words in CLASSES.findall(html)]
    attributes += [words for _name, html in pages() for words in HANDED_ON.findall(html)]
    on_pages = set(re.findall(r"[a-z][\w-]*", " ".join(attributes)))

    dead = sorted(set(SELECTOR.findall(sheets())) - on_pages)

    assert not dead, f"take these out of the sheets: {dead}"


def test_every_icon_is_on_a_page() -> None:
    drawn = re.findall(r'name == "([\w-]+)"', ICONS.read_text())
    named = {word for _name, html in pages() for word in ICON_NAMED.findall(html)}

    dead = sorted(set(drawn) - named)

    assert len(drawn) > 10, "the guard found hardly an icon: it looks in the wrong place"
    assert not dead, f"take these out of {ICONS.name}: {dead}"


def test_a_page_loads_little() -> None:
    files = [*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), HTMX]

    weight = sum(len(gzip.compress(file.read_bytes())) for file in files)

    assert weight < FIRST_PAINT_LIMIT


def test_the_page_for_our_own_faults_needs_neither_request_nor_database() -> None:
    page = get_template("500.html").render()

    assert "Something broke on our side" in page
