"""What costs nothing, or should: looking for work, the reconcile, studios that can do nothing; and
what a broker that is away costs the desk."""

import statistics
import time
from collections.abc import Iterator

from django.db import connection as database
from django.db.models import F
from django.db.models.functions import Now

from clients.models import Client
from dev.benchmarks import people
from dev.benchmarks.rig import Rig, Spent, soon
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row, share
from dev.servers.child import Child
from integrations.klaviyo.models import ClientSync, Connection, Turn
from integrations.klaviyo.outbox import producer, turns
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync.reconcile import reconcile_all
from tests.support import faults

LOOKS = 200


def looks(rig: Rig, settings: Settings) -> Iterator[Row]:
    """One look of the sweep, and one reconcile, over many studios."""
    number = settings.scaled(10_000, 2_000)
    rig.fresh()
    people.synced_studios(number, 5)
    turns.with_work()
    times = [seconds_of(turns.with_work) for _ in range(LOOKS)]
    yield Row(
        f"the sweep's look, {number:,} idle studios", 1000 * statistics.median(times), "ms", 1
    )
    began, before = time.monotonic(), rig.spent()
    enqueued = reconcile_all()
    took_s, spent = time.monotonic() - began, rig.spent() - before
    target = 5 * number / 10_000
    note = f"{number * 5:,} clients, {enqueued} strays; PostgreSQL {spent.postgres:.2f} CPU s"
    yield Row(f"reconcile, {number:,} studios", took_s, "s", target, note=note)
    ClientSync.objects.filter(client__email__startswith="c1@").update(desired_version=2)
    Turn.objects.update(next_at=None)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield Row("reconcile, when every studio was forgotten", seconds_of(reconcile_all), "s")


def seconds_of(work: object) -> float:
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def paused(rig: Rig, settings: Settings) -> Iterator[Row]:
    """An idle worker's CPU, alone and with thousands of studios that wait for a person."""
    number, seconds = settings.scaled(5000, 1000), settings.scaled(30, 10)
    rig.fresh()
    with rig.workers() as workers:
        alone = idle_cpu(rig, workers, seconds)
    people.synced_studios(number, 2)
    ClientSync.objects.update(desired_version=F("desired_version") + 1, priority=1)
    half = Connection.objects.filter(studio__in=range(1, number // 2 + 1))
    half.pause()
    others = Connection.objects.filter(paused_at=None)
    others.update(suspended_at=Now(), suspended_reason=Reason.PERMISSION_MISSING)
    Turn.objects.update(next_at=Now())
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    with rig.workers() as workers:
        began = time.monotonic()
        soon(lambda: not Turn.objects.exclude(next_at=None).exists(), 120)
        settled_s = time.monotonic() - began
        time.sleep(2.0)
        with_them = idle_cpu(rig, workers, seconds)
        sent = rig.double.count("update_profile")
    yield Row(
        "an idle worker, nobody connected, % of a core (worker + PostgreSQL)", 100 * alone.all, "%"
    )
    yield Row(
        f"the same beside {number:,} paused and suspended studios with due rows",
        100 * with_them.all,
        "%",
        max(100 * alone.all * 1.5, 2),
        note=f"each had one turn first: {settled_s:.0f} s; {sent} requests",
    )


def idle_cpu(rig: Rig, workers: list[Child], seconds: float) -> Spent:
    """A second's."""
    before = rig.spent(workers)
    time.sleep(seconds)
    spent = rig.spent(workers) - before
    return Spent(spent.workers / seconds, spent.postgres / seconds)


def broker(rig: Rig, settings: Settings) -> Iterator[Row]:
    """Saving a client while Valkey is there, frozen, and gone; and what comes of it without."""
    number = settings.scaled(300, 100)
    rig.fresh(latency_s=settings.latency_s, lifted=True)
    changes = settings.scaled(10_000, 1_000)
    studio = people.synced_studios(1, changes)[0]
    clients = list(Client.objects.for_studio(studio).order_by("pk")[:number])
    normal = saves(settings, clients)
    with faults.frozen(rig.valkey.pid):
        frozen = saves(settings, clients)
    rig.valkey.stop()
    refused = saves(settings, clients)
    yield Row("save, Valkey there: p99", normal, "ms")
    yield Row("save, Valkey frozen: p99 above that", frozen - normal, "ms", 300)
    yield Row("save, Valkey refused: p99 above that", refused - normal, "ms", 300)
    yield from without_valkey(rig, studio.pk, changes)
    rig.valkey.start()


def saves(settings: Settings, clients: list[Client]) -> float:
    times = [seconds_of(lambda client=client: settings.edit(client)) for client in clients]
    return 1000 * share(times, 0.99)


def without_valkey(rig: Rig, studio_id: int, changes: int) -> Iterator[Row]:
    """Many changes while nobody can be told of them."""
    with database.cursor() as cursor:
        cursor.execute("UPDATE clients_client SET last_name = 'Changed'")
    for start in range(0, changes, 500):
        pks = Client.objects.order_by("pk").values_list("pk", flat=True)[start : start + 500]
        producer.enqueue(studio_id, list(pks))
    with rig.workers(wait_for_broker=False):
        began = time.monotonic()
        soon(lambda: not ClientSync.objects.unsettled().exists(), 300)
        took_s = time.monotonic() - began
    lost = ClientSync.objects.unsettled().count()
    note = f"all applied after {took_s:.0f} s by the sweep alone"
    yield Row(f"{changes:,} changes without Valkey: lost", lost, "", 0, note=note)
