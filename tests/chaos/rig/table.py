"""The verdict as people read it."""

from collections.abc import Sequence

from tests.chaos.oracle import history
from tests.chaos.oracle.latencies import spread
from tests.chaos.rig.run import Verdict
from tests.chaos.rig.schedule import Event

WIDTH = 34
SHOWN = 8  # faults of a column, before "and so many more"


def of_schedule(events: Sequence[Event]) -> str:
    return " | ".join(str(event) for event in events) or "calm"


def of_verdict(verdict: Verdict) -> str:
    """A line for each column of the oracle, with what it found, and the measures above."""
    lines = [
        row("done", ", ".join(f"{what} {times}" for what, times in sorted(verdict.done.items()))),
        row("requests answered badly", f"{verdict.met_a_fault:.1%}"),
        row("settled after the last torment", f"{verdict.settled_s:.1f} s"),
        row(f"edit to Klaviyo ({len(verdict.edits)})", seconds(verdict.edits)),
        row(f"of an import ({len(verdict.imported)})", seconds(verdict.imported)),
        row(f"opt-out to suppressed ({len(verdict.opt_outs)})", seconds(verdict.opt_outs)),
        row("row-seconds waited", waits(verdict)),
    ]
    lines += [row(f"({what})", str(number)) for what, number in verdict.allowed.items()]
    for column, found in verdict.found.items():
        lines.append(row(column, str(len(found))))
        lines += [f"    {one}" for one in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"    and {len(found) - SHOWN} more")
    return "\n".join(lines)


def of_histories(verdict: Verdict) -> str:
    """For each fault, all that is known of whom it names."""
    lines: list[str] = []
    told: set[str] = set()
    for column, found in verdict.found.items():
        for one in found[:SHOWN]:
            lines.append(f"--- {column}: {one}")
            for key in history.named(verdict.evidence, one):
                lines.append(f"  {key}" + " (told above)" * (key in told))
                lines += [] if key in told else history.of(verdict.evidence, key)
                told.add(key)
    return "\n".join(lines)


def of_seed(seed: int, verdict: Verdict) -> str:
    """One line for a run among several."""
    wrong = {column: len(found) for column, found in verdict.found.items() if found}
    faults = ", ".join(f"{column} {number}" for column, number in wrong.items()) or "all 0"
    return f"seed {seed:<4} edit {seconds(verdict.edits)} | {faults}"


def row(what: str, value: str) -> str:
    return f"{what:<{WIDTH}} {value}"


def seconds(measured: Sequence[float]) -> str:
    return ", ".join(f"{name} {value:.2f} s" for name, value in spread(measured)) or "none"


def waits(verdict: Verdict) -> str:
    return ", ".join(f"{what} {took:.0f}" for what, took in verdict.waits.items()) or "none"
