"""The same seed brings the same torment, and no more than was asked for."""

from collections import Counter

import pytest

from tests.chaos.rig.schedule import FROZEN_S, MACHINES, SCENARIOS, schedule, torments_of

SECONDS = 600


def test_the_same_seed_brings_the_same_events() -> None:
    torments = torments_of("all")

    assert schedule(3, SECONDS, torments) == schedule(3, SECONDS, torments)
    assert schedule(3, SECONDS, torments) != schedule(4, SECONDS, torments)


def test_something_is_killed_about_every_four_seconds() -> None:
    events = schedule(1, SECONDS, torments_of("all"))

    machines = [event for event in events if event.what in MACHINES]

    assert SECONDS / 5 < len(machines) < SECONDS / 3
    assert {event.what for event in events} >= set(SCENARIOS) - {"answers"}


def test_a_frozen_worker_stays_frozen_for_longer_than_a_lease() -> None:
    events = schedule(1, SECONDS, torments_of("kill,freeze,dark"))

    for event in events:
        if event.what == "freeze":
            meanwhile = [one for one in events if event.at < one.at < event.at + FROZEN_S]
            assert all(one.who != event.who for one in meanwhile)


def test_a_scenario_is_all_or_what_it_names() -> None:
    wanted = Counter(event.what for event in schedule(1, SECONDS, torments_of("kill,flush")))

    assert set(wanted) == {"kill", "flush"}
    assert schedule(1, SECONDS, torments_of("calm")) == []
    with pytest.raises(ValueError, match="earthquake"):
        torments_of("kill,earthquake")
