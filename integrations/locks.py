"""PostgreSQL's advisory locks: held until the transaction ends, freed by the server when a process
dies, never leaked into the pool."""

from datetime import timedelta

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable


def try_lock(purpose: str, key: object) -> bool:
    """Take the lock until this transaction ends. False if somebody else has it."""
    return bool(call("pg_try_advisory_xact_lock", purpose, key))


def lock(purpose: str, key: object, *, within: timedelta) -> bool:
    """Wait for the lock. False if it isn't free in time."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{within.seconds}s"])
            call("pg_advisory_xact_lock", purpose, key)
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True


def call(function: str, purpose: str, key: object) -> object:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an advisory lock needs a transaction")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"{purpose} {key}"])
        row: tuple[object] = cursor.fetchone()
    return row[0]
