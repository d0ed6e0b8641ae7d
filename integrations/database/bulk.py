"""Many rows at once, without a model for each.

Django prepares every value of every row on its own, and PostgreSQL's driver quotes long lists slowly: for
5,000 mappings and their history that took longer than all else that saving does (docs/performance.md). Here
rows are tuples of plain values that go to the database in one call. Nothing else that models do happens:
no defaults, no validation, no signals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models

from integrations.database.transactions import transaction_required

Row = Sequence[Any]

# From so many new rows on, what a database believes of a table may be wrong by an order of magnitude.
MANY_ROWS = 1_000


@transaction_required
def insert_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows that hold the fields ``names`` ("company_id", not "company"), in this order.

    Raises django.db.IntegrityError where a constraint is broken.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    table, columns = _quote(model._meta.db_table), [_quote(field.column) for field in fields]
    if connection.vendor == "postgresql":
        _copy(table, columns, _prepared(fields, rows))
        return
    places = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})",  # noqa: S608  # names of ours
            list(_prepared(fields, rows)),
        )


@transaction_required
def update_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Row]) -> None:
    """Write the fields ``names`` of rows that exist; each row ends with its id.

    The transaction has locked the rows. Raises django.db.IntegrityError.
    """
    fields: list[Any] = [*(model._meta.get_field(name) for name in names), model._meta.pk]
    table, columns = _quote(model._meta.db_table), [_quote(field.column) for field in fields]
    key = columns.pop()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            listed = ", ".join([*columns, key])
            cursor.execute(
                f"CREATE TEMPORARY TABLE changed_rows AS SELECT {listed} FROM {table} WITH NO DATA"  # noqa: S608
            )
            _copy("changed_rows", [*columns, key], _prepared(fields, rows))
            news = ", ".join(f"{column} = changed_rows.{column}" for column in columns)
            cursor.execute(
                f"UPDATE {table} SET {news} FROM changed_rows WHERE {table}.{key} = changed_rows.{key}"  # noqa: S608
            )
            cursor.execute("DROP TABLE changed_rows")
            return
        news = ", ".join(f"{column} = %s" for column in columns)
        cursor.executemany(
            f"UPDATE {table} SET {news} WHERE {key} = %s",  # noqa: S608
            list(_prepared(fields, rows)),
        )


def renew_statistics(written: int, *tables: type[models.Model]) -> None:
    """Let the database count these tables again, if many rows were ``written`` to them.

    SQLite never does so by itself, and PostgreSQL some time later. A plan for ten rows that meets five
    thousand compares each with each: a query of milliseconds has taken a minute.
    """
    if written < MANY_ROWS:
        return
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ANALYZE {_quote(table._meta.db_table)}")


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)


def _copy(table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Send the rows by PostgreSQL's COPY."""
    command = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(command) as copy:
        for row in rows:
            copy.write_row(row)


def _prepared(fields: Sequence[Any], rows: Iterable[Row]) -> Iterator[Row]:
    """The rows as the database takes them."""
    ways = [_way(field) for field in fields]
    return (
        [value if way is None else way(value) for way, value in zip(ways, row, strict=True)] for row in rows
    )


def _way(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    """How a field's values are prepared; None where they can stay as they are."""

    def prepare(value: Any) -> Any:
        return field.get_db_prep_save(value, connection)

    if type(field) is models.JSONField:  # not a field of our own that does more with its value
        # As text, which both databases take for JSON: wrapped as Django does, it took half as long again.
        encode = (field.encoder or json.JSONEncoder)().encode
        return lambda value: None if value is None else encode(value)
    if isinstance(field, models.CharField | models.TextField):
        return lambda value: value if value is None or type(value) is str else str(value)
    if isinstance(field, models.DateTimeField | models.UUIDField):
        return lru_cache(maxsize=1000)(prepare)  # one moment and one batch for thousands of rows
    return None
