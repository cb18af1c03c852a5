"""The sweep: every worker looks in PostgreSQL for studios with work, once a second or sooner.

It carries the backfill, whatever a lost wake-up left behind, and the end of disconnecting ones. It
needs no Redis, so that with the broker away changes are late by a second and never lost. It also
takes over what dead workers held, tries for all when Klaviyo is down, and runs what is periodic.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections
from django.db import connection as database

from integrations.klaviyo.api import statistics
from integrations.klaviyo.api.health import health
from integrations.klaviyo.connection import health_check
from integrations.klaviyo.models import Connection
from integrations.klaviyo.outbox import liveness, turns
from integrations.klaviyo.sync import engine
from integrations.klaviyo.worker import periodic

logger = logging.getLogger(__name__)

EVERY_S = 0.5
TURNS_AT_ONCE = 3  # of one studio: one request without an answer holds nobody else up
SOONEST_S = 0.05
THREADS = 8
with_work = turns.with_work


class Sweeper:
    """The thread that sweeps and the few that work for it, one turn per studio at once."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sweep")
        # One for each, so that none that was taken waits for another.
        tasks = len(settings.PERIODIC_TASKS) or 1
        self._jobs = ThreadPoolExecutor(tasks, thread_name_prefix="periodic")
        self._turns: dict[UUID, list[Future[None]]] = {}
        self._presence = liveness.Presence()
        self._clock = periodic.Clock()
        self._round_at = 0.0
        self._thread = threading.Thread(target=self._sweep_for_ever, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start nothing more; wait for the turns under way."""
        self._stop.set()
        self._thread.join()
        for pool in (self._pool, self._jobs):
            pool.shutdown(wait=True, cancel_futures=True)
        statistics.flush()
        self._presence.end()

    def _sweep_for_ever(self) -> None:
        going, wait_s = True, 0.0
        while not self._stop.wait(wait_s):
            wait_s = EVERY_S
            try:
                self._sweep()
                wait_s = max(turns.soonest_s(EVERY_S), SOONEST_S)
                going = True
            except Exception:  # whatever it is (the database, mostly), the next may go well
                if going:  # one line per change of state, not one per second
                    logger.exception("no sweep for now")
                going = False
            finally:
                database.close()

    def _sweep(self) -> None:
        if time.monotonic() >= self._round_at:
            self._round_at = time.monotonic() + EVERY_S
            self._go_round()
        known = list(self._turns.items())  # at once: turns add the ones after them
        under_way = {pk: [turn for turn in turns if not turn.done()] for pk, turns in known}
        self._turns = {pk: turns for pk, turns in under_way.items() if turns}
        for connection in with_work():
            if self._may_begin(connection):
                self._submit(connection)

    def _may_begin(self, connection: Connection) -> bool:
        """True unless a turn of it waits for its beginning, or enough are under way."""
        turns = self._turns.get(connection.pk, [])
        return len(turns) < TURNS_AT_ONCE and all(turn.running() for turn in turns)

    def _go_round(self) -> None:
        """What is done twice a second, however often there is a look for work."""
        self._presence.show()
        statistics.flush()
        liveness.free_the_dead()
        health.look()
        if health.is_down and health.may_probe():
            self._pool.submit(on_the_edge, health_check.probe)
        for taken in self._clock.due():
            self._jobs.submit(on_the_edge, partial(periodic.run, taken))

    def _submit(self, connection: Connection) -> None:
        turn = self._pool.submit(on_the_edge, partial(self._turn, connection))
        self._turns.setdefault(connection.pk, []).append(turn)

    def _turn(self, connection: Connection) -> None:
        """One turn; the next one stands at the back of the queue at once, behind other studios'."""
        if engine.work_on(connection) and not self._stop.is_set():
            self._submit(connection)


def on_the_edge(work: Callable[[], None]) -> None:
    """The edge of a thread: it gives its database connection back in any case."""
    try:
        work()
    except Exception:
        logger.exception("a turn failed")
    finally:
        close_old_connections()
        database.close()
