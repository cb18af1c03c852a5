"""Chromium on a whole Junocal. Every tab is watched: what it asks for, and what it complains of."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.chromium import FLAGS
from tests.support.member import Member
from tests.support.stack import Stack, open_stack

PATIENCE_MS = 60_000
# What pages with such a status make Chromium say.
REFUSED = "Failed to load resource: the server responded with a status of 4"

OpenTab = Callable[..., Page]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with open_stack(KLAVIYO_QUARANTINE_S="3") as stack:
        yield stack


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(browser: Browser, stack: Stack) -> Iterator[OpenTab]:
    """Open tabs, each in a browser of its own. In the end none of them has asked another host for
    anything, nor found an error in a page or something its policy forbids."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []
    hosts = {urlsplit(stack.at.web).netloc, urlsplit(stack.at.sandbox).netloc}

    def note(address: str) -> None:
        if urlsplit(address).scheme != "data" and urlsplit(address).netloc not in hosts:
            wrong.append(f"asked for {address}")

    def complain(kind: str, text: str) -> None:
        if kind == "error" and not text.startswith(REFUSED):
            wrong.append(text)

    def open_tab(**options: object) -> Page:
        context = browser.new_context(base_url=stack.at.web, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: note(request.url))
        context.on("console", lambda message: complain(message.type, message.text))
        context.on("weberror", lambda error: complain("error", str(error.error)))
        contexts.append(context)
        return context.new_page()

    yield open_tab
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def sign_in(stack: Stack) -> Callable[[Page, str], Page]:
    """Sign this tab in as one of the demo's people of Lotus."""

    def sign_in(tab: Page, name: str) -> Page:
        tab.goto("/accounts/login/")
        tab.get_by_label("Email").fill(f"{name}@lotus.example")
        tab.get_by_label("Password").fill(stack.secrets.password)
        tab.get_by_role("button", name="Sign in").click()
        tab.wait_for_url("**/clients/")
        return tab

    return sign_in


@pytest.fixture
def not_connected(stack: Stack) -> Stack:
    """Lotus as if it never was connected, and an empty Klaviyo."""
    olive = Member(stack, "lotus").sign_in("olive@lotus.example", stack.secrets.password)
    stack.klaviyo.clear_faults()
    if "Disconnect" in olive.card().text:
        olive.disconnect()
    stack.ask("DELETE FROM klaviyo_endedconnection RETURNING id")
    stack.klaviyo.reset()
    stack.klaviyo.configure(limits={"get_accounts": [10, 150]})
    return stack
