"""The buttons of a run: each moves it on if it still is where the person saw it."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from clients.imports.mapping import ColumnMapping
from clients.models import Run
from clients.runs.counting import Counts
from studios.models import Studio

State = Run.State
# By then at the latest held changes go, even if nobody ever finishes the run.
HELD_AT_MOST = timedelta(days=1)


class NotNowError(Exception):
    """The run has moved on meanwhile; the message says so to a person."""


class OwnerNeededError(NotNowError):
    """More than a fifth of the list would be opted in or out: its owner has to say that number."""


def map_columns(run: Run, mapping: ColumnMapping) -> None:
    """Check the file with these columns, anew if it was checked. Raises `NotNowError`."""
    with transaction.atomic():
        locked = locked_at(run, State.UPLOADED, State.CHECKING, State.CHECKED)
        locked.rows.all().delete()
        locked.move(mapping=mapping.to_json(), state=State.CHECKING, done_rows=0)


def start(run: Run, *, owner_says: str = "") -> None:
    """Begin to change clients. `owner_says`: the number of opt-ins and opt-outs that the owner
    confirms. Raises `OwnerNeededError` and `NotNowError`."""
    with transaction.atomic():
        locked = locked_at(run, State.CHECKED)
        counts = Counts.kept_by(locked)
        if counts.needs_owner and owner_says != str(counts.newly_said):
            raise OwnerNeededError(
                "Not started: an owner has to confirm the new consent of"
                f" {counts.newly_said} people."
            )
        now = timezone.now()
        locked.move(
            state=State.RUNNING,
            done_rows=0,
            started_at=now,
            hold_until=now + HELD_AT_MOST if counts.is_mass else None,
        )


def undo(run: Run) -> None:
    """Begin to take it back. Raises `NotNowError`."""
    with transaction.atomic():
        locked = locked_at(run, State.DONE)
        if not locked.can_be_undone:
            raise NotNowError("The ten minutes are over: this can't be taken back any more.")
        locked.move(
            state=State.UNDOING,
            done_rows=0,
            total_rows=locked.rows.filter(is_applied=True).count(),
        )


def send_now(run: Run) -> None:
    """Give up the undo, so that integrations hear of the changes at once. Raises `NotNowError`."""
    with transaction.atomic():
        locked_at(run, State.DONE).move(send_at_once=True)


def discard(run: Run) -> None:
    """Forget a list that was not started. Raises `NotNowError`."""
    with transaction.atomic():
        locked_at(run, State.UPLOADED, State.CHECKING, State.CHECKED).delete()


def locked_at(run: Run, *states: State) -> Run:
    rows = Run.objects.for_studio(run.studio).filter(pk=run.pk, state__in=states)
    locked = rows.select_for_update(of=("self",)).select_related("studio", "by").first()
    if locked is None:
        raise NotNowError("This has moved on meanwhile. Here is where it is now.")
    return locked


def remembered(studio: Studio) -> tuple[ColumnMapping, list[str]]:
    """How this studio last matched columns, and what they were called."""
    imports = Run.objects.for_studio(studio).filter(kind=Run.Kind.IMPORT)
    last = imports.exclude(started_at=None).order_by("-created_at").first()
    if last is None:
        return ColumnMapping(), []
    return ColumnMapping.from_json(last.mapping), last.reading["headers"]
