"""Ana, a client of Lotus Yoga, and browsers at which Olive, Fay and Ian are signed in."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clients import editing, extensions
from clients.models import Client
from studios.models import Studio, User
from tests.support.cast import browser_of

AddClient = Callable[..., Client]


@pytest.fixture(autouse=True)
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients know no integration, and neither do these tests."""
    monkeypatch.setattr(extensions, "_registered", [])


@pytest.fixture
def add_client(lotus: Studio, fay: User) -> AddClient:
    """Add a client of Lotus as Fay would."""

    def add(studio: Studio = lotus, **details: Any) -> Client:
        return editing.add(studio, editing.ClientDetails.from_form(details), by=fay)

    return add


@pytest.fixture
def ana(add_client: AddClient) -> Client:
    return add_client(
        first_name="Ana", last_name="Pereira", email="Ana@Example.com", email_opt_in=True
    )


@pytest.fixture
def ians(ian: User) -> Browser:
    return browser_of(ian)


class Desk:
    """Lotus's forms as somebody fills them in."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def add(self, **typed: str) -> Any:
        return self.browser.post(reverse("clients:new", args=["lotus"]), typed)

    def open(self, client: Client) -> dict[str, str]:
        """What the form for the client holds when it is opened."""
        response = self.browser.get(address_of("edit", client))
        values = {bound.name: bound.initial for bound in response.context["form"]}
        return {
            name: str(value)
            for name, value in values.items()
            if value is not None and value is not False
        }

    def save(self, client: Client, typed: dict[str, str]) -> Any:
        return self.browser.post(address_of("edit", client), typed)

    def edit(self, client: Client, **changed: str | None) -> Any:
        """Open the form, change some of it (None unticks a box) and save."""
        typed = {**self.open(client), **changed}
        return self.save(client, {name: text for name, text in typed.items() if text is not None})


def address_of(page: str, client: Client) -> str:
    return reverse(f"clients:{page}", args=[client.studio.slug, client.public_id])


@pytest.fixture
def fays_desk(fays: Browser) -> Desk:
    return Desk(fays)
