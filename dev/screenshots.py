"""The pictures of README: connect, backfill, edit, suppressed, on a whole Junocal of their own.

Needs what `manage.py test --browser` installs, and Chromium; with optipng they are smaller.

    .venv/bin/python -m dev.screenshots [folder]
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.chromium import FLAGS, find_chromium
from tests.support.stack import Stack, eventually, open_stack

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
PATIENCE_MS = 60_000
CARD = "/s/lotus/settings/integrations/"
CREATE_S = 0.4  # Klaviyo takes its time, so that the bar is seen on its way
HALF_WAY = 90  # clients in Klaviyo


class Tour:
    """The way through the demo that README tells, with a picture at four places."""

    def __init__(self, stack: Stack, browser: Browser, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.olive, self.fay = (self.sign_in(browser, name) for name in ("olive", "fay"))

    def sign_in(self, browser: Browser, name: str) -> Page:
        tab = browser.new_page(base_url=self.stack.at.web, viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto("/accounts/login/")
        tab.get_by_label("Email").fill(f"{name}@lotus.example")
        tab.get_by_label("Password").fill(self.stack.secrets.password)
        tab.get_by_role("button", name="Sign in").click()
        tab.wait_for_url("**/clients/")
        return tab

    def run(self) -> None:
        self.connect()
        self.backfill()
        self.allow_suppression()
        self.edit()
        self.suppressed()

    def connect(self) -> None:
        self.olive.goto(CARD)
        self.take(self.olive, "connect")

    def backfill(self) -> None:
        self.stack.klaviyo.fault("delay", operation="create_profile", seconds=CREATE_S)
        self.press("Connect Klaviyo")
        eventually(lambda: self.in_klaviyo() > HALF_WAY)
        self.take(self.olive, "backfill")
        self.stack.klaviyo.clear_faults()
        expect(self.olive.locator("#counter-waiting .counter__number")).to_have_text("0")

    def allow_suppression(self) -> None:
        self.press("Allow automatic suppression")
        expect(self.olive.locator("#klaviyo-card .panel__header")).to_contain_text("Nothing to do")

    def edit(self) -> None:
        self.fay.goto("/s/lotus/clients/?q=ana+pereira")
        self.fay.locator("a[data-row]").first.click()
        self.fay.get_by_role("link", name="Edit").click()
        self.fay.get_by_label("Phone", exact=False).fill("+44 7700 900902")
        self.save_and_wait_for("In Klaviyo, up to date")
        self.take(self.fay, "edit")

    def suppressed(self) -> None:
        self.fay.get_by_role("link", name="Edit").click()
        self.fay.get_by_label("Agreed to receive emails").uncheck()
        self.save_and_wait_for("Klaviyo told at")
        self.take(self.fay, "suppressed")

    def press(self, words: str) -> None:
        """Press the button that leads to Klaviyo, and allow there what it asks."""
        self.olive.get_by_role("button", name=words).click()
        self.olive.get_by_role("button", name="Allow").click()
        self.olive.wait_for_url(f"**{CARD}**")

    def in_klaviyo(self) -> int:
        words = self.olive.locator("#counter-in-klaviyo .counter__number").inner_text()
        return int(re.sub(r"\D", "", words))

    def save_and_wait_for(self, words: str) -> None:
        """Save the client; its page, once it says so."""
        self.fay.get_by_role("button", name="Save client").click()
        self.fay.locator("tr.is-marked a").click()
        eventually(lambda: self.now_says(words))

    def now_says(self, words: str) -> bool:
        self.fay.reload()
        return words in self.fay.inner_text("main")

    def take(self, tab: Page, name: str) -> None:
        tab.screenshot(path=self.folder / f"{name}.png", animations="disabled")


def main(folder: Path) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    with open_stack(own_postgres=True) as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        Tour(stack, browser, folder).run()
        browser.close()
    if optipng := shutil.which("optipng"):
        subprocess.run([optipng, "-quiet", "-o5", *folder.glob("*.png")], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else IMAGES)
