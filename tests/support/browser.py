"""A visitor without scripts: goes to pages, fills in forms, presses buttons by their words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import requests

TIMEOUT_S = 60

Attributes = list[tuple[str, str | None]]


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list["Button"] = field(default_factory=list)


@dataclass
class Button:
    name: str
    value: str
    words: str = ""


class Visitor:
    """One browser session at this address; `page` is what it sees."""

    follows = True  # where a form sends it when it was pressed

    def __init__(self, url: str) -> None:
        self.url = url
        self.page = requests.Response()
        self._http = requests.Session()
        self._http.trust_env = False
        self._files: dict[str, tuple[str, bytes]] = {}

    def visit(self, address: str) -> Self:
        self.page = self._http.get(urljoin(self.url, address), timeout=TIMEOUT_S)
        return self._look()

    def choose(self, field: str, name: str, content: bytes) -> Self:
        """Choose a file, which goes along with the next button."""
        self._files[field] = (name, content)
        return self

    def press(self, words: str, **fields: str | None) -> Self:
        """Press the button of these words; `fields` are typed in before, None is unticked."""
        form, button = self._find(words)
        data = form.fields | {name: value for name, value in fields.items() if value is not None}
        for name in fields:
            if fields[name] is None:
                data.pop(name, None)
        if button.name:
            data[button.name] = button.value
        address = urljoin(self.page.url, form.action)
        if form.method == "get":
            self.page = self._http.get(address, params=data, timeout=TIMEOUT_S)
        else:
            headers = {"Referer": self.page.url}
            self.page = self._http.post(
                address,
                data,
                files=self._files,
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=self.follows,
            )
        self._files = {}
        return self._look()

    def buttons(self) -> list[str]:
        """The words of each."""
        return [button.words for form in read(self.page.text).forms for button in form.buttons]

    def knock(self, method: str, address: str) -> requests.Response:
        """What this address answers to a request that carries the form's protection."""
        headers = {"Referer": self.url, "X-CSRFToken": self._http.cookies.get("csrftoken") or ""}
        url = urljoin(self.url, address)
        return self._http.request(
            method, url, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
        )

    @property
    def text(self) -> str:
        """The words of the page, each space one space."""
        return read(self.page.text).text

    def _look(self) -> Self:
        assert self.page.ok, f"{self.page.status_code} at {self.page.url}: {self.text[:500]}"
        return self

    def _find(self, words: str) -> tuple[Form, Button]:
        forms = read(self.page.text).forms
        for form in forms:
            for button in form.buttons:
                if button.words == words:
                    return form, button
        there = [button.words for form in forms for button in form.buttons]
        raise AssertionError(f"no button {words!r} at {self.page.url}, only {there}: {self.text}")


class _Reader(HTMLParser):
    """Forms with what they would send, and the words that people see."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._form: Form | None = None
        self._button: Button | None = None
        self._select = ""

    @property
    def text(self) -> str:
        return squeezed(self._words)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form and tag in ("input", "select", "option", "button"):
            self._take(self._form, tag, given)

    def _take(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "button":
            self._button = Button(name, given.get("value", ""))
            form.buttons.append(self._button)
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            form.fields[self._select] = given.get("value", "")
        elif tag == "input" and given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                form.fields[name] = given.get("value", "on")
        elif tag == "input" and name:
            form.fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "button":
            self._button = None

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._button:
            self._button.words = squeezed([self._button.words, data])


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def squeezed(words: Iterable[str]) -> str:
    return " ".join(" ".join(words).split())
