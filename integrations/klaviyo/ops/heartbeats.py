"""Who was last heard of, and when: workers, and what has to happen now and then."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Now

from integrations.klaviyo.models import PeriodicJob, Worker


@dataclass(frozen=True)
class Heartbeat:
    name: str
    at: datetime
    now: datetime  # by the same clock, which is PostgreSQL's

    @property
    def age_s(self) -> float:
        return (self.now - self.at).total_seconds()


def of_workers() -> list[Heartbeat]:
    """The last sign of life of each worker process."""
    rows = Worker.objects.annotate(now=Now()).values_list("name", "seen_at", "now")
    return [Heartbeat(*row) for row in rows]


def of_jobs() -> list[Heartbeat]:
    """When each periodic job last ran."""
    ran = PeriodicJob.objects.exclude(last_ran_at=None).annotate(now=Now())
    rows = ran.values_list("name", "last_ran_at", "now")
    return [Heartbeat(name, at, now) for name, at, now in rows if at]
