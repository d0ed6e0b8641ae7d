"""Counting exactly, however many processes count the same thing at the same moment."""

from __future__ import annotations

from django.db import connection, models


def count_one(model: type[models.Model], name: str, minute: int) -> int:
    """How often something was counted in this minute, this time included.

    ``model`` keeps a row a name: ``name``, ``minute`` (since 1970) and ``times``. One statement looks, adds
    and answers, so that none of many at the same moment is lost, and nobody waits for a lock of ours. A
    machine whose clock is seconds behind another's counts into the other's minute.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    same = f"{table}.minute IN (excluded.minute, excluded.minute + 1)"
    statement = (
        f"INSERT INTO {table} (name, minute, times) VALUES (%s, %s, 1) "  # noqa: S608  # a table of ours
        f"ON CONFLICT (name) DO UPDATE SET times = CASE WHEN {same} THEN {table}.times + 1 ELSE 1 END, "
        f"minute = CASE WHEN {same} THEN {table}.minute ELSE excluded.minute END RETURNING times"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [name, minute])
        ((times,),) = cursor.fetchall()  # all of it: SQLite ends a statement only where nothing is left
    return int(times)
