"""What a long list costs on its way in and back out: rows a second, memory, and how long edits of
the same studio take meanwhile."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle

from django.core.files.base import ContentFile

from clients.imports import uploads
from clients.imports.mapping import ColumnMapping
from clients.models import Client, Run
from clients.runs import control
from clients.runs.counting import Counts
from dev.benchmarks import people
from dev.benchmarks.rig import Rig
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row, share
from studios.models import Studio, User

EDITED = 200
PAUSE_S = 0.05
CALM_S = 10.0
WORK = (
    "import django; django.setup(); from clients.runs import runner; runner.run_all();"
    " from dev.benchmarks.lists import memory_mb; print(memory_mb('VmHWM'))"
)
COLUMNS = ColumnMapping(
    ["first_name", "last_name", "email", "phone", "agreed"], {"4": {"yes": "yes", "no": "no"}}
)


def incoming(rig: Rig, settings: Settings) -> Iterator[Row]:
    """A list of strangers into a connected studio: checked, run, taken back."""
    rows = settings.scaled(500_000, 20_000)
    rig.fresh()
    studio = people.synced_studios(1, 1_000)[0]
    clients = list(Client.objects.for_studio(studio).order_by("pk")[:EDITED])
    ends_at = time.monotonic() + CALM_S
    calm = edits(clients, lambda: time.monotonic() < ends_at)
    yield Row("edit beside no import: p95", share(calm, 0.95), "ms")
    run = uploaded(studio, rows)
    control.map_columns(run, COLUMNS)
    yield from step("checked", rows, clients)
    run.refresh_from_db()
    control.start(run, owner_says=str(Counts.kept_by(run).newly_said))
    yield from step("run", rows, clients)
    run.refresh_from_db()
    assert Client.objects.for_studio(studio).count() == 1_000 + rows
    control.undo(run)
    yield from step("taken back", rows, clients)
    assert Client.objects.for_studio(studio).count() == 1_000


def uploaded(studio: Studio, rows: int) -> Run:
    lines = ["First name,Last name,Email,Phone,Agreed"]
    lines += [
        f"Zoë {n},Ångström,zoe{n}@list.example,+49171{n:07},{'yes' if n % 2 else 'no'}"
        for n in range(rows)
    ]
    file = ContentFile("\n".join(lines).encode(), name="list.csv")
    return uploads.keep(studio, file, by=User.objects.get())


def step(what: str, rows: int, clients: list[Client]) -> Iterator[Row]:
    """What the import is at, in a process of its own, with edits beside it."""
    began = time.monotonic()
    worker = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    took = edits(clients, lambda: worker.poll() is None)
    said, _ = worker.communicate()
    took_s = time.monotonic() - began
    yield Row(
        f"import of {rows:,}: {what}", took_s, "s", note=f"{rows / took_s:,.0f} rows a second"
    )
    yield Row(f"import of {rows:,}: {what}, memory", float(said), "MB", 200)
    yield Row("  edit beside it: p95", share(took, 0.95), "ms", note=f"n {len(took)}")


def edits(clients: list[Client], goes_on: Callable[[], bool]) -> list[float]:
    """How long each took, in ms."""
    took: list[float] = []
    for client in cycle(clients):
        if not goes_on():
            return took
        began = time.perf_counter()
        Settings.edit(client)
        took.append(1000 * (time.perf_counter() - began))
        time.sleep(PAUSE_S)
    return took
