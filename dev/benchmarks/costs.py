"""What a profile and a live change cost: CPU of worker and PostgreSQL, and SQL statements."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from clients.models import Client
from dev.benchmarks import naive, people
from dev.benchmarks.rig import Rig, Spent, until
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row
from dev.demo import processes
from dev.servers.child import Child
from integrations.klaviyo.models import ClientSync
from studios.models import Studio

MOST_S = 240.0
TARGET_S = 4.0  # CPU seconds for 1,000 profiles


def backfill(rig: Rig, settings: Settings) -> Iterator[Row]:
    """One studio among others, limits lifted, everything in: seed, look-ups of opt-outs, rows
    without a push."""
    clients = settings.scaled(3000, 1000)
    opted_out = clients // 20
    rig.fresh(latency_s=settings.latency_s, lifted=True)
    people.others()
    studio = people.studios_of(1, clients, opted_out=opted_out)[0]
    pushed = clients - opted_out
    with rig.workers() as workers:
        rig.forget_statements()
        before = rig.spent(workers)
        people.connect([studio])
        rig.double.saw("create_profile", pushed, within_s=MOST_S)
        until(lambda: not ClientSync.objects.unsettled().exists(), MOST_S)
        spent = rig.spent(workers) - before
        statements = rig.statements
        if settings.verbose:
            rig.tell_dearest()
    ours = per_thousand(spent, pushed)
    yield Row(
        "backfill, CPU s per 1,000 profiles (worker + PostgreSQL)",
        ours,
        "s",
        TARGET_S,
        note=f"worker {spent.workers / pushed * 1000:.2f}"
        f" + PostgreSQL {spent.postgres / pushed * 1000:.2f}",
    )
    yield Row("backfill, statements per profile", statements / pushed, "", 4)
    for what, theirs in (
        ("a loop with the official SDK", sdk_loop(rig, settings, studio, "sdk")),
        ("a loop with plain requests", sdk_loop(rig, settings, studio, "requests")),
        ("one Celery task per change", one_task_each(rig, settings, studio)),
    ):
        yield Row(f"{what}, CPU s per 1,000 profiles", theirs, "s", note="look-up and create")
        target = None if "plain" in what else 1
        yield Row(f"backfill : {what}", ours / theirs, "×", target)


def per_thousand(spent: Spent, profiles: int) -> float:
    return spent.all / profiles * 1000


def begin_again(rig: Rig, settings: Settings, studio: Studio) -> int:
    """Nobody is at Klaviyo; how many are to be."""
    rig.double.reset(latency_s=settings.latency_s, lifted=True)
    clients = Client.objects.filter(studio=studio)
    clients.update(klaviyo_profile_id=None)
    return clients.filter(email_opt_in=True).count()


def sdk_loop(rig: Rig, settings: Settings, studio: Studio, how: str) -> float:
    number = begin_again(rig, settings, studio)
    before = rig.spent()
    done = subprocess.run(
        [sys.executable, "-m", "dev.benchmarks.naive", how, str(studio.pk)],
        env={**os.environ, **rig.environment},
        capture_output=True,
        text=True,
        timeout=MOST_S,
        check=True,
    )
    spent = Spent(float(done.stdout), (rig.spent() - before).postgres)
    return per_thousand(spent, number)


def one_task_each(rig: Rig, settings: Settings, studio: Studio) -> float:
    number = begin_again(rig, settings, studio)
    command = processes.python(
        *("celery", "-A", "dev.benchmarks.naive", "worker", "--without-mingle"),
        *("--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
    )
    with rig.workers(command=command) as workers:
        before = rig.spent(workers)
        for pk in Client.objects.filter(studio=studio, email_opt_in=True).values_list("pk"):
            naive.push.delay(pk[0])
        rig.double.saw("create_profile", number, within_s=MOST_S)
        time.sleep(0.5)
        return per_thousand(rig.spent(workers) - before, number)


def live(rig: Rig, settings: Settings) -> Iterator[Row]:
    """Statements of the worker for single changes of a calm studio, less those of an idle one."""
    number = settings.scaled(100, 30)
    rig.fresh(latency_s=settings.latency_s)
    people.others()
    studio = people.synced_studios(1, 2 * number + 10)[0]
    clients = list(Client.objects.for_studio(studio).order_by("pk"))
    with rig.workers() as workers:
        settings.edit(clients.pop())
        rig.double.saw("update_profile", 1, within_s=30)
        idle_a_second, idle_cpu = idle(rig, workers)
        for what, change, wanted in (
            ("edit", settings.edit, "update_profile"),
            ("opt-out", settings.opt_out, "suppress"),
        ):
            rig.forget_statements()
            before, began = rig.spent(workers), time.monotonic()
            done = rig.double.count(wanted)
            for _ in range(number):
                change(clients.pop())
                time.sleep(settings.pause_s)
            rig.double.saw(wanted, done + number, within_s=10)
            time.sleep(1.0)
            took_s = time.monotonic() - began
            spent = rig.spent(workers) - before
            each = (rig.statements - idle_a_second * took_s) / number
            if settings.verbose:
                rig.tell_dearest()
            yield Row(f"live {what}, statements of the worker", each, "", 8)
            target = 10 if what == "edit" else None
            yield Row(
                f"live {what}, CPU s per 1,000 (worker + PostgreSQL, the save's statements in)",
                (spent.all - idle_cpu * took_s) / number * 1000,
                "s",
                target,
                note=f"of it the worker {spent.workers / number * 1000:.1f}",
            )
    yield Row("idle worker, statements a second", idle_a_second, "/s")
    yield Row("idle worker, % of a core (worker + PostgreSQL)", 100 * idle_cpu, "%")


def idle(rig: Rig, workers: Sequence[Child], seconds: float = 10.0) -> tuple[float, float]:
    """Statements and CPU seconds a second, of workers that have nothing to do."""
    rig.forget_statements()
    before = rig.spent(workers)
    time.sleep(seconds)
    spent = rig.spent(workers) - before
    return rig.statements / seconds, spent.all / seconds
