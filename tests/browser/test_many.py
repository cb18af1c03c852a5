"""The list at work in Chromium: several ticked and opted out, taken back; deleted, taken back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.looking import Complaints, look

pytestmark = pytest.mark.timeout(600)

SignIn = Callable[[Page, str], Page]


def tick(tab: Page, number: int) -> None:
    for place in range(number):
        tab.get_by_role("checkbox", name="Select").nth(place).check()


def test_the_desk_opts_three_out_and_takes_it_back(open_tab: OpenTab, sign_in: SignIn) -> None:
    tab = sign_in(open_tab(), "fay")
    tab.goto("/s/lotus/clients/?consent=agreed")
    wrong: Complaints = []
    bar = tab.locator("#many")
    expect(bar).to_be_hidden()
    tick(tab, 3)
    expect(bar).to_be_visible()
    expect(bar.get_by_role("button", name="Delete")).to_have_count(0)
    wrong += look(tab, "clients-ticked")

    bar.get_by_role("button", name="Record an opt-out").click()
    wrong += look(tab, "many-asks")
    tab.get_by_role("button", name="Opt out 3 clients").click()
    expect(tab.get_by_text("3 clients opted out of emails.")).to_be_visible()
    wrong += look(tab, "many-done")
    tab.get_by_role("button", name="Take it back").click()

    expect(tab.get_by_text("Taken back.")).to_be_visible()
    tab.goto("/s/lotus/clients/?consent=opted-out")
    expect(tab.get_by_text("(just saved)")).to_have_count(0)
    assert wrong == []


def test_an_owner_deletes_by_keys_and_takes_it_back_and_sees_the_day(
    open_tab: OpenTab, sign_in: SignIn
) -> None:
    tab = sign_in(open_tab(), "olive")
    tab.goto("/s/lotus/clients/?q=petit")
    wrong: Complaints = []
    name = tab.locator("[data-row]").first.inner_text()
    for key in "jx":
        tab.keyboard.press(key)
    tab.locator("#many").get_by_role("button", name="Delete").click()
    tab.get_by_role("button", name="Delete 1 client").click()
    expect(tab.get_by_text("1 client deleted.")).to_be_visible()
    assert name not in tab.locator("#clients").inner_text()
    tab.get_by_role("button", name="Take it back").click()
    tab.goto("/s/lotus/clients/?q=petit")
    expect(tab.locator("[data-row]").first).to_have_text(name)

    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog")).to_be_visible()
    wrong += look(tab, "keys")
    tab.keyboard.press("Escape")
    tab.goto("/s/lotus/settings/activity/")
    expect(tab.get_by_text("1 client deleted and taken back, by Olive Okafor")).to_be_visible()
    wrong += look(tab, "activity")
    assert wrong == []
