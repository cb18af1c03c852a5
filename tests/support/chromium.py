"""The Chromium of this machine: where it is, and how it is started. Playwright's is never used."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Its path; none where it isn't installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)
