"""The rows of a run, some in each transaction: after a kill somebody goes on behind the last.

What is done with them depends on the kind of run (`VERBS`). Their clients are locked meanwhile, in
the order of their ids.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from clients.forms import is_about_the_address
from clients.imports import applying
from clients.models import Run, RunRow
from clients.runs import verbs
from clients.runs.counting import Counts

AT_ONCE = 200  # clients locked at a time: an edit of one of them waits some tenths of a second
TRIES = 5  # of the same rows, where the desk adds somebody of them at the same moment
VERBS: Mapping[str, Callable[[Run, Sequence[RunRow]], None]] = {
    Run.Kind.IMPORT: applying.apply,
    Run.Kind.OPT_OUT: verbs.opt_out,
    Run.Kind.DELETION: verbs.delete,
    Run.Kind.SENDING: verbs.send_again,
}


def work(run: Run) -> Iterator[None]:
    """Do the rest of the run; hands over after each commit. Ends where somebody else goes on."""
    position = run.done_rows
    for rows in batches_after(run, position):
        if not work_on_some(run, rows, position):
            return
        position += len(rows)
        yield
    finish(run, position)


def batches_after(run: Run, position: int) -> Iterator[Sequence[RunRow]]:
    """The rows of the run but the first ones, in their order."""
    in_order = run.rows.order_by("line")
    rows = list(in_order[position : position + AT_ONCE])
    while rows:
        yield rows
        rows = list(in_order.filter(line__gt=rows[-1].line)[:AT_ONCE])


def work_on_some(run: Run, rows: Sequence[RunRow], position: int) -> bool:
    """False, with nothing done, if somebody else went on with the run."""
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                locked = Run.objects.at(run, Run.State.RUNNING, position)
                if locked:
                    VERBS[locked.kind](locked, rows)
                    locked.move(done_rows=position + len(rows))
                return locked is not None
        except IntegrityError as error:  # somebody was added under our hands: seen the next time
            if not (left and is_about_the_address(error)):
                raise
    return False


@transaction.atomic
def finish(run: Run, position: int) -> None:
    if locked := Run.objects.at(run, Run.State.RUNNING, position):
        locked.chunks.all().delete()
        counts = Counts.of(locked).to_json()
        locked.move(state=Run.State.DONE, counts=counts, finished_at=timezone.now())
