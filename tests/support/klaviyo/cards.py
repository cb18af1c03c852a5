"""The card as Olive sees it."""

import re
from typing import Any

from django.test import Client as Browser
from django.urls import reverse

from integrations.klaviyo.pages.card import State
from integrations.klaviyo.pages.todos import Kind

Answer = Any  # a response, as the test client makes it

CARD = "/s/lotus/settings/integrations/"


def page(browser: Browser, url: str = CARD) -> str:
    answer: Answer = browser.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def words(browser: Browser) -> str:
    """The card's page as one reads it."""
    return " ".join(re.sub(r"<[^>]+>", " ", page(browser)).split())


def press(browser: Browser, name: str) -> Answer:
    return browser.post(reverse(f"klaviyo:{name}", args=["lotus"]))


def assert_todo(browser: Browser, kind: Kind) -> None:
    """The second light names this as what is to be done."""
    assert f"<span>{kind.label}</span>" in page(browser)


def assert_state(browser: Browser, state: State) -> None:
    """The page shows this state, with at most one big button in all of it."""
    html = page(browser)
    assert f"<span>{state.label}</span>" in html
    assert f"reload_key={state.value}" in html
    assert html.count("button--primary") <= 1
