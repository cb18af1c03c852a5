"""A long list: what its pages take, and what they cost in CPU; the file that it goes out as."""

import re
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.core.management import call_command
from django.db import connection as database
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clients.csv import export as csv_export
from clients.listing import counts
from clients.models import Client
from dev.benchmarks import people
from dev.benchmarks.rig import Rig
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row
from integrations.klaviyo.models import ClientSync, Worker
from studios.models import Membership, Role, Studio, User

TIMES = 15
PROCESS = Path("/proc/self")
RESET_PEAK = "5"  # proc(5): clear_refs
WAITING = 300  # clients that Klaviyo has yet to hear of


def pages(rig: Rig, settings: Settings) -> Iterator[Row]:
    """Each as a signed-in owner asks for it, in the process: without network and TLS."""
    number = settings.scaled(1_000_000, 50_000)
    rig.fresh()
    call_command("collectstatic", verbosity=0, interactive=False)
    people.others()
    studio = people.synced_studios(1, number)[0]
    some_wait(studio)
    Worker.objects.create(name="there", seen_at=timezone.now() + timedelta(hours=1))
    counts.of(studio)  # nobody has looked yet, and the first one counts
    browser = Browser(headers={"host": "localhost"})
    browser.force_login(owner_of(studio))
    of = f"{number:,} clients"
    for what, url, target in addresses(studio):
        yield from measured(f"{what}, {of}", partial(browser.get, url), target)
    client = Client.objects.for_studio(studio).by_name()[number // 2]
    yield from measured(f"save, {of}", partial(save, browser, client), 25)


def owner_of(studio: Studio) -> User:
    """Of no other studio: a page shows whoever has several a way to each of them."""
    maya = User.objects.create(email="maya@studio.test", name="Maya")
    Membership.objects.create(studio=studio, user=maya, role=Role.OWNER)
    return maya


def addresses(studio: Studio) -> list[tuple[str, str, float]]:
    """Pages, and within how many ms they are wanted."""
    listed = reverse("clients:list", args=[studio.slug])
    card = reverse("klaviyo:panel", args=[studio.slug])
    return [
        ("list, first page", listed, 60),
        ("list, last page", f"{listed}?page=last", 60),
        ("list, newest first", f"{listed}?sort=added", 60),
        ("list, waiting", f"{listed}?klaviyo=waiting", 60),
        ("list, opted out", f"{listed}?consent=opted-out", 60),
        ("search, two letters nobody has", f"{listed}?q=qx", 100),
        ("search, one letter", f"{listed}?q=b", 100),
        ("search, an address", f"{listed}?q=c4711%40", 100),
        ("search, three letters", f"{listed}?q=aer", 100),
        ("card", card, 20),
    ]


def some_wait(studio: Studio) -> None:
    """A few were never sent, and as many opt-outs are on their way."""
    clients = Client.objects.for_studio(studio)
    newest = list(clients.order_by("-pk").values_list("pk", flat=True)[: 2 * WAITING])
    new, opted_out = newest[::2], newest[1::2]
    clients.filter(pk__in=new).update(klaviyo_profile_id=None)
    ClientSync.objects.filter(client__in=newest).update(desired_version=2, priority=1)
    clients.filter(pk__in=opted_out).update(email_opt_in=False, opted_out_at=timezone.now())
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def measured(what: str, get: Callable[[], object], target: float) -> Iterator[Row]:
    for _ in range(3):
        get()
    took, cpu = [], []
    for _ in range(TIMES):
        began, cpu_began = time.perf_counter(), time.process_time()
        get()
        took.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - cpu_began))
    note = f"of it CPU of the web process {statistics.median(cpu):.1f}"
    yield Row(what, statistics.median(took), "ms", target, note=note)


def save(browser: Browser, client: Client) -> None:
    """The form as the desk sends it, with a new name."""
    url = reverse("clients:edit", args=[client.studio.slug, client.public_id])
    fields = {"first_name": f"Bea {time.time_ns()}", "last_name": "Adler", "email": client.email}
    browser.post(url, {**fields, "email_opt_in": "on"})


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
