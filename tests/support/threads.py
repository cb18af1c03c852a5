"""Several people at the same moment, each with a database connection of their own.

The test needs `@pytest.mark.django_db(transaction=True)`: a connection sees what others committed.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection


def at_once(*works: Callable[[], object]) -> list[object]:
    """Let all of them go together; what each returned, or the exception it ended in."""
    together = Barrier(len(works), timeout=10)

    def run(work: Callable[[], object]) -> object:
        together.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
    return [future.exception() or future.result() for future in futures]


def somebody_waits() -> bool:
    """True if another transaction waits for a lock, so that the order of events is known."""
    with connection.cursor() as cursor:
        # Within a transaction, a session that began after the first look is not seen.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
