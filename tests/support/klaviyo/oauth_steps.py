"""At a browser, to Klaviyo's consent page and back."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client as Browser
from django.urls import reverse

from dev.klaviyo_sandbox.testing.client import SandboxProcess

Answer = Any  # a response, as the test client makes it

CALLBACK = "/integrations/klaviyo/callback/"


def integrations_page(slug: str = "lotus") -> str:
    return reverse("integrations:settings", args=[slug])


def page(name: str, slug: str = "lotus") -> str:
    return reverse(f"klaviyo:{name}", args=[slug])


def leave(browser: Browser, name: str = "connect", slug: str = "lotus") -> str:
    """Press the button; the address of Klaviyo's consent page."""
    answer = browser.post(page(name, slug))
    assert answer.status_code == 302
    return str(answer["Location"])


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def come_back(browser: Browser, sandbox: SandboxProcess, url: str, **choice: Any) -> Answer:
    """Choose on Klaviyo's page, and follow where it sends the browser."""
    return browser.get(local(sandbox.authorize(url, **choice)))


def local(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def says(answer: Answer) -> str:
    return " ".join(answer.content.decode().split())


def assert_refused(answer: Answer, words: str) -> None:
    """A clear page with a way on, and nothing stored."""
    assert answer.status_code == 400
    assert words in says(answer)
    assert "Try again" in says(answer)
    assert "no-store" in answer["Cache-Control"]
