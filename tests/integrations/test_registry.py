"""Settings → Integrations lists what registered itself; it knows no provider by name."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.urls import URLPattern, reverse

from integrations import registry
from integrations.registry import Panel, registered
from studios.models import Studio, User
from tests.support.cast import sign_in

pytestmark = pytest.mark.django_db

urlpatterns: list[URLPattern] = []  # of pigeons
OF_INTEGRATIONS = ("apps.py", "registry.py", "urls.py", "views.py", "templatetags/integrations.py")


class Pigeons:
    """A second provider, with templates that are there already."""

    name = "Pigeons"
    urlconf = __name__
    help_url = "klaviyo:help"

    def card(self, studio: Studio) -> Panel:
        return Panel("components/_state.html", {"tone": "quiet", "word": f"Coo, {studio.name}"})

    def banner(self, studio: Studio) -> Panel | None:
        return Panel("components/_state.html", {"tone": "quiet", "word": "Feed them"})

    def require_ready(self) -> None: ...


@pytest.fixture
def pigeons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", [*registered(), Pigeons()])


def page_of(user: User, name: str) -> str:
    browser = Browser()
    sign_in(browser, user)
    return browser.get(reverse(name, args=["lotus"])).content.decode()


@pytest.mark.usefixtures("pigeons")
def test_each_shows_its_card_and_its_help(lotus: Studio, olive: User) -> None:
    page = page_of(olive, "integrations:settings")

    assert "Coo, Lotus Yoga" in page
    assert "Connect Klaviyo" in page
    assert "the help page for Pigeons" in page


@pytest.mark.usefixtures("pigeons")
def test_banners_stand_on_every_settings_page(lotus: Studio, olive: User) -> None:
    assert "Feed them" in page_of(olive, "studios:team")
    assert "Feed them" in page_of(olive, "integrations:settings")


def test_nothing_of_the_integrations_page_names_a_provider() -> None:
    root = Path(settings.ROOT)
    files = [root / "integrations" / name for name in OF_INTEGRATIONS]
    files += (root / "templates" / "integrations").glob("*.html")
    files.append(root / "templates" / "settings.html")

    naming = [file.name for file in files if "klaviyo" in file.read_text().lower()]

    assert len(files) > len(OF_INTEGRATIONS) + 1
    assert not naming, f"name no provider in {naming}: ask the registry"
