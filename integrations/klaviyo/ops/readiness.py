"""What `/readyz` says of the work for Klaviyo: judged by its progress, not by who claims to run.

Each check says in a sentence what is wrong, or nothing.
"""

from collections.abc import Iterator

from django.conf import settings

from integrations.klaviyo.ops import backlog, heartbeats
from integrations.klaviyo.ops.heartbeats import Heartbeat
from junocal.ops import health

QUIET_AT_MOST_S = 60  # a worker is heard of every second
WAIT_AT_MOST_S = 60  # under kills and bad answers it is four seconds, 95 times of 100
PERIODS_MISSED = 3  # one may fall into a restart
PERIOD_AT_LEAST_S = 20  # a restart takes longer than the shortest periods


@health.register
def workers_are_there() -> Iterator[str]:
    ages = [beat.age_s for beat in heartbeats.of_workers()]
    if min(ages, default=QUIET_AT_MOST_S) < QUIET_AT_MOST_S or not backlog.is_waiting():
        return
    seen = f"for {min(ages):.0f} s" if ages else "ever"
    yield f"no worker was seen {seen}, and work for Klaviyo waits"


@health.register
def changes_move() -> Iterator[str]:
    stuck = backlog.stuck(WAIT_AT_MOST_S)
    studios = stuck.values("studio").distinct().count()
    if studios:
        yield (
            f"opt-outs or changes of {studios} {'studio' if studios == 1 else 'studios'} have not"
            f" moved for {WAIT_AT_MOST_S} s, and Klaviyo is not why"
        )


@health.register
def jobs_run() -> Iterator[str]:
    periods = periods_s()
    for job in heartbeats.of_jobs():
        if is_late(job, periods.get(job.name)):
            yield f"“{job.name}” last ran {job.age_s:.0f} s ago"


def is_late(job: Heartbeat, period_s: float | None) -> bool:
    """A job that nobody schedules any more is not missed."""
    return bool(period_s and job.age_s > PERIODS_MISSED * max(period_s, PERIOD_AT_LEAST_S))


def periods_s() -> dict[str, float]:
    """How often each periodic job is to run, by its name."""
    periods: dict[str, float] = settings.PERIODIC_TASKS
    return periods
