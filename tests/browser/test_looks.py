"""Our two scripts in a real browser, on pages made of nothing but what they look for."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from junocal.settings import ROOT

SCRIPTS = ROOT / "junocal" / "static" / "js"
LIST = """
<input data-key="/" type="search">
<a data-key="n" href="#new">New client</a>
<table>
<tr><td><input type="checkbox"></td><th><a data-row href="#ana">Ana</a></th></tr>
<tr><td><input type="checkbox"></td><th><a data-row href="#bo">Bo</a></th></tr>
</table>
<dialog data-keys>Keys</dialog>
"""
PANEL = """
<p data-stale hidden>This page can't refresh itself just now.</p>
<div data-announcer></div>
<div data-progress="{done}" data-progress-total="100" data-progress-what="clients sent"></div>
"""


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def show(tab: Page, html: str, script: str) -> None:
    tab.goto("about:blank")
    tab.set_content(html)
    tab.add_script_tag(path=SCRIPTS / script, type="module")


def focused(tab: Page) -> str:
    return str(tab.evaluate("document.activeElement.textContent"))


def settle(tab: Page, done: int) -> None:
    """What htmx says after it has put a panel in place."""
    tab.evaluate(f"document.querySelector('[data-progress]').dataset.progress = {done}")
    tab.evaluate("document.dispatchEvent(new Event('htmx:afterSettle'))")


def test_slash_searches_and_letters_typed_there_are_only_letters(tab: Page) -> None:
    show(tab, LIST, "keys.js")

    tab.keyboard.press("/")
    tab.keyboard.type("n/")

    assert tab.input_value("input") == "n/"
    assert not tab.url.endswith("#new")


def test_n_opens_a_new_client(tab: Page) -> None:
    show(tab, LIST, "keys.js")

    tab.keyboard.press("n")

    assert tab.url.endswith("#new")


def test_arrows_walk_from_the_search_through_the_rows(tab: Page) -> None:
    show(tab, LIST, "keys.js")

    tab.focus("input")
    tab.keyboard.press("ArrowDown")
    first = focused(tab)
    tab.keyboard.press("ArrowDown")

    assert (first, focused(tab)) == ("Ana", "Bo")


def test_j_and_k_walk_from_anywhere_and_x_ticks(tab: Page) -> None:
    show(tab, LIST, "keys.js")

    walked = []
    for key in "jjk":
        tab.keyboard.press(key)
        walked.append(focused(tab))
    tab.keyboard.press("x")
    tab.keyboard.press("j")

    assert walked == ["Ana", "Bo", "Ana"]
    assert focused(tab) == "Bo"
    assert tab.locator("input[type=checkbox]:checked").count() == 1
    assert tab.locator("tr", has_text="Ana").locator("input").is_checked()


def test_after_ticking_by_hand_keys_go_on_from_that_row(tab: Page) -> None:
    show(tab, LIST, "keys.js")

    tab.locator("input[type=checkbox]").first.click()
    tab.keyboard.press("j")

    assert focused(tab) == "Bo"


def test_a_question_mark_shows_the_keys_and_escape_closes_them(tab: Page) -> None:
    show(tab, LIST, "keys.js")

    tab.keyboard.press("?")
    assert tab.locator("dialog").is_visible()
    tab.keyboard.press("n")
    assert not tab.url.endswith("#new")
    tab.keyboard.press("Escape")

    assert not tab.locator("dialog").is_visible()


def test_progress_is_said_at_quarters_only(tab: Page) -> None:
    show(tab, PANEL.format(done=10), "live.js")

    settle(tab, 24)
    before = tab.inner_text("[data-announcer]")
    settle(tab, 26)

    assert before == ""
    assert tab.inner_text("[data-announcer]") == "26 of 100 clients sent"


def test_a_page_that_cannot_refresh_says_so_until_it_can(tab: Page) -> None:
    show(tab, PANEL.format(done=10), "live.js")

    tab.evaluate("document.dispatchEvent(new Event('htmx:sendError'))")
    said = tab.is_visible("[data-stale]")
    settle(tab, 11)

    assert said
    assert tab.is_hidden("[data-stale]")
