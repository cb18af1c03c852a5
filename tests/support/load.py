"""Somebody at the desk who never stops: renames, adds and opts out, one client after the other."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Self

import requests

from tests.support.member import Member

PAUSE_S = 0.02
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
        elif what == 7:
            self._add()
        else:
            self._rename(random.choice(self.leaving))
            self._rename(self.staying[self._number % len(self.staying)])

    def _rename(self, client: str) -> None:
        self._save(client, first_name=f"Busy {next(NUMBERS)}")

    def _save(self, client: str, **fields: str | None) -> None:
        name = fields.get("first_name")
        before = self.saved.pop(client, None)
        try:
            self.desk.edit_client(client, **fields)
        except (AssertionError, requests.RequestException):  # saved or not: nobody knows
            self.refused += 1
            return
        if name or before:
            self.saved[client] = name or before or ""

    def _add(self) -> None:
        name = f"Busy {self._number}"
        address = f"{time.time_ns()}@busy.example"
        try:
            self.leaving.insert(0, self.desk.add_client(first_name=name, email=address))
        except (AssertionError, requests.RequestException):
            self.refused += 1
