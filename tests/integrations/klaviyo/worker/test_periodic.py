"""Periodic tasks: in whichever worker is there, once a period, never twice at once."""

from datetime import timedelta

import pytest
from celery import shared_task
from django.db.models import F
from pytest_django import Settings

from integrations.klaviyo.models import PeriodicJob
from integrations.klaviyo.worker import periodic
from integrations.klaviyo.worker.periodic import Clock, Taken
from tests.support.klaviyo.processes import Process, environment, python, wait_for_line, wait_until
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "tests.periodic.note"
FAIL = "tests.periodic.fail"
EVERY_S = 600.0

runs: list[str] = []


@shared_task(name=NOTE)
def note() -> None:
    runs.append(NOTE)


@shared_task(name=FAIL)
def fail() -> None:
    raise RuntimeError("the mail server is away")


@pytest.fixture(autouse=True)
def tasks(settings: Settings) -> None:
    runs.clear()
    settings.PERIODIC_TASKS = {NOTE: EVERY_S, FAIL: EVERY_S}


def run_what_is_due(clock: Clock) -> None:
    for taken in clock.due():
        periodic.run(taken)


def a_period_passes() -> None:
    PeriodicJob.objects.update(last_ran_at=F("last_ran_at") - timedelta(seconds=EVERY_S + 1))


def test_a_task_runs_once_a_period_however_many_workers_there_are() -> None:
    run_what_is_due(Clock())
    run_what_is_due(Clock())
    assert runs == [NOTE]

    a_period_passes()
    run_what_is_due(Clock())
    run_what_is_due(Clock())
    assert runs == [NOTE, NOTE]


def test_of_workers_that_look_at_the_same_moment_one_takes_it() -> None:
    for _ in range(5):
        took = at_once(*[lambda: periodic.take(NOTE)] * 8)

        assert [taken for taken in took if taken] == [Taken(NOTE, None)]
        a_period_passes()


def test_a_worker_asks_the_database_only_now_and_then(settings: Settings) -> None:
    clock = Clock()
    run_what_is_due(clock)
    a_period_passes()

    run_what_is_due(clock)

    assert runs == [NOTE]


def test_how_it_went_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    run_what_is_due(Clock())

    went_well, failed = PeriodicJob.objects.get(name=NOTE), PeriodicJob.objects.get(name=FAIL)
    assert not went_well.failed
    assert failed.failed
    assert went_well.took_s is not None
    assert failed.took_s is not None
    assert went_well.taken_by is failed.taken_by is None
    assert f"a periodic task failed: {FAIL}" in caplog.text
    assert "the mail server is away" in caplog.text


def test_one_that_failed_is_due_again_when_its_time_comes() -> None:
    run_what_is_due(Clock())
    assert periodic.take(FAIL) is None

    a_period_passes()

    assert periodic.take(FAIL)


def test_one_that_no_process_knows_is_a_failure_too(settings: Settings) -> None:
    settings.PERIODIC_TASKS = {"tests.periodic.unknown": EVERY_S}
    (taken,) = Clock().due()

    with pytest.raises(KeyError):
        periodic.run(taken)

    assert PeriodicJob.objects.get().failed


TAKE_AND_HANG = f"""
import time
from django.conf import settings
settings.PERIODIC_TASKS = {{"{NOTE}": {EVERY_S}}}
from integrations.klaviyo.outbox import liveness
from integrations.klaviyo.worker import periodic
presence = liveness.Presence()
presence.show()
assert periodic.take("{NOTE}").worker == presence.id
print("taken", flush=True)
time.sleep(600)
"""


def test_a_living_workers_task_is_its_own_and_a_dead_ones_is_taken_over() -> None:
    with python(TAKE_AND_HANG, environment()) as other:
        wait_for_line(other, "taken")
        a_period_passes()
        assert periodic.take(NOTE) is None

        kill(other)

        wait_until(lambda: periodic.take(NOTE))


def test_who_was_thought_dead_doesnt_end_the_turn_of_who_took_over() -> None:
    with python(TAKE_AND_HANG, environment()) as other:
        wait_for_line(other, "taken")
        job = PeriodicJob.objects.get()

        periodic.run(Taken(NOTE, None))

        assert runs == [NOTE]
        assert PeriodicJob.objects.get().taken_by == job.taken_by


def kill(process: Process) -> None:
    process.kill()
    process.wait()
