"""A run: a change of one client or many that can be taken back for ten minutes.

An import, opt-outs and deletions are runs. Each row keeps what was there before. What takes long is
done by whichever worker is there; the file of an import stands in the database for that.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from clients.models.address import ADDRESS_MAX_LENGTH
from clients.models.client import DETAILS, Client
from studios.models import Studio, User
from studios.tenancy import TenantQuerySet

UNDO_WITHIN = timedelta(minutes=10)
MASS = 50  # more than that are worked on beside, and held back while they can be taken back
ONE_IN = 5  # clients of the list may be newly opted in or out unasked


class RunQuerySet(TenantQuerySet["Run"]):
    def at_work(self) -> Self:
        """Runs that a worker has something to do for."""
        return self.filter(Q(state__in=WORKING) | Run.to_be_released())

    def just_done_by(self, user_id: int) -> Self:
        """What this person did to clients of the list and can take back, the newest first."""
        to_clients = self.filter(kind__in=[Run.Kind.OPT_OUT, Run.Kind.DELETION], by=user_id)
        done = to_clients.filter(state=Run.State.DONE)
        return done.filter(finished_at__gt=timezone.now() - UNDO_WITHIN).order_by("-created_at")

    def at(self, run: "Run", state: str, done_rows: int) -> "Run | None":
        """The run, locked, if it still is where the caller takes it to be; None if somebody else
        went on with it or stopped it."""
        rows = self.select_for_update(of=("self",)).select_related("studio", "by")
        return rows.filter(pk=run.pk, state=state, done_rows=done_rows).first()


class Run(models.Model):
    class Kind(models.TextChoices):
        IMPORT = "import", "Import"
        OPT_OUT = "opt_out", "Opt-out"
        DELETION = "deletion", "Deletion"
        SENDING = "sending", "Sending again"

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Columns to be matched"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Ready to start"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        UNDOING = "undoing", "Being taken back"
        UNDONE = "undone", "Taken back"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="runs")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.IMPORT)
    file_name = models.CharField(max_length=200, blank=True)  # of an import
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.UPLOADED)
    reading = models.JSONField(default=dict)  # `clients.csv.reading.Reading`
    mapping = models.JSONField(default=dict)  # `clients.imports.mapping.Mapping`
    total_rows = models.PositiveIntegerField(default=0)
    done_rows = models.PositiveIntegerField(default=0)  # of what the state is about
    counts = models.JSONField(default=dict)  # `clients.runs.counting.Counts`
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Where many are touched: changes of this run are due then, for integrations, until `released`.
    hold_until = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    send_at_once = models.BooleanField(default=False)  # a person gave up the undo

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index(fields=["studio", "-created_at"], name="client_run_newest"),
            models.Index(
                "state",
                name="client_run_at_work",
                condition=Q(state__in=["checking", "running", "undoing"])
                | Q(hold_until__isnull=False, released_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.public_id} of studio {self.studio_id}"

    def get_absolute_url(self) -> str:
        return reverse("clients:run", args=[self.studio.slug, self.public_id])

    def move(self, **fields: Any) -> None:
        """Save these fields alone."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.save(update_fields=list(fields))

    @staticmethod
    def to_be_released() -> Q:
        """Finished runs whose changes integrations may have by now."""
        held = Q(state__in=FINISHED, hold_until__isnull=False, released_at=None)
        is_time = Q(finished_at__lte=timezone.now() - UNDO_WITHIN)
        return held & (is_time | Q(send_at_once=True) | Q(state=Run.State.UNDONE))

    @property
    def is_working(self) -> bool:
        return self.state in WORKING

    @property
    def is_open(self) -> bool:
        """True until it is started: its columns may be matched anew."""
        return self.state in (self.State.UPLOADED, self.State.CHECKING, self.State.CHECKED)

    @property
    def undo_until(self) -> datetime | None:
        return self.finished_at + UNDO_WITHIN if self.finished_at else None

    @property
    def is_mass(self) -> bool:
        """True if nobody should wait while it is done."""
        return self.total_rows > MASS

    @property
    def is_import(self) -> bool:
        return self.kind == self.Kind.IMPORT

    @property
    def what_is_done(self) -> str:
        """With a number before it, while it runs."""
        return DONE_WORDS[self.Kind(self.kind)]

    @property
    def can_be_undone(self) -> bool:
        """True for ten minutes after it finished, unless somebody had it sent."""
        changes_clients = self.kind != self.Kind.SENDING
        is_open = changes_clients and self.state == self.State.DONE and not self.send_at_once
        return is_open and self.undo_until is not None and timezone.now() < self.undo_until

    @property
    def is_held(self) -> bool:
        """True while its changes wait here for the time of an undo."""
        return self.hold_until is not None and self.released_at is None and not self.send_at_once


