"""An import in Chromium, from the empty studio to the undo: each of its pages, looked at."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.looking import Complaints, look

pytestmark = pytest.mark.timeout(600)

SignIn = Callable[[Page, str], Page]

LIST = "Vorname;Name;E-Mail;Handy;Newsletter\n" + "".join(
    f"Zoë;Müller {number:02};zoe{number}@browser.example;0171 2345{number:03};"
    f"{'ja' if number % 10 else 'nein'}\n"
    for number in range(80)
)
BAD_ROWS = (
    "Bo;;not an address;;ja\nCy;;cy@browser.example;0171 2345678 mum;abgemeldet\n"
    "Ana;;zoe1@browser.example;;ja\n"
)


def test_a_list_comes_in_and_goes_back(open_tab: OpenTab, sign_in: SignIn) -> None:
    tab = sign_in(open_tab(), "olive")
    wrong: Complaints = []
    tab.get_by_role("link", name="Import").click()
    wrong += look(tab, "import")

    list_csv = {
        "name": "list.csv",
        "mimeType": "text/csv",
        "buffer": (LIST + BAD_ROWS).encode("windows-1252"),
    }
    tab.get_by_label("Your list").set_input_files(list_csv)  # type: ignore[arg-type]
    tab.get_by_role("button", name="Upload").click()
    tab.get_by_label("“ja”").select_option("Agreed to emails")
    wrong += look(tab, "import-columns")

    tab.get_by_role("button", name="See what will happen").click()
    expect(tab.get_by_role("heading", name="What will happen")).to_be_visible()
    expect(tab.get_by_text("Zoë Müller 00")).to_be_visible()
    wrong += look(tab, "import-preview")

    tab.get_by_label("people told us that they want emails").check()
    tab.get_by_role("button", name="Import 80 clients").click()
    expect(tab.get_by_role("heading", name="What happened")).to_be_visible()
    wrong += look(tab, "import-report")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download the refused rows").click()
    refused = download.value.path().read_text("utf-8-sig").splitlines()
    assert [line.partition(";")[0] for line in refused] == ["Line", "82", "83", "84"]

    tab.get_by_role("button", name="Take it back").click()
    expect(tab.get_by_role("heading", name="What was taken back")).to_be_visible()
    wrong += look(tab, "import-taken-back")
    tab.goto("/s/lotus/clients/?q=browser.example")
    expect(tab.get_by_text("No client matches")).to_be_visible()
    assert wrong == []
