"""The sandbox as one thing: its memory, its moods, and what came in."""

from pathlib import Path
from typing import cast

from flask import current_app

from dev.klaviyo_sandbox.api import accounts
from dev.klaviyo_sandbox.api.limits import Limits
from dev.klaviyo_sandbox.faults.book import FaultBook
from dev.klaviyo_sandbox.request_log import RequestLog
from dev.klaviyo_sandbox.settings import Settings, SettingsBook
from dev.klaviyo_sandbox.store import Store
from dev.klaviyo_sandbox.webhook import WebhookSender


class Sandbox:
    """What every view works on."""

    def __init__(self, settings: Settings, data: Path | None = None) -> None:
        self.store = Store(data)
        self.settings = SettingsBook(self.store, settings)
        self.limits = Limits()
        self.faults = FaultBook()
        self.request_log = RequestLog()
        self.webhook_sender = WebhookSender()
        accounts.seed(self.store)

    def reset(self) -> None:
        """As on the first day, but for sequence numbers."""
        self.faults.clear()
        self.store.clear()
        self.settings.reset()
        self.limits.clear()
        self.request_log.clear()
        self.webhook_sender.clear()
        accounts.seed(self.store)


def the_sandbox() -> Sandbox:
    """The one this request came to."""
    return cast(Sandbox, current_app.extensions["sandbox"])
