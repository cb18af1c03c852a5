"""Whether the process that holds a lease still lives: PostgreSQL knows, and nobody has to wait.

Each worker holds an advisory lock on its own id, on a session that it keeps for that alone. When
the process dies, however it dies, the server frees the lock at once; whoever gets it then frees the
dead worker's leases. A lease only runs out for a process that is frozen.
"""

import logging
import os
import socket
import uuid

import psycopg
from django.db import connection as database
from django.db import transaction

from integrations.klaviyo.api import statistics
from integrations.klaviyo.models import Tally, Worker

logger = logging.getLogger(__name__)

KEY = "hashtextextended('klaviyo worker ' || {}::text, 0)"
LOCK = f"SELECT pg_try_advisory_lock({KEY.format('%s')})"
# In SQL of others: true if that worker died. The lock is freed again with the transaction.
IS_DEAD = f"pg_try_advisory_xact_lock({KEY})"
SEEN = """
INSERT INTO klaviyo_worker (id, name) VALUES (%s, %s)
    ON CONFLICT (id) DO UPDATE SET seen_at = statement_timestamp()
"""

# Of those without a lease, others believe that they have a token and leave work to them.
THE_DEAD = f"""
SELECT worker FROM (SELECT leased_by AS worker FROM klaviyo_clientsync
                     WHERE leased_by IS NOT NULL
                     UNION
                    SELECT id FROM klaviyo_worker) AS others
 WHERE worker <> %(me)s AND {IS_DEAD.format("worker")}
"""

FREE = """
WITH orphaned AS (
    SELECT id FROM klaviyo_clientsync WHERE leased_by = ANY(%(dead)s)
     ORDER BY client_id, id FOR NO KEY UPDATE
), freed AS (
    UPDATE klaviyo_clientsync sync
       SET lease = NULL, lease_until = NULL, leased_by = NULL
      FROM orphaned WHERE orphaned.id = sync.id
    RETURNING connection_id
), woken AS (
    INSERT INTO klaviyo_wakeup (connection_id) SELECT DISTINCT connection_id FROM freed
)
SELECT count(*) FROM freed
"""

_id: uuid.UUID | None = None


def worker_id() -> uuid.UUID | None:
    """This process as a holder of leases; None outside of workers, where nobody watches it."""
    return _id


class Presence:
    """A session of its own that holds the lock for as long as this process lives."""

    def __init__(self) -> None:
        self.id = uuid.uuid4()
        self._session: psycopg.Connection | None = None
        self._name = f"{socket.gethostname()} {os.getpid()}"

    def show(self) -> None:
        """Hold the lock and be seen. After a lost session this is a new worker: its old leases
        were free for anybody to take."""
        global _id
        if self._session is None or self._session.closed:
            _id = None
            self.id = uuid.uuid4()
            self._session = open_session()
            self._session.execute(LOCK, [str(self.id)])
        self._session.execute(SEEN, [self.id, self._name])
        _id = self.id

    def end(self) -> None:
        global _id
        _id = None
        if self._session is not None and not self._session.closed:
            self._session.execute("DELETE FROM klaviyo_worker WHERE id = %s", [self.id])
            self._session.close()


def open_session() -> psycopg.Connection:
    """Outside of the pool, which hands sessions on, locks and all."""
    params = {**database.get_connection_params()}
    for of_django in ("pool", "context", "cursor_factory", "prepare_threshold"):
        params.pop(of_django, None)
    return psycopg.connect(**params, autocommit=True)


@transaction.atomic
def free_the_dead() -> int:
    """Forget workers that died, leases and all. The number of rows that others may take now."""
    with database.cursor() as cursor:
        cursor.execute(THE_DEAD, {"me": _id or uuid.UUID(int=0)})
        dead = [worker for (worker,) in cursor.fetchall()]
        if not dead:
            return 0
        cursor.execute(FREE, {"dead": dead})
        freed: int = cursor.fetchone()[0]
    Worker.objects.filter(pk__in=dead).delete()
    if freed:
        statistics.count(Tally.What.TAKEOVER, freed)
        logger.warning("took over %s rows of a worker that died", freed)
    return freed
