"""Queries whose SQL is written once for each shape and then only filled in.

Django writes the SQL of the mapping table anew for every look at it, which took longer than the database
took to answer. Here a query is built with placeholders for the ids in it and for a text that is searched, its
SQL is kept, and every later run puts in the ids and the text of the moment. PostgreSQL keeps its plans too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from django.db import connections

MOST_SHAPES = 512
_PLACEHOLDERS = range(-1_999_999_999, -1_999_999_749)  # no row has such an id
TEXT = "\ue000text\ue001"  # stands in a shape for the text that is searched; nobody types these signs


class LostPlaceholder(Exception):
    """A query does not use one of its ids or its text, or not as a parameter: it cannot be filled in."""


class _Prepared(NamedTuple):
    """A query, and its SQL with the placeholders among the parameters."""

    queryset: Any
    compiler: Any
    sql: str
    params: tuple[Any, ...]


def cached_rows(
    build: Callable[..., Any],
    ids: Sequence[int],
    shape: Sequence[Hashable] = (),
    *,
    text: str = "",
    part: tuple[int, int] | None = None,
) -> list[Any]:
    """The rows of the queryset ``build(*ids, *shape)``: models or values, as it yields them.

    ``ids`` are whole numbers that the query compares with and that change from call to call; ``build`` must
    not look at them. ``shape`` is all else that the query depends on; each shape is prepared once a process.
    It has TEXT where the query looks for ``text`` (equal, or as a part: `exact`, `icontains`, `istartswith`).
    ``part`` takes (offset, number) of the rows. Raises LostPlaceholder, and ValueError for more than 250 ids.
    """
    if len(ids) > len(_PLACEHOLDERS):
        raise ValueError(f"{len(ids)} ids are more than the {len(_PLACEHOLDERS)} that a query can have")
    prepared = _prepare(build, len(ids), tuple(shape), bool(text))
    values = dict(zip(_PLACEHOLDERS, ids, strict=False))
    params = [values.get(param, param) if type(param) is int else param for param in prepared.params]
    if text:
        # Within a pattern its signs stand for themselves.
        part_of = connections[prepared.queryset.db].ops.prep_for_like_query(text)
        params = [
            text if param == TEXT else param.replace(TEXT, part_of) if type(param) is str else param
            for param in params
        ]
    sql = prepared.sql
    if part is not None:
        # Written out: a plan for any number would be one for a tenth of all rows.
        sql = f"{sql} LIMIT {part[1]:d} OFFSET {part[0]:d}"
    compiler = copy.copy(prepared.compiler)
    compiler.connection = _connection(prepared.queryset.db)  # each thread has its own
    compiler.as_sql = lambda *args, **kwargs: (sql, tuple(params))
    queryset = prepared.queryset.all()
    queryset.query.get_compiler = lambda *args, **kwargs: compiler
    return list(queryset)


class _Planned:
    """A connection to PostgreSQL that sends the ids beside the SQL: what it has planned once, it runs again.

    Its plan for the mapping table takes longer than the rows of a page. Django's own cursors write each value
    into the SQL, because PostgreSQL takes no more than 65,535 beside it.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Any:
        """Django's cursor around one of psycopg's that does so."""
        from django.db.backends.postgresql.base import ServerBindingCursor

        wrapped, binding = self._connection.cursor(), cast("Any", ServerBindingCursor)
        wrapped.cursor = binding(wrapped.cursor.connection)
        return wrapped


def _connection(database: str) -> Any:
    connection = connections[database]
    return _Planned(connection) if connection.vendor == "postgresql" else connection


@lru_cache(maxsize=MOST_SHAPES)
def _prepare(
    build: Callable[..., Any], number: int, shape: tuple[Hashable, ...], has_text: bool
) -> _Prepared:
    """Build the query with placeholders and write its SQL."""
    placeholders = _PLACEHOLDERS[:number]
    queryset = build(*placeholders, *shape)
    compiler = queryset.query.get_compiler(queryset.db)
    sql, params = compiler.as_sql()
    lost: list[object] = [p for p in placeholders if not any(type(q) is int and q == p for q in params)]
    if has_text != any(type(param) is str and TEXT in param for param in params):
        lost.append(TEXT)
    if lost:
        raise LostPlaceholder(
            f"{build.__qualname__}{shape}: {len(lost)} of {number} ids and a text are not in the SQL"
        )
    return _Prepared(queryset, compiler, sql, tuple(params))
