"""What happens when: derived from the seed before anything starts, so that the same seed brings
the same torment. Pure.

Machines suffer about every four seconds, owners do something about every twenty.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

# How often each torment of machines comes, relative to the others.
MACHINES = {
    "kill": 9,  # kill -9 of a worker, which starts again
    "freeze": 2,  # a worker is stopped for longer than its lease
    "flush": 2,  # Valkey is emptied
    "valkey": 2,  # Valkey is frozen, or killed and back empty
    "dark": 1,  # a worker starts while Valkey is away
    "postgres": 1,  # PostgreSQL restarts at once
    "web": 1,  # gunicorn is killed and starts again
}
# What owners do, likewise: leave and come back, or to another account; give a further consent.
OWNERS = {"disconnect": 1, "reconnect": 1, "consent": 2}
ANSWERS = "answers"  # Klaviyo answers badly, about one time in eight
UNAUTHORIZED = "401"  # once to each studio, on a token that is good
SCENARIOS = (*MACHINES, *OWNERS, ANSWERS, UNAUTHORIZED)

FIRST_AFTER_S = 3.0
BETWEEN_S = (3.0, 5.0)
OWNERS_FIRST_AFTER_S = 8.0
OWNERS_BETWEEN_S = (16.0, 28.0)
FROZEN_S = 18.0  # a lease is 15
WORKERS = STUDIOS = 2


@dataclass(frozen=True, order=True)
class Event:
    """At this second of the run, to this worker or studio."""

    at: float
    what: str
    who: int = 0

    def __str__(self) -> str:
        return f"{self.at:.0f} {self.what} {self.who}"


def torments_of(scenario: str) -> frozenset[str]:
    """`all`, `calm` (none), or names with commas between; ValueError for what isn't one."""
    if scenario in ("all", "calm"):
        return frozenset(SCENARIOS if scenario == "all" else ())
    named = frozenset(scenario.split(","))
    if unknown := named - set(SCENARIOS):
        raise ValueError(f"no torment is called {sorted(unknown)}: {', '.join(SCENARIOS)}")
    return named


def schedule(seed: int, seconds: float, torments: Collection[str]) -> list[Event]:
    """All events of a run, in order."""
    chance = Random(f"chaos {seed}")
    machines = [name for name in MACHINES if name in torments]
    owners = [name for name in OWNERS if name in torments]
    events = [*of_machines(chance, seconds, machines), *of_owners(chance, seconds, owners)]
    if UNAUTHORIZED in torments:
        events += [Event(chance.uniform(0, seconds), UNAUTHORIZED, who) for who in range(STUDIOS)]
    return sorted(events)


def of_machines(chance: Random, seconds: float, names: Sequence[str]) -> list[Event]:
    events: list[Event] = []
    frozen, frozen_until = 0, 0.0
    at = FIRST_AFTER_S
    while names and at < seconds:
        (what,) = chance.choices(names, [MACHINES[name] for name in names])
        who = chance.randrange(WORKERS)
        if at < frozen_until:  # the frozen one stays so, and the other has all the trouble
            what, who = "kill" if what == "freeze" else what, 1 - frozen
        elif what == "freeze":
            frozen, frozen_until = who, at + FROZEN_S
            events.append(Event(frozen_until, "thaw", who))
        events.append(Event(at, what, who))
        at += chance.uniform(*BETWEEN_S)
    return events


def of_owners(chance: Random, seconds: float, names: Sequence[str]) -> list[Event]:
    events: list[Event] = []
    at = OWNERS_FIRST_AFTER_S
    while names and at < seconds:
        (what,) = chance.choices(names, [OWNERS[name] for name in names])
        events.append(Event(at, what, chance.randrange(STUDIOS)))
        at += chance.uniform(*OWNERS_BETWEEN_S)
    return events
