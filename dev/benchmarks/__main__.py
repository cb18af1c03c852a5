"""All measurements of speed and scale, one table.

    .venv/bin/python -m dev.benchmarks [--quick] [--latency MS] [--verbose] [ROW …]

Everything is bounded in time; a row that fails says so and the others go on.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import django

from dev.benchmarks.rig import TICK_S, Rig, TooLongError, cpu_s
from dev.benchmarks.table import HEAD, Row

ROWS = {
    "cost": "CPU and statements of a backfill, beside the SDK's loop and one task per change",
    "live": "statements and CPU of a live edit and an opt-out",
    "limited": "backfill at 50, 200 and 500 ms, documented limits",
    "lifted": "profiles a second in one process",
    "forty": "40 studios connect at once; edits and opt-outs beside them",
    "thousand": "1,000 studios with a change a second; 1, 2 and 4 processes",
    "calm": "edit and opt-out to Klaviyo",
    "inside": "the same inside a studio of 100,000 that backfills itself",
    "looks": "the sweep's look and the reconcile at 10,000 studios",
    "paused": "an idle worker beside 5,000 paused and suspended studios",
    "broker": "saving a client without Valkey",
    "list": "pages of a list of a million, its search and its form",
    "export": "the list as a file",
    "import": "a list of 500,000 checked, run and taken back",
}


def main() -> int:
    asked = arguments()
    with tempfile.TemporaryDirectory(prefix="junocal-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)  # the user that PostgreSQL may have to become passes through it
        with Rig(Path(name)) as rig:
            os.environ |= rig.environment
            django.setup()
            return run(rig, asked)


def arguments() -> argparse.Namespace:
    listed = "\n".join(f"  {name:<10} {what}" for name, what in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="python -m dev.benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"rows:\n{listed}",
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="all of them by default")
    parser.add_argument("--quick", action="store_true", help="smaller numbers, a few minutes")
    parser.add_argument("--latency", type=float, default=20, metavar="MS", help="of Klaviyo")
    parser.add_argument("--verbose", action="store_true", help="print the dearest statements")
    asked = parser.parse_args()
    if unknown := set(asked.rows) - ROWS.keys():
        parser.error(f"no such row: {', '.join(unknown)}")
    return asked


def run(rig: Rig, asked: argparse.Namespace) -> int:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from dev.benchmarks import costs, delays, idle, imports, lists, rates
    from dev.benchmarks.settings import Settings

    settings = Settings(asked.latency / 1000, quick=asked.quick, verbose=asked.verbose)
    measured: dict[str, Callable[[Rig, Settings], Iterator[Row]]] = {
        "cost": costs.backfill,
        "live": costs.live,
        "limited": rates.limited,
        "lifted": rates.lifted,
        "forty": delays.forty,
        "thousand": rates.thousand,
        "calm": delays.calm,
        "inside": delays.inside,
        "looks": idle.looks,
        "paused": idle.paused,
        "broker": idle.broker,
        "list": lists.pages,
        "export": lists.export,
        "import": imports.incoming,
    }
    print(HEAD, flush=True)
    missed = 0
    for name in asked.rows or ROWS:
        began, others = time.monotonic(), others_cpu_s()
        try:
            for row in measured[name](rig, settings):
                print(row, flush=True)
                missed += not row.is_met
        except (TooLongError, subprocess.SubprocessError) as error:
            print(f"{name}: not measured, {error}", flush=True)
            missed += 1
        took_s = time.monotonic() - began
        cores = (others_cpu_s() - others) / took_s
        print(f"  ({name}: {took_s:.0f} s; others used {cores:.1f} of {os.cpu_count()} cores)")
    print(f"{missed} figures miss their target (marked with !)")
    return 0


def others_cpu_s() -> float:
    """CPU seconds that this machine spent on anything else so far: where that is much, only ratios
    and CPU seconds mean something."""
    user, nice, system, _idle, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system) * TICK_S - cpu_s([os.getpid()])


if __name__ == "__main__":
    sys.exit(main())
