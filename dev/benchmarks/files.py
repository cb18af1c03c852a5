"""What a file out of a long list takes: time to its first row and to its last, and memory."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from clients.csv import export as csv_export
from clients.models import Client
from dev.benchmarks import people
from dev.benchmarks.rig import Rig
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row
from studios.models import Membership

PROCESS = Path("/proc/self")
RESET_PEAK = "5"  # proc(5): clear_refs


def export(rig: Rig, settings: Settings) -> Iterator[Row]:
    """Every client of a connected studio, with what Klaviyo's column says of each."""
    clients = settings.scaled(100_000, 10_000)
    rig.fresh()
    studio = people.synced_studios(1, clients)[0]
    Client.objects.for_studio(studio).update(phone="+491712345678")
    viewer = Membership.objects.select_related("studio").get(studio=studio)
    before = memory_mb("VmRSS")
    (PROCESS / "clear_refs").write_text(RESET_PEAK)
    began, cpu_began = time.monotonic(), time.process_time()
    pieces = csv_export.lines(Client.objects.for_studio(studio).by_name(), viewer)
    next(pieces)
    size = len(next(pieces))
    first_s = time.monotonic() - began
    size += sum(len(piece) for piece in pieces)
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
    yield Row(f"export of {clients:,}: the first rows", 1000 * first_s, "ms", 1000)
    yield Row(
        f"export of {clients:,}: all",
        took_s,
        "s",
        note=f"{size / 1e6:.0f} MB, {1e6 * cpu_s / clients:.0f} µs of CPU a row",
    )
    yield Row(f"export of {clients:,}: memory", memory_mb("VmHWM") - before, "MB", 20)


def memory_mb(what: str) -> float:
    found = re.search(rf"^{what}:\s+(\d+) kB", (PROCESS / "status").read_text(), re.MULTILINE)
    assert found, "Linux says this of every process"
    return int(found[1]) / 1024
