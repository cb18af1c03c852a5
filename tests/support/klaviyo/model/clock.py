"""PostgreSQL's clock, stopped: it goes on by the model's steps alone, so that a run repeats itself
however slow the machine.

Its functions stand before PostgreSQL's own on the search path of every session that begins
meanwhile. What a column's default says is still the true time, and long over here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection as database

STOP = """
CREATE SCHEMA model_clock;
CREATE TABLE model_clock.clock AS SELECT pg_catalog.now() + interval '1 day' AS moment;
"""
FUNCTIONS = ("now", "statement_timestamp", "transaction_timestamp", "clock_timestamp")
FUNCTION = """
CREATE FUNCTION model_clock.{name}() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT moment FROM model_clock.clock'
"""


@contextmanager
def stopped_clock() -> Iterator[None]:
    name = database.ops.quote_name(str(database.settings_dict["NAME"]))
    with database.cursor() as cursor:
        cursor.execute(STOP)
        for function in FUNCTIONS:
            cursor.execute(FUNCTION.format(name=function))
        cursor.execute(f"ALTER DATABASE {name} SET search_path = model_clock, pg_catalog, public")
    try:
        begin_new_sessions()
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET search_path")
            cursor.execute("DROP SCHEMA model_clock CASCADE")
        begin_new_sessions()


def begin_new_sessions() -> None:
    database.close()
    database.close_pool()  # type: ignore[attr-defined]  # Django's types don't know of the pool
    database.ensure_connection()


def time_passes(seconds: float) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE model_clock.clock SET moment = moment + make_interval(secs => %s)", [seconds]
        )
