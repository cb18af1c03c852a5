"""Faults by name: what a test may ask Klaviyo to suffer from.

A fault meets the requests it names (operation, account, words in the body) after they passed
authentication, limits and scopes, so each of them is one that would have succeeded.
"""

from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from itertools import count
from random import Random, SystemRandom
from threading import Event, Lock
from typing import Any

NAMES = frozenset(
    [
        "delay",
        "hold",
        "hang",
        "hang_then_apply",
        "reset_before",
        "reset_after",
        "reset_then_apply",
        "truncated",
        "slow_drip",
        "html_200",
        "empty_200",
        "huge",
        "challenge",
        "redirect",
        "429",
        "429_no_retry_after",
        "invalid_grant",
        "invalid_client",
    ]
)
FIRST_STATUS, LAST_STATUS = 400, 599
HIDDEN = {"released", "chance"}


@dataclass(eq=False)
class Fault:
    """One fault, for `times` requests after the first `skip` of those it matches.

    `seconds` is the delay, the hang, the Retry-After of a 429 or the pause between two bytes of
    a slow drip. `apply` says whether the operation is carried out all the same. With a `seed` the
    same requests of those it matches suffer each time.
    """

    fault: str
    operation: str = "*"
    account: str = "*"
    containing: str = ""
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int | None = None
    seconds: float = 1.0
    retry_after: str | None = None
    apply: bool | None = None
    location: str = "http://127.0.0.1:9/elsewhere"
    id: int = 0
    hits: int = 0
    released: Event = field(default_factory=Event, repr=False)
    chance: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.chance = SystemRandom() if self.seed is None else Random(self.seed)  # noqa: S311

    def matches(self, operation: str, account: str | None, body: str) -> bool:
        return (
            fnmatchcase(operation, self.operation)
            and fnmatchcase(account or "", self.account)
            and self.containing in body
        )

    def strike(self) -> bool:
        """True if this request is to suffer the fault; counts `skip` and `times`."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.probability < 1 and self.chance.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def shown(self) -> dict[str, Any]:
        names = {one.name for one in fields(self)} - HIDDEN
        return {name: getattr(self, name) for name in names}


def parse(wanted: dict[str, Any]) -> Fault:
    """A fault as asked for; ValueError says what is wrong with it."""
    allowed = {one.name for one in fields(Fault)} - {"id", "hits"} - HIDDEN
    if unknown := set(wanted) - allowed:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    name = str(wanted.get("fault", ""))
    if name not in NAMES and not is_status(name):
        raise ValueError(f"no fault is called {name!r}: {', '.join(sorted(NAMES))}, 400 to 599")
    return Fault(**{**wanted, "fault": name})


def is_status(name: str) -> bool:
    return name.isdigit() and FIRST_STATUS <= int(name) <= LAST_STATUS


class FaultBook:
    """The faults in force; the oldest that matches is met first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._numbers = count(1)

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            fault.id = next(self._numbers)
            self._faults.append(fault)
        return fault

    def meet(self, operation: str, account: str | None, body: str) -> Fault | None:
        """The fault this request meets, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(operation, account, body) and fault.strike():
                    return fault
        return None

    def clear(self, fault_id: int | None = None) -> None:
        """Lift one fault or all; what they held goes on."""
        with self._lock:
            lifted = [one for one in self._faults if fault_id in (None, one.id)]
            self._faults = [one for one in self._faults if one not in lifted]
        for fault in lifted:
            fault.released.set()

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.shown() for fault in self._faults]
