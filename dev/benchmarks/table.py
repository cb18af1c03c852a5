"""What a benchmark says: rows of one table, each a figure beside its target."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WIDTHS = (64, 14, 12, 7)


@dataclass(frozen=True)
class Row:
    what: str
    figure: float
    unit: str = ""
    target: float | None = None  # none: said for its own sake
    at_least: bool = False  # else at most
    note: str = ""

    @property
    def is_met(self) -> bool:
        if self.target is None:
            return True
        return self.figure >= self.target if self.at_least else self.figure <= self.target

    @property
    def cells(self) -> tuple[str, str, str, str]:
        figure = f"{shown(self.figure)} {self.unit}".rstrip()
        if self.target is None:
            return self.what, figure, "", ""
        target = f"{'≥' if self.at_least else '≤'} {shown(self.target)}"
        ratio = f"{self.figure / self.target:.2f}" if self.target else ""
        return self.what, figure, target, ratio

    def __str__(self) -> str:
        cells = [f"{cell:<{width}}" for cell, width in zip(self.cells, WIDTHS, strict=True)]
        return "  ".join(cells) + ("  " if self.is_met else "! ") + self.note


HEAD = "  ".join(
    f"{cell:<{width}}"
    for cell, width in zip(("what", "figure", "target", "ratio"), WIDTHS, strict=True)
)


def shown(number: float) -> str:
    if math.isnan(number):
        return "–"
    digits = 0 if abs(number) >= 100 or number == int(number) else 1 if abs(number) >= 10 else 2
    return f"{number:,.{digits}f}"


def share(numbers: Sequence[float], part: float) -> float:
    """The number that this part of them doesn't exceed; `nan` of none."""
    if not numbers:
        return math.nan
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * part) - 1)]


def spread(what: str, seconds: Sequence[float], p99: float | None, note: str = "") -> list[Row]:
    """Delays as three rows, in ms; the last has the target."""
    ms = [1000 * one for one in seconds]
    note = f"n {len(ms)} {note}".rstrip()
    return [
        Row(f"{what}: p50", statistics.median(ms) if ms else math.nan, "ms"),
        Row(f"{what}: p95", share(ms, 0.95), "ms"),
        Row(f"{what}: p99", share(ms, 0.99), "ms", p99 and 1000 * p99, note=note),
    ]
