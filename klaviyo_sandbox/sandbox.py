"""The sandbox as one thing: its memory, its moods, and what came in."""

from pathlib import Path
from typing import cast

from flask import current_app

from klaviyo_sandbox import accounts
from klaviyo_sandbox.faults import FaultBook
from klaviyo_sandbox.journal import ArrivalLog
from klaviyo_sandbox.limits import Limits
from klaviyo_sandbox.settings import Settings, SettingsBook
from klaviyo_sandbox.store import Store
from klaviyo_sandbox.webhook import Postman


class Sandbox:
    """What every view works on."""

    def __init__(self, settings: Settings, data: Path | None = None) -> None:
        self.store = Store(data)
        self.settings = SettingsBook(self.store, settings)
        self.limits = Limits()
        self.faults = FaultBook()
        self.arrivals = ArrivalLog()
        self.postman = Postman()
        accounts.seed(self.store)

    def reset(self) -> None:
        """As on the first day, but for sequence numbers."""
        self.faults.clear()
        self.store.clear()
        self.settings.reset()
        self.limits.clear()
        self.arrivals.clear()
        self.postman.clear()
        accounts.seed(self.store)


def the_sandbox() -> Sandbox:
    """The one this request came to."""
    return cast(Sandbox, current_app.extensions["sandbox"])
