"""What a worker does for runs: check a list, run, take back, let go, tidy up.

Each of these goes on where the last commit left it, whoever it was that died. Several runs take
turns.
"""

import time
from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from clients.imports import checking
from clients.models import Run, RunRow
from clients.models.run import FINISHED
from clients.runs import batches, undoing
from clients.signals import clients_released

State = Run.State
TURN_S = 20.0  # for one import while others wait: to go on, a check reads its file anew
ROWS_KEPT_FOR = timedelta(days=1)
REFUSED_KEPT_FOR = timedelta(days=30)
STEPS = {
    State.CHECKING: checking.check,
    State.RUNNING: batches.work,
    State.UNDOING: undoing.undo,
}


def run_all() -> None:
    """Work until nothing is left to do; the oldest import first."""
    while runs := list(Run.objects.at_work().order_by("created_at")):
        for run in runs:
            release(run)
            work(run)


def work(run: Run) -> None:
    """A turn: to the end of what the run is at, if nobody else waits."""
    began = time.monotonic()
    for _ in steps(run):
        others = Run.objects.at_work().exclude(pk=run.pk)
        if time.monotonic() - began > TURN_S and others.exists():
            return


def steps(run: Run) -> Iterator[None]:
    step = STEPS.get(State(run.state))
    return step(run) if step else iter(())


def release(run: Run) -> None:
    """Let integrations have what was held back, if nobody can undo it any more."""
    if not Run.objects.filter(pk=run.pk).filter(Run.to_be_released()).exists():
        return
    clients_released.send(Run, studio_id=run.studio_id, hold_until=run.hold_until)
    run.move(released_at=timezone.now())


def purge_expired() -> None:
    """Rows are kept for a day, those that were refused with their import for thirty; what was
    never started is given up after a day."""
    day_ago = timezone.now() - ROWS_KEPT_FOR
    old = Run.objects.filter(created_at__lt=day_ago)
    old.filter(started_at=None).delete()
    finished = old.filter(state__in=FINISHED, finished_at__lt=day_ago)
    RunRow.objects.filter(run__in=finished).exclude(outcome=RunRow.Outcome.REFUSED).delete()
    old.filter(created_at__lt=timezone.now() - REFUSED_KEPT_FOR, state__in=FINISHED).delete()
