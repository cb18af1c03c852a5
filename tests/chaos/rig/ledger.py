"""What the writers know: who was called what when, who agreed until when, who stood where.

A person is one client row, known by a key that stands in every first name it ever gets. What may
have begun is noted before the request leaves, what has surely ended only once it was answered: the
oracle accuses nobody for what happened in between.
"""

from dataclasses import dataclass, field
from itertools import count
from math import inf
from threading import Lock


@dataclass
class Edit:
    """A name on its way to the database; `saved_at` stays None while nobody knows."""

    key: str
    number: int
    sent_at: float
    saved_at: float | None = None
    address: str = ""  # where the person stands with it
    is_imported: bool = False  # with many others: nobody at the desk waits for it


@dataclass
class OptOut:
    key: str
    address: str
    saved_at: float
    undone_at: float = inf  # agreed again, moved or deleted: whatever may carry the news away


@dataclass
class Span:
    begin: float
    end: float = inf


@dataclass(frozen=True)
class Refusal:
    """The desk got an error, or no answer, instead of a page."""

    at: float
    what: str
    status: int  # 0: no answer


@dataclass
class Ledger:
    """Shared by all writers of a run. Times are seconds since the epoch."""

    edits: dict[str, list[Edit]] = field(default_factory=dict)  # by key, in order
    agreed: dict[str, list[Span]] = field(default_factory=dict)  # by key: may be pushed
    said_no: dict[str, float] = field(default_factory=dict)  # by key: first time it may have
    said_no_at: set[str] = field(default_factory=set)  # addresses of whoever may have said no
    surely_no: dict[str, float] = field(default_factory=dict)  # by key: last time it surely has
    holders: dict[str, set[str]] = field(default_factory=dict)  # by address: keys, at any time
    opt_outs: list[OptOut] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)  # how often what was done
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def name(self, key: str, at: float) -> Edit:
        """A first name that nobody had before."""
        with self._lock:
            edit = Edit(key, next(self._numbers), at)
            self.edits.setdefault(key, []).append(edit)
        return edit

    def may_stand_at(self, key: str, address: str) -> None:
        with self._lock:
            self.holders.setdefault(folded(address), set()).add(key)

    def may_agree(self, key: str, at: float) -> None:
        spans = self.agreed.setdefault(key, [])
        if not spans or spans[-1].end < inf:
            spans.append(Span(at))

    def may_say_no(self, key: str, address: str, at: float) -> None:
        self.said_no.setdefault(key, at)
        self.said_no_at.add(folded(address))

    def surely_ended(self, key: str, at: float) -> None:
        """From here on nothing may be pushed of this person."""
        if self.agreed.get(key):
            self.agreed[key][-1].end = min(at, self.agreed[key][-1].end)

    def surely_said_no(self, key: str, address: str, at: float) -> None:
        self.surely_ended(key, at)
        self.surely_no[key] = at
        with self._lock:
            self.opt_outs.append(OptOut(key, folded(address), at))

    def opt_out_may_be_undone(self, key: str, at: float) -> None:
        for one in reversed(self.opt_outs):
            if one.key == key:
                one.undone_at = min(one.undone_at, at)
                return

    def count(self, what: str) -> None:
        with self._lock:
            self.done[what] = self.done.get(what, 0) + 1

    def refused(self, at: float, what: str, status: int) -> None:
        with self._lock:
            self.refusals.append(Refusal(at, what, status))

    def was_agreed(self, key: str, since: float, until: float) -> bool:
        """True if this person may have been agreed at some moment of this time."""
        return any(span.begin <= until and span.end >= since for span in self.agreed.get(key, []))

    def edit_called(self, name: str) -> Edit | None:
        key, number = key_of(name), number_of(name)
        return next((one for one in self.edits.get(key, []) if one.number == number), None)


def name_of(edit: Edit) -> str:
    return f"{edit.key} {edit.number}"


def key_of(name: str | None) -> str:
    """Whose name this is; blank for one that no writer gave."""
    key, _, number = (name or "").rpartition(" ")
    return key if number.isdigit() else ""


def number_of(name: str) -> int:
    number = name.rpartition(" ")[2]
    return int(number) if number.isdigit() else 0


def folded(address: str | None) -> str:
    return (address or "").strip().lower()
