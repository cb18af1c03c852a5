"""The sweep: every worker looks once a second, straight in PostgreSQL, for studios with work.

It carries the backfill, whatever a lost ring left behind, and the end of fenced connections. It
needs no Redis, so that with the broker away changes are late by a second or two and never lost.
Rings carry live changes only: a backfill never stands before another studio's edit.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from django.db import close_old_connections
from django.db import connection as database
from django.db.models import Exists, OuterRef, Q

from integrations.klaviyo import backfill, ending, sync, trial
from integrations.klaviyo.models import ClientSync, Connection

logger = logging.getLogger(__name__)

EVERY_S = 1.0
THREADS = 4


def turn(connection: Connection) -> None:
    """One studio's turn: end it if it is fenced, else seed, then sync for about a second."""
    if connection.is_fenced:
        ending.finish(connection)
        return
    if connection.trial_wanted_at:
        trial.carry_out(connection)
    while backfill.seed(connection):
        pass
    sync.run(connection, sync.ALL_LANES)


def with_work() -> list[Connection]:
    """The connections that have something to do now."""
    due = ClientSync.objects.filter(connection=OuterRef("pk")).due()
    unseeded = ~Q(phase=Connection.Phase.SEEDED)
    asked = Q(fenced_at__isnull=False) | Q(trial_wanted_at__isnull=False)
    return list(Connection.objects.filter(Exists(due) | unseeded | asked).order_by("?"))


class Sweeper:
    """The thread that sweeps and the few that work for it, one turn per studio at a time."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sweep")
        self._turns: dict[UUID, Future[None]] = {}
        self._thread = threading.Thread(target=self._sweep_for_ever, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start nothing more; wait for the turns under way."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _sweep_for_ever(self) -> None:
        going = True
        while not self._stop.wait(EVERY_S):
            try:
                self._sweep()
                going = True
            except Exception:  # whatever it is (the database, mostly), the next may go well
                if going:  # one line per change of state, not one per second
                    logger.exception("no sweep for now")
                going = False
            finally:
                database.close()

    def _sweep(self) -> None:
        self._turns = {pk: turn for pk, turn in self._turns.items() if not turn.done()}
        for connection in with_work():
            if connection.pk not in self._turns:
                self._turns[connection.pk] = self._pool.submit(_take_turn, connection)


def _take_turn(connection: Connection) -> None:
    """The boundary of a turn: its thread gives its database connection back, whatever happened."""
    try:
        turn(connection)
    except Exception:
        logger.exception("a turn failed", extra={"connection": connection.pk})
    finally:
        close_old_connections()
        database.close()
