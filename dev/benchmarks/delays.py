"""How long a single change takes to reach Klaviyo, from before its save to its arrival: calm,
beside 40 studios that backfill, and inside one of 100,000 clients that does."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from clients.models import Client
from dev.benchmarks import people
from dev.benchmarks.rig import Rig, soon, until
from dev.benchmarks.settings import Settings
from dev.benchmarks.table import Row, share, spread
from integrations.klaviyo.contract import LARGE
from studios.models import Studio

ARRIVES_WITHIN_S = 15.0


def calm(rig: Rig, settings: Settings) -> Iterator[Row]:
    number = settings.scaled(200, 60)
    rig.fresh(latency_s=settings.latency_s)
    people.others()
    studio = people.synced_studios(1, 2 * number + 10)[0]
    clients = iter(Client.objects.for_studio(studio))
    with rig.workers():
        delays(rig, settings, settings.edit, islice(clients, 3))
        edits = delays(rig, settings, settings.edit, islice(clients, number))
        opt_outs = delays(rig, settings, settings.opt_out, islice(clients, number))
    at = f"at {settings.latency_s * 1000:.0f} ms"
    yield from spread(f"calm {at}: edit to Klaviyo", edits, 0.15)
    yield from spread(f"calm {at}: opt-out to Klaviyo", opt_outs, 0.15)


def forty(rig: Rig, settings: Settings) -> Iterator[Row]:
    """40 studios connect at once; then others' edits and opt-outs beside their backfills."""
    number, clients = settings.scaled(100, 40), settings.scaled(2000, 1000)
    rig.fresh(latency_s=settings.latency_s)
    people.others()
    calm_studio = people.synced_studios(1, 2 * number + 10)[0]
    studios = people.studios_of(40, clients, opted_out=clients // 10)
    others = iter(Client.objects.for_studio(calm_studio))
    with rig.workers() as workers:
        delays(rig, settings, settings.edit, islice(others, 3))
        connected_at = {people.account_of(studio): time.time() for studio in studios}
        for studio in studios:
            connected_at[people.account_of(studio)] = time.time()
            people.connect([studio])
        soon(lambda: all(rig.double.created.get(one) for one in connected_at), 60)
        first = [min(rig.double.created.get(a) or [0]) - at for a, at in connected_at.items()]
        before, began, created = rig.spent(workers), time.monotonic(), len(all_created(rig))
        edits = delays(rig, settings, settings.edit, islice(others, number))
        opt_outs = delays(rig, settings, settings.opt_out, islice(others, number))
        took_s, created = time.monotonic() - began, len(all_created(rig)) - created
        spent = rig.spent(workers) - before
        if settings.verbose:
            rig.tell_dearest()
        own = backfilled(studios[0], number // 2)
        own_edits = delays(rig, settings, settings.edit, own)
    note = "the slowest of 40" + ("" if min(first) > 0 else "; some had none within 60 s")
    yield Row("40 studios connect: first client of each in Klaviyo", max(first), "s", 5, note=note)
    yield Row("40 studios connect: first client, median", share(first, 0.5), "s")
    yield Row(
        "40 studios in backfill, creates a second",
        created / took_s,
        "/s",
        note=f"{created / took_s / (LARGE.steady / 60 * 40):.0%} of the sum of their limits; worker"
        f" {spent.workers / took_s:.2f} cores, PostgreSQL {spent.postgres / took_s:.2f}",
    )
    yield from spread("beside 40 backfills: another studio's edit", edits, 0.17)
    yield from spread("beside 40 backfills: another studio's opt-out", opt_outs, 0.17)
    yield from spread("beside 40 backfills: one of the 40's own edit", own_edits, None)


def inside(rig: Rig, settings: Settings) -> Iterator[Row]:
    """Edits and opt-outs of a large studio that backfills itself."""
    number, clients = settings.scaled(100, 40), settings.scaled(100_000, 20_000)
    rig.fresh(latency_s=settings.latency_s)
    people.others()
    studio = people.studios_of(1, clients, opted_out=clients // 100)[0]
    with rig.workers():
        people.connect([studio])
        until(lambda: rig.double.count("create_profile") > 3 * number, 120)
        time.sleep(5.0)
        own = backfilled(studio, 2 * number)
        edits = delays(rig, settings, settings.edit, own[:number])
        opt_outs = delays(rig, settings, settings.opt_out, own[number:])
    yield from spread(f"inside a studio of {clients:,} in backfill: edit", edits, 0.3)
    yield from spread(f"inside a studio of {clients:,} in backfill: opt-out", opt_outs, 0.3)


def backfilled(studio: Studio, number: int) -> list[Client]:
    """Clients who are at Klaviyo by now."""
    clients = Client.objects.for_studio(studio).filter(klaviyo_profile_id__isnull=False)
    return list(clients.order_by("pk")[:number])


def all_created(rig: Rig) -> list[float]:
    return [at for times in rig.double.created.values() for at in times]


def delays(
    rig: Rig,
    settings: Settings,
    change: Callable[[Client], str],
    clients: Iterator[Client] | Sequence[Client],
) -> list[float]:
    """Change one after the other; the seconds until each arrived, at most `ARRIVES_WITHIN_S`."""
    began_at: dict[str, float] = {}
    for client in clients:
        began = time.time()
        began_at[change(client)] = began
        time.sleep(settings.pause_s)
    soon(lambda: began_at.keys() <= rig.double.arrived.keys(), ARRIVES_WITHIN_S)
    arrived = rig.double.arrived
    return [arrived.get(one, at + ARRIVES_WITHIN_S) - at for one, at in began_at.items()]
