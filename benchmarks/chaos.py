"""Chaos for some minutes: two desks work while processes are killed, emptied and restarted.

Counts what was done and what was wrong in the end; the last five lines must be 0.

    .venv/bin/python -m benchmarks.chaos [seconds]
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests import harm
from tests.audit import Audit, audit
from tests.busy import BusyDesk
from tests.house import House, eventually, open_house
from tests.member import Member

EVERY_S = 4.0
FROZEN_S = 3.0
CONVERGES_WITHIN_S = 600.0
QUARANTINE_S = "4"
SANDBOX = {"limits": {"*": [500, 20_000], "get_accounts": [10, 150]}}


def freeze_valkey(house: House) -> None:
    with harm.frozen(house.valkey.pid):
        time.sleep(FROZEN_S)


def freeze_a_worker(house: House) -> None:
    with harm.frozen(random.choice(harm.workers(house)).pid):
        time.sleep(FROZEN_S)


def kill_and_flush(house: House) -> None:
    harm.kill_workers(house)
    harm.flush_valkey(house)


HARMS: dict[str, Callable[[House], None]] = {
    "workers killed -9": harm.kill_workers,
    "Valkey emptied": harm.flush_valkey,
    "both at once": kill_and_flush,
    "Valkey killed -9": harm.kill_valkey,
    "Valkey frozen": freeze_valkey,
    "a worker frozen": freeze_a_worker,
    "PostgreSQL restarted at once": harm.restart_postgres,
}


REMEMBERED = """
SELECT sync.*, client.opted_out_at FROM klaviyo_clientsync sync
  JOIN clients_client client ON client.id = sync.client_id WHERE client.email = %s
"""


def main(seconds: float) -> None:
    with open_house(own_postgres=True, KLAVIYO_QUARANTINE_S=QUARANTINE_S) as house:
        harm.add_worker(house)
        connect(house)
        desks = two_desks(house)
        harm.trouble_klaviyo(house)
        done = harmed(house, desks, seconds)
        house.klaviyo.clear_faults()
        began = time.monotonic()
        eventually(lambda: not audit(house).waiting, CONVERGES_WITHIN_S)
        tell(house, desks, done, time.monotonic() - began)


def connect(house: House) -> None:
    """With the fourth scope; the backfill goes on under the chaos."""
    olive = Member(house, "lotus").sign_in("olive@lotus.example", house.secrets.password)
    house.klaviyo.configure(**SANDBOX)
    olive.connect()
    olive.allow_suppression()


def two_desks(house: House) -> list[BusyDesk]:
    rows = house.ask(
        "SELECT public_id FROM clients_client client JOIN studios_studio studio"
        " ON studio.id = client.studio_id WHERE studio.slug = 'lotus'"
        " AND client.email_opt_in AND client.email <> '' ORDER BY client.id"
    )
    clients = [str(row["public_id"]) for row in rows]
    return [BusyDesk(signed_in(house, name), clients[i::2]) for i, name in enumerate(DESKS)]


DESKS = ("fay", "olive")


def signed_in(house: House, name: str) -> Member:
    return Member(house, "lotus").sign_in(f"{name}@lotus.example", house.secrets.password)


def harmed(house: House, desks: Sequence[BusyDesk], seconds: float) -> Counter[str]:
    done: Counter[str] = Counter()
    until = time.monotonic() + seconds
    with desks[0], desks[1]:
        while time.monotonic() < until:
            what = random.choice(list(HARMS))
            HARMS[what](house)
            done[what] += 1
            print(f"\r{until - time.monotonic():4.0f} s left  ", end="", flush=True)
            time.sleep(EVERY_S)
    print()
    return done


def tell(house: House, desks: Sequence[BusyDesk], done: Counter[str], settled_s: float) -> None:
    waits = sorted(wait for desk in desks for wait in desk.waits_s)
    delays = sorted(delays_of(house, desks))
    row("saves at the desk", len(waits))
    row("of them opt-outs", sum(desk.opted_out for desk in desks))
    row("of them refused (while PostgreSQL was away)", sum(desk.refused for desk in desks))
    for what, number in done.items():
        row(what, number)
    row("requests that met a fault", sum(bool(one["fault"]) for one in house.klaviyo.arrivals()))
    row("a save with its pages: p50, p95, worst", spread(waits))
    row("edit to Klaviyo under chaos: p50, p95, worst", spread(delays))
    row("all settled after the last fault", f"{settled_s:.1f} s")
    tell_what_is_wrong(house, audit(house))


def tell_what_is_wrong(house: House, found: Audit) -> None:
    for name in ("missing", "stale", "unsuppressed", "twice", "pushed_after"):
        addresses = getattr(found, name)
        row(name.replace("_", " "), len(addresses))
        for address in addresses:
            tell_of(house, address)


def tell_of(house: House, address: str) -> None:
    """What both sides remember of somebody who is not as they should be."""
    for one in house.ask(REMEMBERED, address):
        print("   ", one)
    there = house.klaviyo.profile(address)
    for entry in house.klaviyo.journal():
        if there and entry.get("profile") == there["id"]:
            print("   ", entry)


def delays_of(house: House, desks: Sequence[BusyDesk]) -> list[float]:
    """Of edits that were applied; one that a newer edit overtook never was."""
    named_at = {name: at for desk in desks for name, at in desk.named_at.items()}
    delays: dict[str, float] = {}
    for entry in house.klaviyo.journal():
        name = (entry.get("attributes") or {}).get("first_name")
        if name in named_at:
            delays.setdefault(name, entry["at"] - named_at[name])
    return list(delays.values())


def spread(numbers: Sequence[float]) -> str:
    middle, most = numbers[len(numbers) // 2], numbers[int(len(numbers) * 0.95)]
    return f"{middle:.2f} s, {most:.2f} s, {numbers[-1]:.2f} s"


def row(what: str, value: object) -> None:
    print(f"{what:<46} {value}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 120)
