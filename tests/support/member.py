"""What a member of a studio does in the browser: the desk's verbs and the owner's."""

import re
from typing import Self

from dev.klaviyo_sandbox.testing.client import LOTUS
from tests.support.browser import Visitor
from tests.support.stack import Stack, eventually

SAVED = re.compile(r"saved=([0-9a-f-]{36})")
COUNTER = re.compile(r'id="counter-([a-z-]+)".*?counter__number">([\d,]+)<', re.S)


class Member(Visitor):
    """Somebody who works at the studio `slug`."""

    def __init__(self, stack: Stack, slug: str) -> None:
        super().__init__(stack.at.web)
        self.slug = slug

    def sign_in(self, email: str, password: str) -> Self:
        return self.visit("/accounts/login/").press("Sign in", login=email, password=password)

    def open_studio(self, name: str, password: str) -> Self:
        """Sign up with a studio of one's own."""
        owner = {"name": f"Owner of {name}", "email": f"owner@{self.slug}.example"}
        studio = {"studio_name": name, "country": "DE"}
        self.visit("/accounts/signup/")
        return self.press("Open the studio", password1=password, **owner, **studio)

    def at(self, path: str) -> str:
        """An address within the studio."""
        return f"/s/{self.slug}/{path}"

    # At the desk

    def add_client(self, **fields: str) -> str:
        """Add a client who agreed to emails; the id in the client's address."""
        self.visit(self.at("clients/new/")).press("Save client", **{"email_opt_in": "on"} | fields)
        return self._saved()

    def edit_client(self, client: str, **fields: str | None) -> None:
        self.visit(self.at(f"clients/{client}/edit/")).press("Save client", **fields)
        self._saved()

    def opt_out(self, client: str) -> None:
        self.edit_client(client, email_opt_in=None)

    def delete_client(self, client: str) -> None:
        """For good; owners may."""
        self.visit(self.at(f"clients/{client}/delete/"))
        self.press(next(words for words in self.buttons() if words.startswith("Delete ")))

    def line_of(self, client: str) -> str:
        """The words of the client's page."""
        return self.visit(self.at(f"clients/{client}/")).text

    def _saved(self) -> str:
        saved = SAVED.search(self.page.headers.get("Location", self.page.url))
        assert saved, f"not saved: {self.text}"
        return saved[1]

    # In Settings

    def card(self) -> Self:
        return self.visit(self.at("settings/integrations/"))

    def connect(self, account: str = LOTUS.id, button: str = "Connect Klaviyo") -> Self:
        """Connect, and press Allow on Klaviyo's page."""
        return self.card().press(button).press("Allow", account=account)

    def allow_suppression(self, account: str = LOTUS.id) -> Self:
        self.card().press("Allow automatic suppression")
        return self.press("Allow", account=account)

    def disconnect(self) -> None:
        """Disconnect, and wait until that is done."""
        self.visit(self.at("settings/integrations/klaviyo/disconnect/")).press("Disconnect")
        eventually(lambda: "Disconnected on" in self.card().text)

    def counters(self) -> dict[str, int]:
        """The card's four numbers."""
        found = COUNTER.findall(self.card().page.text)
        return {name: int(number.replace(",", "")) for name, number in found}