DONE_WORDS = {
    Run.Kind.IMPORT: "rows imported",
    Run.Kind.OPT_OUT: "clients opted out",
    Run.Kind.DELETION: "clients deleted",
    Run.Kind.SENDING: "clients sent again",
}
WORKING = (Run.State.CHECKING, Run.State.RUNNING, Run.State.UNDOING)
FINISHED = (Run.State.DONE, Run.State.UNDONE)


class ImportChunk(models.Model):
    """A piece of the uploaded file; gone once its rows are in."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint("run", "number", name="client_run_chunk_is_there_once"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of run {self.run_id}"


class RunRow(models.Model):
    """What becomes of one client, or of one line of a list, and what was there before."""

    class Outcome(models.TextChoices):
        NEW = "new", "New"
        CHANGED = "changed", "Changed"
        UNCHANGED = "unchanged", "Unchanged"
        REFUSED = "refused", "Refused"
        DELETED = "deleted", "Deleted"

    class Consent(models.TextChoices):
        """What becomes of the client's consent."""

        NONE = "", ""
        OPTS_IN = "opts_in", "Agrees"
        OPTS_OUT = "opts_out", "Opts out"
        WITHDRAWN = "withdrawn", "Stays opted out"  # the file says yes; the person had said no

    run = models.ForeignKey(Run, models.CASCADE, related_name="rows", db_index=False)
    line = models.PositiveIntegerField()  # in the file or among the clients, from 1
    values = models.JSONField(default=dict)  # details and `says`, as they would be kept
    key = models.CharField(max_length=ADDRESS_MAX_LENGTH, blank=True)  # equal for one person
    cells = models.JSONField(null=True)  # of a refused row, as they came
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    consent = models.CharField(max_length=10, choices=Consent.choices, blank=True)
    reason = models.CharField(max_length=40, blank=True)  # key of `clients.imports.refusals`
    reason_about = models.CharField(max_length=60, blank=True)  # the line or column it names
    # No constraint: a client's deletion has nothing to do with rows that are soon gone.
    client = models.ForeignKey(
        Client,
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    is_applied = models.BooleanField(default=False)  # it changed something, and still does
    before = models.JSONField(default=dict)  # what an undo puts back
    is_kept = models.BooleanField(default=False)  # a person edited it since: the undo left it

    class Meta:
        constraints = [
            models.UniqueConstraint("run", "line", name="client_run_line_is_there_once"),
        ]
        indexes = [
            models.Index("run", "key", name="client_run_key", condition=~Q(key="")),
            models.Index("run", "outcome", "line", name="client_run_outcome"),
            models.Index("run", "line", name="client_run_applied", condition=Q(is_applied=True)),
        ]

    def __str__(self) -> str:
        return f"line {self.line} of run {self.run_id}"

    @property
    def client_said(self) -> Client:
        """Such a client as the row says, not saved: for pages to show."""
        details = {name: self.values.get(name, "") for name in DETAILS}
        return Client(studio=self.run.studio, **details)

    @property
    def says(self) -> str:
        """What the row says to emails: "yes", "no" or nothing."""
        return str(self.values.get("says", ""))
