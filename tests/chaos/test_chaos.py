"""What the rig doesn't ask: the desk works on without Valkey, and workers stop politely; in the
end both sides agree."""

from collections.abc import Callable

import pytest

from tests.support import faults
from tests.support.load import BusyDesk
from tests.support.stack import Stack, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600), pytest.mark.usefixtures("connected")]

Converge = Callable[[], None]


def test_with_valkey_frozen_the_desk_works_on_and_changes_arrive(
    stack: Stack, desk: BusyDesk, converge: Converge
) -> None:
    with faults.frozen(stack.valkey.pid), desk:
        wait_for_pushes(stack, 10)

    assert desk.refused == 0
    converge()


def test_workers_stopped_politely_leave_nothing_behind(
    stack: Stack, desk: BusyDesk, converge: Converge
) -> None:
    with desk:
        wait_for_pushes(stack, 5)
        codes = [faults.stop_worker_politely(worker) for worker in faults.workers(stack)]
        wait_for_pushes(stack, 5)

    assert codes == [0, 0]
    converge()


def wait_for_pushes(stack: Stack, number: int) -> None:
    """Until so many more were applied."""
    seen = max((entry["seq"] for entry in stack.klaviyo.journal()), default=0)
    eventually(lambda: len(stack.klaviyo.journal(seen)) >= number)
