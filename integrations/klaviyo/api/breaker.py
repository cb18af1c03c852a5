"""Whom to blame for a bad answer: the client whose request it was, or the operation.

One bad answer among many good ones is that client's alone: it waits, the others go on. Several in
a row, or a bad share of the last ones, are the operation's. Each process judges by what it saw.
"""

import threading
from collections import defaultdict, deque
from uuid import UUID

IN_A_ROW = 5
LAST = 20
BAD_SHARE = 0.5
JUDGED_FROM = 10  # answers: of three, two bad ones say nothing

Key = tuple[UUID, str]


class Breaker:
    """The last answers to one operation of one connection."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=LAST)
        self._bad_in_a_row = 0

    def good(self) -> None:
        self._last.append(True)
        self._bad_in_a_row = 0

    def bad(self) -> bool:
        """True if the operation as a whole is to wait."""
        self._last.append(False)
        self._bad_in_a_row += 1
        bad = self._last.count(False)
        share_is_bad = len(self._last) >= JUDGED_FROM and bad > len(self._last) * BAD_SHARE
        return self._bad_in_a_row >= IN_A_ROW or share_is_bad


class Breakers:
    """Those of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._breakers: defaultdict[Key, Breaker] = defaultdict(Breaker)

    def good(self, key: Key) -> None:
        with self._lock:
            self._breakers[key].good()

    def bad(self, key: Key) -> bool:
        with self._lock:
            return self._breakers[key].bad()

    def forget(self) -> None:
        """Klaviyo is back: what was seen before says nothing any more."""
        with self._lock:
            self._breakers.clear()


breakers = Breakers()
