"""What happened to a studio's clients on one day: who did what, the newest first.

What a run did to many stands there once, as the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from clients.models import ClientEvent, ConsentSource, Run
from clients.runs.counting import Counts
from studios.models import Studio

AT_ONCE = 100
OF_RUNS = (ConsentSource.IMPORT, ConsentSource.UNDO)


@dataclass(frozen=True)
class Entry:
    at: datetime
    text: str
    name: str  # of the client, or of the list that came in
    url: str


@dataclass(frozen=True)
class Day:
    """Of a studio, in its own time. `before`: only what is older than the event with this key."""

    studio: Studio
    on: date
    before: int | None = None

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.on, time.min, self.studio.zone)

    @property
    def ends(self) -> datetime:
        return datetime.combine(self.tomorrow, time.min, self.studio.zone)

    @property
    def yesterday(self) -> date:
        return self.on - timedelta(days=1)

    @property
    def tomorrow(self) -> date:
        return self.on + timedelta(days=1)

    @property
    def is_today(self) -> bool:
        return self.on >= timezone.localdate(timezone=self.studio.zone)

    def events(self) -> tuple[Sequence[ClientEvent], int | None]:
        """At most `AT_ONCE`, and where to go on; none where that was all."""
        events = ClientEvent.objects.for_studio(self.studio).exclude(source__in=OF_RUNS)
        events = events.filter(at__gte=self.begins, at__lt=self.ends)
        if self.before:
            events = events.filter(pk__lt=self.before)
        found = list(events.select_related("by", "client__studio").order_by("-pk")[: AT_ONCE + 1])
        shown = found[:AT_ONCE]
        return shown, shown[-1].pk if len(found) > AT_ONCE else None

    def runs(self) -> Sequence[Run]:
        of_one = Q(kind=Run.Kind.OPT_OUT, state=Run.State.DONE, total_rows=1)  # has its own event
        runs = Run.objects.for_studio(self.studio).exclude(of_one).select_related("by", "studio")
        runs = runs.filter(started_at__gte=self.begins, started_at__lt=self.ends)
        return list(runs.order_by("-pk")[:AT_ONCE]) if self.before is None else []

    def entries(self) -> tuple[Sequence[Entry], int | None]:
        events, go_on_at = self.events()
        told = [*map(of_event, events), *map(of_run, self.runs())]
        return sorted(told, key=lambda entry: entry.at, reverse=True), go_on_at


def of_event(event: ClientEvent) -> Entry:
    return Entry(event.at, event.text, event.client.name, event.client.get_absolute_url())


def of_run(run: Run) -> Entry:
    by = f", by {run.by}" if run.by else ""
    said = run.get_state_display().lower()
    counts = Counts.kept_by(run)
    if run.is_import and run.counts:
        said = f"{counts.new:,} new, {counts.changed:,} changed, {counts.refused:,} refused"
    elif run.counts:
        said = counts.said_of(Run.Kind(run.kind)).rstrip(".")
    taken_back = " and taken back" if run.state == Run.State.UNDONE else ""
    name = run.file_name or run.get_kind_display()
    return Entry(
        run.started_at or run.created_at, f"{said}{taken_back}{by}", name, run.get_absolute_url()
    )
