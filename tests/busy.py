"""Somebody at the desk who never stops: renames, adds and opts out, one client after the other."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Self

import requests

from tests.member import Member

PAUSE_S = 0.02
BETWEEN_NAMES_S = 0.3  # long enough for the first to have left
# What the sandbox may apply late is told by the name, and goes to those who stay: whoever leaves
# is then followed by no update that left before.
LATE, SOON = "Late", "Soon"
NUMBERS = count(1)  # no name is given twice, whichever desk gives it


class BusyDesk:
    """`with BusyDesk(fay, clients): ...` works in a thread until the block ends.

    Half of the clients stay, the others are opted out little by little.
    """

    def __init__(self, desk: Member, clients: Sequence[str]) -> None:
        self.desk = desk
        half = len(clients) // 2
        self.staying, self.leaving = list(clients[:half]), list(clients[half:])
        self.saved: dict[str, str] = {}  # the name that each client surely has by now
        self.named_at: dict[str, float] = {}  # when each name was sent off, since the epoch
        self.waits_s: list[float] = []
        self.opted_out = 0
        self.refused = 0
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="busy desk")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self._number += 1
            self._one()

    def _one(self) -> None:
        """One turn in ten is an opt-out, one in ten a new client, all others are edits."""
        what = self._number % 10
        if what == 3 and len(self.leaving) > 1:
            self._save(self.leaving.pop(), email_opt_in=None)
            self.opted_out += 1
        elif what == 7:
            self._add()
        else:
            self._rename(random.choice(self.leaving), SOON)
            self._rename_twice()

    def _rename_twice(self) -> None:
        """The first name may arrive at Klaviyo after the second, and nobody comes back to it."""
        client = self.staying[self._number % len(self.staying)]
        self._rename(client, LATE)
        time.sleep(BETWEEN_NAMES_S)
        self._rename(client, SOON)

    def _rename(self, client: str, word: str) -> None:
        name = f"{word} {next(NUMBERS)}"
        self.named_at[name] = time.time()
        self._save(client, first_name=name)

    def _save(self, client: str, **fields: str | None) -> None:
        name = fields.get("first_name")
        before = self.saved.pop(client, None)
        began = time.monotonic()
        try:
            self.desk.edit_client(client, **fields)
            self.waits_s.append(time.monotonic() - began)
        except (AssertionError, requests.RequestException):  # saved or not: nobody knows
            self.refused += 1
            return
        if name or before:
            self.saved[client] = name or before or ""

    def _add(self) -> None:
        name = f"{SOON} {self._number}"
        address = f"{time.time_ns()}@busy.example"
        try:
            self.leaving.insert(0, self.desk.add_client(first_name=name, email=address))
        except (AssertionError, requests.RequestException):
            self.refused += 1
