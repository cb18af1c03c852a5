"""What `/metrics` tells of Klaviyo: what waits, how connections are, what came of requests.

Every number is one of all studios together; none names a studio or a client.
"""

from collections.abc import Iterator
from itertools import accumulate

from django.db.models import Case, Count, DurationField, ExpressionWrapper, Min, Q, Value, When
from django.db.models.functions import Now
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from integrations.klaviyo.api.statistics import BUCKETS_S, THROTTLED
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    Priority,
    Tally,
)
from integrations.klaviyo.ops import backlog, heartbeats
from integrations.klaviyo.ops.readiness import QUIET_AT_MOST_S
from junocal.ops import metrics

PREFIX = "junocal_klaviyo"
LADDER = [*map(str, BUCKETS_S), "+Inf"]
# The first that holds; else it is seeding.
STATES = {
    "disconnecting": Q(disconnecting_at__isnull=False),
    "suspended": Q(suspended_at__isnull=False),
    "paused": Q(paused_at__isnull=False),
    "working": Q(phase=Connection.Phase.SEEDED),
}
SEEDING = "seeding"


@metrics.register
def of_backlog() -> Iterator[Metric]:
    age = ExpressionWrapper(Now() - Min("due_at"), DurationField())
    found = backlog.due().order_by().values("priority").annotate(rows=Count("pk"), age=age)
    known = {each["priority"]: (each["rows"], each["age"].total_seconds()) for each in found}
    rows = GaugeMetricFamily(
        f"{PREFIX}_due_rows", "Changes whose time has come.", labels=["priority"]
    )
    oldest = GaugeMetricFamily(
        f"{PREFIX}_oldest_due_seconds", "How long the oldest of them waits.", labels=["priority"]
    )
    for priority in Priority:
        count, age_s = known.get(priority, (0, 0.0))
        rows.add_metric([priority.name.lower()], count)
        oldest.add_metric([priority.name.lower()], age_s)
    yield rows
    yield oldest


@metrics.register
def of_opt_outs() -> Iterator[Metric]:
    yield GaugeMetricFamily(
        f"{PREFIX}_opt_outs_waiting",
        "Opt-outs that Klaviyo takes only with a permission: their owners have to act.",
        ClientSync.objects.opt_outs_waiting().count(),
    )


@metrics.register
def of_connections() -> Iterator[Metric]:
    whens = [When(holds, then=Value(state)) for state, holds in STATES.items()]
    state = Case(*whens, default=Value(SEEDING))
    found = dict(Connection.objects.values_list(state).annotate(Count("pk")))
    ended = EndedConnection.objects.exclude(cause=EndCause.OWNER)
    family = GaugeMetricFamily(
        f"{PREFIX}_connections", "Studios' connections, by how they are.", labels=["state"]
    )
    for name in (*STATES, SEEDING):
        family.add_metric([name], found.get(name, 0))
    family.add_metric(["reconnect_required"], ended.count())
    yield family


@metrics.register
def of_requests() -> Iterator[Metric]:
    seconds = HistogramMetricFamily(
        f"{PREFIX}_request_seconds",
        "Requests to Klaviyo, by operation and what came of them.",
        labels=["operation", "outcome"],
    )
    throttled = CounterMetricFamily(
        f"{PREFIX}_throttled", "Requests that Klaviyo answered with 429.", labels=["operation"]
    )
    for tally in tallies(Tally.What.REQUEST):
        labels = [tally.operation, tally.outcome]
        up_to = list(zip(LADDER, accumulate(tally.buckets), strict=True))
        seconds.add_metric(labels, up_to, tally.seconds)
        if tally.outcome == THROTTLED:
            throttled.add_metric([tally.operation], tally.count)
    yield seconds
    yield throttled


@metrics.register
def of_refreshes() -> Iterator[Metric]:
    family = CounterMetricFamily(
        f"{PREFIX}_refreshes", "Renewals of access tokens, by result.", labels=["result"]
    )
    for tally in tallies(Tally.What.REFRESH):
        family.add_metric([tally.outcome], tally.count)
    yield family


@metrics.register
def of_mishaps() -> Iterator[Metric]:
    for what in (Tally.What.TAKEOVER, Tally.What.DEADLOCK):
        times = sum(tally.count for tally in tallies(what))
        yield CounterMetricFamily(f"{PREFIX}_{what}s", f"{what.label}.", times)


def tallies(what: Tally.What) -> Iterator[Tally]:
    yield from Tally.objects.filter(what=what).order_by("operation", "outcome")


@metrics.register
def of_heartbeats() -> Iterator[Metric]:
    beats = heartbeats.of_workers()
    yield GaugeMetricFamily(
        f"{PREFIX}_workers",
        "Worker processes heard of within a minute.",
        sum(beat.age_s < QUIET_AT_MOST_S for beat in beats),
    )
    seen = GaugeMetricFamily(
        f"{PREFIX}_worker_seen_timestamp_seconds", "When a worker was last heard of."
    )
    if beats:
        seen.add_metric([], max(beat.at for beat in beats).timestamp())
    yield seen
    ran = GaugeMetricFamily(
        f"{PREFIX}_job_ran_timestamp_seconds", "When a periodic job last ran.", labels=["job"]
    )
    for job in heartbeats.of_jobs():
        ran.add_metric([job.name], job.at.timestamp())
    yield ran
