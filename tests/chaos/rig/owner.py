"""A studio's owner, who connects, changes their mind, and tries again until it is done."""

import threading
import time
from collections.abc import Callable, Sequence

import requests

from tests.chaos.oracle.evidence import Window
from tests.chaos.rig.desk import status_of
from tests.chaos.rig.ledger import Ledger
from tests.chaos.rig.schedule import Event
from tests.support.member import Member

WITHIN_S = 90.0  # a disconnect waits for leases, and the web may be restarting
BETWEEN_TRIES_S = 1.0
CONNECTED = "Connected as"
CONNECT_BUTTONS = ("Connect Klaviyo", "Reconnect")


class StuckError(Exception):
    """Tried again and again, in vain."""


class Owner:
    """Of one studio, with Klaviyo accounts that no other studio ever uses."""

    def __init__(self, member: Member, accounts: Sequence[str], ledger: Ledger) -> None:
        self.member, self.accounts, self.ledger = member, list(accounts), ledger
        self.windows: list[Window] = []
        self.stuck: list[str] = []

    @property
    def window(self) -> Window:
        """The time with the present account."""
        return self.windows[-1]

    def follow(self, events: Sequence[Event], began: float, stop: threading.Event) -> None:
        """Do each of these when it is time, or at once if it is late."""
        for event in events:
            if stop.wait(max(0.0, began + event.at - time.monotonic())):
                return
            try:
                VERBS[event.what](self)
                self.ledger.count(event.what)
            except StuckError as error:
                self.stuck.append(f"{self.member.slug}: {error}")

    def disconnect(self) -> None:
        """Leave, and come back to the same account."""
        self.leave()
        self.join()

    def reconnect(self) -> None:
        """Leave, and come back to another account."""
        self.leave()
        self.accounts.append(self.accounts.pop(0))
        self.join()

    def consent(self) -> None:
        """A further consent, as the card offers it; the old token is dropped."""
        self._insist("allow suppression", self._allow)

    def leave(self) -> None:
        """Disconnect, and wait until the page says that it is done."""
        self._insist("press Disconnect", self._press_disconnect)
        self.window.fenced_at = time.time()
        self._insist("see the end", lambda: bool(self._connect_button()))

    def join(self) -> None:
        """Connect to the first account, with automatic suppression."""
        self.windows.append(Window(self.member.slug, self.accounts[0], time.time()))
        self._insist("connect", self._connect)
        self.consent()

    def _press_disconnect(self) -> bool:
        if self.is_connected():
            self.member.visit(self.member.at("settings/integrations/klaviyo/disconnect/"))
            self.member.press("Disconnect")
        return not self.is_connected()

    def _connect(self) -> bool:
        if not self.is_connected():
            button = self._connect_button()
            self.member.press(button).press("Allow", account=self.accounts[0])
        return self.is_connected()

    def _allow(self) -> bool:
        address = self.member.at("settings/integrations/klaviyo/allow-suppression/")
        answer = self.member.knock("POST", address)
        assert answer.is_redirect, f"{answer.status_code} at {address}"
        self.member.visit(answer.headers["Location"]).press("Allow", account=self.accounts[0])
        return True

    def is_connected(self) -> bool:
        return CONNECTED in self.member.card().text

    def _connect_button(self) -> str:
        """Its words; blank while there is none, since the last connection is still ending."""
        buttons = self.member.card().buttons()
        return next((words for words in CONNECT_BUTTONS if words in buttons), "")

    def _insist(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not self._try(what, done):
            if time.monotonic() > deadline:
                raise StuckError(f"could not {what}: {self.member.text[:300]}")
            time.sleep(BETWEEN_TRIES_S)

    def _try(self, what: str, done: Callable[[], bool]) -> bool:
        try:
            return done()
        except (AssertionError, requests.RequestException) as error:
            status = status_of(error, self.member)
            if status >= 500 or status == 0:
                self.ledger.refused(time.time(), what, status)
            return False


VERBS: dict[str, Callable[[Owner], None]] = {
    "disconnect": Owner.disconnect,
    "reconnect": Owner.reconnect,
    "consent": Owner.consent,
}
