"""One minute of the whole rig, in which every torment comes; `make chaos` has more, by any seed."""

import pytest

from tests.chaos.rig import table
from tests.chaos.rig.run import run
from tests.chaos.rig.schedule import ANSWERS, SCENARIOS, schedule, torments_of

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(500)]

SEED, SECONDS = 5, 60.0
CALM_WITHIN_S = 60.0
TORMENTS = torments_of("all")
EVENTS = schedule(SEED, SECONDS, TORMENTS)


def test_the_minute_has_every_torment() -> None:
    assert {event.what for event in EVENTS} >= set(SCENARIOS) - {ANSWERS}


def test_a_minute_of_every_torment_leaves_nothing_wrong() -> None:
    verdict = run(SEED, SECONDS, TORMENTS, EVENTS, CALM_WITHIN_S)

    told = f"{table.of_verdict(verdict)}\n{table.of_histories(verdict)}"
    assert not any(verdict.found.values()), told
    assert verdict.edits, told
    assert verdict.opt_outs, told
