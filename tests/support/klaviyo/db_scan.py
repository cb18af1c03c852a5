"""Reading the whole database, to see what is in none of its tables."""

from django.db import connection


def rows_with(text: str) -> list[str]:
    """Each table in which some column of some row has this text; every table is read."""
    tables = connection.introspection.table_names()
    assert "klaviyo_connection" in tables
    return [table for table in tables if has(table, text)]


def has(table: str, text: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT 1 FROM "{table}" row WHERE position(%s in row::text) > 0 LIMIT 1',
            [text],
        )
        return cursor.fetchone() is not None
