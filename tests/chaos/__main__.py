"""Chaos for some minutes, and a table whose columns must all be 0: `make chaos`.

    .venv/bin/python -m tests.chaos --seeds 3 --minutes 3 --scenario all

Seeds are numbers with commas, or `1..20`. Exits with 1 if anything was found.
"""

import argparse
import signal
import sys
from pathlib import Path
from tempfile import gettempdir

from tests.chaos.rig import table
from tests.chaos.rig.run import Verdict, logs_of, run
from tests.chaos.rig.schedule import SCENARIOS, schedule, torments_of


def main() -> int:
    wanted = argument_parser().parse_args()
    torments = torments_of(wanted.scenario)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C: tidily
    verdicts = {seed: one_run(seed, wanted.minutes * 60, torments) for seed in wanted.seeds}
    if len(verdicts) > 1:
        print("\n".join(table.of_seed(seed, verdict) for seed, verdict in verdicts.items()))
    return 0 if all(verdict.is_clean for verdict in verdicts.values()) else 1


def one_run(seed: int, seconds: float, torments: frozenset[str]) -> Verdict:
    events = schedule(seed, seconds, torments)
    print(f"--- seed {seed}, {seconds:.0f} s: {table.of_schedule(events)}", flush=True)
    verdict = run(seed, seconds, torments, events)
    print(table.of_verdict(verdict), flush=True)
    if not verdict.is_clean:
        file = Path(gettempdir()) / f"chaos-{seed}.txt"
        file.write_text(table.of_histories(verdict))
        print(f"The history of whom it names is in {file}, logs in {logs_of(seed)}", flush=True)
    return verdict


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=[1])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--scenario", default="all", help=f"all, calm, or of {SCENARIOS}")
    return parser


def seeds_of(text: str) -> list[int]:
    """`3`, `1,4` or `1..20`."""
    first, _, last = text.partition("..")
    if last:
        return list(range(int(first), int(last) + 1))
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
