"""Without a mouse, and on a slow line: the keyboard reaches everything, and pages weigh little."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response

from tests.browser.conftest import OpenTab
from tests.browser.looking import tab_walk
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(300)

HEAVIEST_BYTES = 50_000  # of CSS and JavaScript, as they travel
OWN_PAGES = (
    "/s/lotus/clients/",
    "/s/lotus/clients/new/",
    "/s/lotus/settings/",
    "/s/lotus/settings/team/",
    "/s/lotus/settings/integrations/",
)
OPEN_PAGES = ("/", "/accounts/login/", "/accounts/signup/", "/help/integrations/klaviyo/")

SignIn = Callable[[Page, str], Page]


def test_tab_reaches_everything_and_the_focus_is_seen(open_tab: OpenTab, sign_in: SignIn) -> None:
    stranger, olive = open_tab(), sign_in(open_tab(), "olive")

    wrong = [
        f"{address}: {each}"
        for tab, pages in ((stranger, OPEN_PAGES), (olive, OWN_PAGES))
        for address in pages
        for each in walked(tab, address)
    ]

    assert wrong == []


def walked(tab: Page, address: str) -> list[str]:
    tab.goto(address)
    return tab_walk(tab)


def test_styles_and_scripts_of_a_first_paint_weigh_little(
    stack: Stack, open_tab: OpenTab, sign_in: SignIn
) -> None:
    session = sign_in(open_tab(), "olive").context.storage_state()

    for address in (*OPEN_PAGES, *OWN_PAGES):
        assert weight_of(open_tab(storage_state=session), address) < HEAVIEST_BYTES


def weight_of(tab: Page, address: str) -> int:
    """In a browser that has none of it yet."""
    got: list[Response] = []
    tab.on("response", lambda response: got.append(response))
    tab.goto(address)
    tab.wait_for_load_state("load")
    looks = [one for one in got if one.request.resource_type in ("stylesheet", "script")]
    assert looks, "nothing was weighed"
    return sum(one.request.sizes()["responseBodySize"] for one in looks)
