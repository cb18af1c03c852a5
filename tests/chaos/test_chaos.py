"""Processes are killed, frozen and emptied while the desk works; afterwards nothing is missing,
stale, unsuppressed, there twice, or pushed after its suppression."""

import time
from collections.abc import Callable

import pytest

from tests import harm
from tests.busy import BusyDesk
from tests.house import House, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

LEASE_S = 15
EMPTY_S = 2

Converge = Callable[[], None]


@pytest.mark.usefixtures("backfill")
def test_a_backfill_survives_killed_workers_and_an_emptied_valkey(
    house: House, desk: BusyDesk, converge: Converge
) -> None:
    harm.trouble_klaviyo(house)

    with desk:
        wait_for_pushes(house, 30)
        harm.kill_workers(house)
        wait_for_pushes(house, 30)
        harm.flush_valkey(house)
        wait_for_pushes(house, 30)
        harm.kill_workers(house)
        harm.flush_valkey(house)
        wait_for_pushes(house, 10)

    converge()


@pytest.mark.usefixtures("connected")
def test_valkey_killed_and_back_empty_loses_no_change(
    house: House, desk: BusyDesk, converge: Converge
) -> None:
    with desk:
        wait_for_pushes(house, 5)
        harm.kill_valkey(house)
        wait_for_pushes(house, 5)

    converge()


@pytest.mark.usefixtures("connected")
def test_with_valkey_frozen_the_desk_works_on_and_changes_arrive(
    house: House, desk: BusyDesk, converge: Converge
) -> None:
    with harm.frozen(house.valkey.pid), desk:
        wait_for_pushes(house, 10)

    assert desk.refused == 0
    converge()


@pytest.mark.usefixtures("connected")
def test_postgres_restarted_at_once_loses_nothing_that_was_saved(
    house: House, desk: BusyDesk, converge: Converge
) -> None:
    with desk:
        wait_for_pushes(house, 5)
        harm.restart_postgres(house)
        wait_for_pushes(house, 10)

    converge()


@pytest.mark.usefixtures("connected")
def test_a_worker_frozen_for_longer_than_its_lease_has_not_the_last_word(
    house: House, desk: BusyDesk, converge: Converge
) -> None:
    with desk:
        wait_for_pushes(house, 5)
        with harm.frozen(house.process("worker").pid):
            time.sleep(LEASE_S + EMPTY_S)

    converge()


@pytest.mark.usefixtures("connected")
def test_workers_stopped_politely_leave_nothing_behind(
    house: House, desk: BusyDesk, converge: Converge
) -> None:
    with desk:
        wait_for_pushes(house, 5)
        codes = [harm.stop_worker_politely(worker) for worker in harm.workers(house)]
        wait_for_pushes(house, 5)

    assert codes == [0, 0]
    converge()


def wait_for_pushes(house: House, number: int) -> None:
    """Until so many more were applied."""
    seen = len(house.klaviyo.journal())
    eventually(lambda: len(house.klaviyo.journal()) >= seen + number)
