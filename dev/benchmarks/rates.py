"""How many profiles a second: within Klaviyo's limits, without them, and for many studios."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection as database
from django.db.models import F

from dev.benchmarks import people
from dev.benchmarks.rig import Rig
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row
from integrations.klaviyo.contract import LARGE
from integrations.klaviyo.models import ClientSync, Priority
from integrations.klaviyo.outbox.wakeup import notify
from studios.models import Studio

LATENCIES_S = (0.05, 0.2, 0.5)
AFTER_BURST_S = 10.0

# A change of one client of each of these studios, as an edit and its receiver write it.
CHANGE = """
WITH changed AS (
    UPDATE clients_client SET first_name = %(name)s
     WHERE email = ANY(SELECT 'c' || %(number)s || '@s' || s || '.example'
                         FROM unnest(%(studios)s::bigint[]) s)
       AND studio_id = ANY(%(studios)s)
    RETURNING id
), enqueued AS (
    UPDATE klaviyo_clientsync sync
       SET desired_version = desired_version + 1, priority = %(live)s, attempts = 0,
           due_at = statement_timestamp()
      FROM changed WHERE sync.client_id = changed.id
    RETURNING connection_id
)
INSERT INTO klaviyo_wakeup (connection_id) SELECT connection_id FROM enqueued
"""


def limited(rig: Rig, settings: Settings) -> Iterator[Row]:
    """A studio for each latency, side by side, at the documented limits."""
    seconds = settings.scaled(60, 20)
    rig.fresh()
    people.others()
    studios = people.studios_of(len(LATENCIES_S), int(13 * (seconds + 20)) + 60)
    accounts = [people.account_of(studio) for studio in studios]
    rig.double.reset(latencies=dict(zip(accounts, LATENCIES_S, strict=True)))
    with rig.workers():
        people.connect(studios)
        time.sleep(AFTER_BURST_S)
        began = time.time()
        time.sleep(seconds)
        ended = time.time()
        created = rig.double.created
    for account, latency_s in zip(accounts, LATENCIES_S, strict=True):
        inside = sum(began <= at < ended for at in created.get(account, ()))
        yield Row(
            f"backfill at {latency_s * 1000:.0f} ms, % of {LARGE.steady} a minute",
            inside / (ended - began) * 60 / LARGE.steady * 100,
            "%",
            90,
            at_least=True,
            note=f"{seconds} s, from {AFTER_BURST_S:.0f} s after connecting",
        )
    yield Row("answers that were 429 in all three", rig.double.throttled, "", 0)


def lifted(rig: Rig, settings: Settings) -> Iterator[Row]:
    """One worker process, limits lifted: one studio, and eight at once."""
    for number, clients in ((1, settings.scaled(4000, 1500)), (8, settings.scaled(1500, 300))):
        rig.fresh(latency_s=settings.latency_s, lifted=True)
        people.others()
        studios = people.studios_of(number, clients)
        wanted = number * clients
        with rig.workers() as workers:
            before, began = rig.spent(workers), time.monotonic()
            people.connect(studios)
            rig.double.saw("create_profile", wanted, within_s=120)
            took_s, spent = time.monotonic() - began, rig.spent(workers) - before
        times = sorted(at for created in rig.double.created.values() for at in created)
        what = "1 studio" if number == 1 else f"{number} studios"
        yield Row(
            f"profiles a second, one process, limits lifted, {what}",
            len(times) / max(times[-1] - times[0], 0.001),
            "/s",
            300 if number > 1 else None,
            at_least=True,
            note=f"{len(times)} profiles at {settings.latency_s * 1000:.0f} ms; worker"
            f" {spent.workers / took_s:.2f} cores, PostgreSQL {spent.postgres / took_s:.2f}",
        )
        yield Row("  the same for each CPU second of the worker", len(times) / spent.workers, "/s")


def thousand(rig: Rig, settings: Settings) -> Iterator[Row]:
    """1,000 studios in which something changes every second, with 1, 2 and 4 worker processes."""
    seconds = settings.scaled(20, 8)
    rig.fresh(latency_s=settings.latency_s)
    studios = people.synced_studios(1000, 50)
    rates: list[float] = []
    for number in (1, 2) if settings.quick else (1, 2, 4):
        rig.double.reset(latency_s=settings.latency_s)
        ClientSync.objects.update(synced_version=F("desired_version"))  # what was left over
        with rig.workers(number) as workers:
            warmed_s = warm_up(rig, studios)
            refreshes = rig.double.count("oauth_refresh")
            before = rig.spent(workers)
            offered, applied, took_s = under_load(rig, studios, seconds)
            spent = rig.spent(workers) - before
            if settings.verbose:
                rig.tell_dearest()
        rates.append(applied / took_s)
        yield Row(
            f"1,000 studios × 1 change/s, {number} process" + ("es" if number > 1 else ""),
            rates[-1],
            "/s",
            300 if number == 1 else None,
            at_least=True,
            note=f"{offered / took_s:.0f}/s offered; {spent.all / max(applied, 1) * 1000:.1f} CPU s"
            f" per 1,000; worker {spent.workers / took_s:.2f} cores, PostgreSQL"
            f" {spent.postgres / took_s:.2f}; {refreshes} tokens, all warm after {warmed_s:.0f} s",
        )
        yield Row("  the same for each CPU second of the workers", applied / spent.workers, "/s")
    yield Row("the same: two processes to one", rates[1] / rates[0], "×", 1, at_least=True)


def warm_up(rig: Rig, studios: Sequence[Studio]) -> float:
    """One change everywhere, so that the tokens are there; the seconds until it was applied."""
    began = time.monotonic()
    change(studios, 1)
    rig.double.saw("update_profile", len(studios), within_s=90)
    return time.monotonic() - began


def under_load(rig: Rig, studios: Sequence[Studio], seconds: float) -> tuple[int, int, float]:
    """Changes made, changes applied, and in how many seconds."""
    before, began = rig.double.count("update_profile"), time.monotonic()
    made = 0
    while (passed_s := time.monotonic() - began) < seconds:
        while made < passed_s * len(studios):
            start = made % len(studios)
            change(studios[start : start + 100], 2 + made // len(studios))
            made += 100
        time.sleep(0.02)
    return made, rig.double.count("update_profile") - before, time.monotonic() - began


def change(studios: Sequence[Studio], number: int) -> None:
    """Client `number` of each changes its name; the workers are told as of a save."""
    values: dict[str, Any] = {
        "studios": [studio.pk for studio in studios],
        "number": number % 50 or 50,
        "name": f"Bea {time.time_ns()}",
        "live": int(Priority.LIVE),
    }
    with database.cursor() as cursor:
        cursor.execute(CHANGE, values)
    for studio in studios:
        notify(studio.pk)
