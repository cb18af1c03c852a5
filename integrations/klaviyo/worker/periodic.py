"""Periodic tasks, run by whichever worker is there: when each last ran stands in PostgreSQL.

`settings.PERIODIC_TASKS` says which and how often. No process is needed for them alone, several
workers don't run one twice at once, and one whose worker died is taken over when it is due again.
"""

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection as database

from integrations.klaviyo.models import PeriodicJob
from integrations.klaviyo.outbox.liveness import IS_DEAD, worker_id

logger = logging.getLogger(__name__)

LOOKS = 10  # in one period, at whether it is over

TAKE = f"""
INSERT INTO klaviyo_periodicjob (name, last_ran_at, taken_by)
VALUES (%(name)s, statement_timestamp(), %(worker)s)
    ON CONFLICT (name) DO UPDATE
   SET last_ran_at = EXCLUDED.last_ran_at, taken_by = EXCLUDED.taken_by
 WHERE (klaviyo_periodicjob.last_ran_at IS NULL
        OR klaviyo_periodicjob.last_ran_at
           < statement_timestamp() - make_interval(secs => %(every_s)s))
   AND (klaviyo_periodicjob.taken_by IS NULL
        OR {IS_DEAD.format("klaviyo_periodicjob.taken_by")})
"""


@dataclass(frozen=True)
class Taken:
    """A task that is a worker's to run, once."""

    name: str
    worker: UUID | None


class Clock:
    """When this process next looks whether a task is due."""

    def __init__(self) -> None:
        self._look_at = dict.fromkeys(settings.PERIODIC_TASKS, 0.0)

    def due(self) -> list[Taken]:
        """The tasks that are this worker's to run now."""
        now = time.monotonic()
        looked_at = [name for name, look_at in self._look_at.items() if look_at <= now]
        for name in looked_at:
            self._look_at[name] = now + settings.PERIODIC_TASKS[name] / LOOKS
        return [taken for name in looked_at if (taken := take(name))]


def take(name: str) -> Taken | None:
    """The task, if it is due and no living worker is at it."""
    taken = Taken(name, worker_id())
    every_s = settings.PERIODIC_TASKS[name]
    with database.cursor() as cursor:
        cursor.execute(TAKE, {"name": name, "worker": taken.worker, "every_s": every_s})
        return taken if cursor.rowcount else None


def run(taken: Taken) -> None:
    """Run it, and write down how it went: Celery logs what it raised."""
    began = time.monotonic()
    failed = True
    try:
        failed = bool(current_app.tasks[taken.name].apply().failed())
    finally:
        took_s = time.monotonic() - began
        mine = PeriodicJob.objects.filter(name=taken.name, taken_by=taken.worker)
        mine.update(taken_by=None, took_s=took_s, failed=failed)
    if failed:
        logger.error("a periodic task failed: %s", taken.name)
