"""The tour of the demo, clicked through as Olive and Fay."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.support.stack import Stack, eventually

pytestmark = pytest.mark.timeout(400)

INTEGRATIONS = "/s/lotus/settings/integrations/"
CLIENTS = 250

SignIn = Callable[[Page, str], Page]


def test_the_tour_of_the_demo(not_connected: Stack, open_tab: OpenTab, sign_in: SignIn) -> None:
    stack = not_connected
    olive, fay = sign_in(open_tab(), "olive"), sign_in(open_tab(), "fay")

    connect(olive)
    watch_the_backfill(olive)
    edit_a_client(stack, fay)
    opt_one_out(stack, olive, fay)
    disconnect(stack, olive)
    be_uninstalled(stack, olive)


def connect(olive: Page) -> None:
    olive.get_by_role("link", name="Settings").click()
    olive.get_by_role("link", name="Integrations").click()
    expect(olive.get_by_text("clients who agreed to emails and have an address")).to_be_visible()
    olive.get_by_role("button", name="Connect Klaviyo").click()
    expect(olive.get_by_text("profiles:write")).to_be_visible()
    olive.get_by_role("button", name="Allow").click()
    expect(olive.get_by_text("Connected as Lotus Yoga Berlin").first).to_be_visible()


def watch_the_backfill(olive: Page) -> None:
    """The bar moves on the page as it stands, and the numbers add up all the while."""
    progress = olive.locator("[data-progress]")
    first = int(progress.get_attribute("data-progress") or 0)
    eventually(lambda: int(progress.get_attribute("data-progress") or 0) > first)
    assert adding_up(olive)["Waiting"] > 0
    expect(olive.locator("#counter-waiting .counter__number")).to_have_text("0")
    assert adding_up(olive)["In Klaviyo"] > 150


def adding_up(olive: Page) -> dict[str, int]:
    """The four counters, read at one moment."""
    words = olive.locator(".counters").evaluate(
        "list => [...list.querySelectorAll('.counter')].map(one => one.innerText)"
    )
    counters = {
        " ".join(re.findall(r"[A-Za-z]+", one)): int(re.sub(r"\D", "", one)) for one in words
    }
    assert sum(counters.values()) == CLIENTS, counters
    return counters


def edit_a_client(stack: Stack, fay: Page) -> None:
    """By keyboard: n opens a new client, / searches while typing, Enter opens what was found."""
    fay.goto("/s/lotus/clients/")
    fay.keyboard.press("n")
    fay.get_by_label("First name").fill("Tara")
    fay.get_by_label("Email", exact=False).first.fill("Tara@Tour.example")
    fay.get_by_label("Agreed to receive emails").check()
    fay.get_by_role("button", name="Save client").click()
    expect(fay.locator("tr.is-marked")).to_contain_text("Tara")
    there = eventually(lambda: last_name_and_id(stack))[1]

    fay.keyboard.press("/")
    fay.keyboard.type("tara@tour")
    expect(fay.locator("a[data-row]")).to_have_count(1)
    fay.keyboard.press("ArrowDown")
    fay.keyboard.press("Enter")
    fay.get_by_role("link", name="Edit").click()
    fay.get_by_label("Last name").fill("Tour")
    fay.get_by_role("button", name="Save client").click()
    eventually(lambda: ("Tour", there) == last_name_and_id(stack))


def last_name_and_id(stack: Stack) -> tuple[str, str] | None:
    tara = stack.klaviyo.profile("tara@tour.example")
    return (tara["last_name"], tara["id"]) if tara else None


def opt_one_out(stack: Stack, olive: Page, fay: Page) -> None:
    """The card turns amber; once the owner allows it, Klaviyo is told."""
    fay.locator("tr.is-marked a").click()
    fay.get_by_role("link", name="Edit").click()
    fay.get_by_label("Agreed to receive emails").uncheck()
    fay.get_by_role("button", name="Save client").click()

    allow = olive.get_by_role("button", name="Allow automatic suppression")
    expect(allow).to_be_visible()
    expect(olive.locator("#klaviyo-card .state--attention").first).to_be_visible()
    assert "Tara Tour opted out" in olive.locator("#klaviyo-card").inner_text()
    allow.click()
    olive.get_by_role("button", name="Allow").click()

    eventually(lambda: "tara@tour.example" in stack.klaviyo.suppressed())
    expect(olive.locator("#klaviyo-card .state--good").first).to_be_visible()
    fay.goto("/s/lotus/clients/?q=tara@tour")
    expect(fay.get_by_role("row", name="Tara Tour")).to_contain_text("Opt-out sent")


def disconnect(stack: Stack, olive: Page) -> None:
    olive.get_by_role("link", name="Disconnect").click()
    expect(olive.get_by_text("stay in Klaviyo")).to_be_visible()
    olive.get_by_role("button", name="Disconnect").click()
    expect(olive.get_by_text("Klaviyo confirmed")).to_be_visible()
    assert stack.klaviyo.grants() == []


def be_uninstalled(stack: Stack, olive: Page) -> None:
    """In the sandbox's own page; the webhook tells Junocal, and each Settings page says so."""
    olive.get_by_role("button", name="Connect Klaviyo").click()
    olive.get_by_role("button", name="Allow").click()
    expect(olive.get_by_text("Connected as").first).to_be_visible()
    olive.goto(stack.at.sandbox)
    olive.get_by_role("button", name="Uninstall from Lotus Yoga Berlin").click()

    olive.goto(INTEGRATIONS)
    expect(olive.locator("#klaviyo-card")).to_contain_text("Reconnect required")
    olive.get_by_role("link", name="Team").click()
    expect(olive.get_by_text("Reconnect required.")).to_be_visible()


def test_unsubscribing_needs_no_script(stack: Stack, open_tab: OpenTab) -> None:
    (client,) = stack.ask(
        "SELECT id, unsubscribe_token FROM clients_client WHERE email_opt_in AND email <> ''"
        " ORDER BY id DESC LIMIT 1"
    )
    tab = open_tab(java_script_enabled=False)

    tab.goto(f"/unsubscribe/{client['unsubscribe_token']}/")
    tab.get_by_role("button", name="Stop these emails").click()

    expect(tab.get_by_text("You won't get any more emails")).to_be_visible()
    (after,) = stack.ask("SELECT opted_out_at FROM clients_client WHERE id = %s", client["id"])
    assert after["opted_out_at"]
