"""The sync as a state machine: whatever happens in whatever order, both ends agree at rest.

Requests are in flight, late, lost and answered with anything while everything else goes on.
`--hypothesis-seed=1` repeats a run, `--hypothesis-profile thorough` tries a thousand examples.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import Phase, settings
from hypothesis.internal.conjecture import engine as search
from hypothesis.stateful import run_state_machine_as_test

from studios.models import Studio, User
from tests.support.klaviyo.model.machine import SyncMachine
from tests.support.klaviyo.model.world import World, model_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(3600)]

STEPS = 14
THOROUGH = 1000  # examples: from then on it searches where chance leads, else always the same
SHRINKING_S = 40.0  # then the shortest sequence found so far is told
PHASES = (Phase.reuse, Phase.generate, Phase.shrink)


@pytest.fixture
def world(lotus: Studio, olive: User) -> Iterator[World]:
    with model_world(lotus, olive) as world:
        yield world


def test_whatever_happens_both_ends_agree_at_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_SHRINKING_SECONDS", SHRINKING_S)

    run_state_machine_as_test(
        lambda: SyncMachine(world),  # type: ignore[arg-type]  # a factory is fine
        settings=settings(
            stateful_step_count=STEPS,
            phases=PHASES,
            report_multiple_bugs=False,
            derandomize=settings().max_examples < THOROUGH,
        ),
    )


# --- Sequences told by hand --------------------------------------------------------------


@contextmanager
def steps_of(world: World, people: int) -> Iterator[SyncMachine]:
    """The machine's steps by hand; in the end everything comes to rest and is looked at."""
    machine = SyncMachine(world)
    try:
        machine.begin(people=people)
        yield machine
    finally:
        machine.teardown()


def test_an_address_skipped_for_its_new_holder_is_looked_at_again(world: World) -> None:
    """Fault 90: handed on before Klaviyo heard of it, and then everybody says no."""
    with steps_of(world, people=2) as model:
        model.pause_or_resume()
        model.hand_on(pair=("Ana", "Bea"), email="c@lotus.example")
        model.opt_out(who="Ana")
        model.calm_weather()
        model.move(who="Bea", email="d@lotus.example")
        model.opt_out(who="Bea")


def test_a_retry_while_in_flight_is_not_lost(world: World) -> None:
    """Fault 91."""
    with steps_of(world, people=1) as model:
        model.edit(who="Ana")
        model.work(worker=0)
        model.retry(who="Ana")
        model.answer_all()


@pytest.mark.parametrize("what", ["429", "400", "never left"])
def test_an_opt_out_after_a_creation_that_failed_creates_nobody(what: str, world: World) -> None:
    """Fault 92."""
    with steps_of(world, people=1) as model:
        model.add(who="Bea", email="b@lotus.example")
        model.work(worker=0)
        model.answer()
        model.trouble(what)
        model.opt_out(who="Bea")
        model.answer_all()


def test_a_late_request_of_a_profiles_former_holder_is_not_the_last_word(world: World) -> None:
    """Fault 108: Ana's change of address arrives when the profile is Bea's."""
    with steps_of(world, people=2) as model:
        model.move(who="Ana", email="c@lotus.example")
        model.work(worker=0)
        model.move(who="Bea", email="a@lotus.example")
        model.work(worker=1)
        model.trouble("lost, applied late", which=1)
        model.answer_all()
        model.move(who="Ana", email="d@lotus.example")
        model.time_passes(seconds=20)
        model.calm_weather()


def test_an_address_that_its_profile_may_have_left_is_looked_up_first(world: World) -> None:
    """A suppression would make it anew."""
    with steps_of(world, people=1) as model:
        model.move_late(who="Ana", email="c@lotus.example")
        model.move(who="Ana", email="")
        model.arrives()
        model.opt_out(who="Ana")


def test_so_is_one_that_a_former_holders_late_request_may_move(world: World) -> None:
    with steps_of(world, people=2) as model:
        model.move(who="Ana", email="c@lotus.example")
        model.work(worker=0)
        model.move(who="Bea", email="a@lotus.example")
        model.work(worker=1)
        model.trouble("lost, applied late", which=1)
        model.answer_all()
        model.move(who="Ana", email="d@lotus.example")
        model.arrives()
        model.opt_out(who="Bea")


@pytest.mark.parametrize("what", ["429", "400", "never left"])
def test_an_opt_out_after_a_move_that_failed_creates_nobody(what: str, world: World) -> None:
    with steps_of(world, people=1) as model:
        model.move(who="Ana", email="c@lotus.example")
        model.bad_weather(what)
        model.opt_out(who="Ana")


def test_an_answer_after_the_lease_takes_no_exposure_back(world: World) -> None:
    """What it created stands there, and its client has said no and moved on."""
    with steps_of(world, people=1) as model:
        model.add(who="Bea", email="b@lotus.example")
        model.work(worker=0)
        model.answer()
        model.time_passes(seconds=20)
        model.move(who="Bea", email="")
        model.opt_out(who="Bea")
        model.work(worker=1)
        model.answer(which=1)
        model.answer_all()


def test_doubt_is_about_the_profile_that_was_written_at_last(world: World) -> None:
    """Ana's push finds that her address is Cleo's former profile's; what it wrote there is late,
    and comes when Bea has that profile."""
    with steps_of(world, people=3) as model:
        model.move(who="Cleo", email="")
        model.calm_weather()
        model.move(who="Ana", email="c@lotus.example")
        model.work(worker=0)
        model.answer()
        model.answer()
        model.trouble("lost, applied late")
        model.move(who="Ana", email="d@lotus.example")
        model.move(who="Bea", email="c@lotus.example")
        model.calm_weather()
        model.arrives()


def test_who_moves_back_while_the_move_is_in_doubt_is_sent_again(world: World) -> None:
    """As if nothing had changed; but the move may have been carried out."""
    with steps_of(world, people=1) as model:
        model.move_late(who="Ana", email="c@lotus.example")
        model.move(who="Ana", email="a@lotus.example")
        model.calm_weather()
        model.arrives()
