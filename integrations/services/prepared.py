"""Queries whose SQL is written once for each shape and then only filled in.

Django writes the SQL of the mapping table anew for every look at it, which took longer than the database
took to answer. Here a query is built with placeholders for the ids in it, its SQL is kept, and every later
run puts in the ids of the moment.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connections

MOST_SHAPES = 512
_PLACEHOLDERS = range(-1_999_999_999, -1_999_999_989)  # no row has such an id


class LostPlaceholder(Exception):
    """A query does not use one of its ids, or not as a parameter: it cannot be filled in."""


@dataclass(frozen=True)
class _Prepared:
    """A query, and its SQL with the placeholders among the parameters."""

    queryset: Any
    compiler: Any
    sql: str
    params: tuple[Any, ...]


def rows(
    build: Callable[..., Any],
    ids: Sequence[int],
    shape: Sequence[Hashable] = (),
    *,
    part: tuple[int, int] | None = None,
) -> list[Any]:
    """The rows of the queryset ``build(*ids, *shape)``: models or values, as it yields them.

    ``ids`` are whole numbers that the query compares with and that change from call to call; ``build`` must
    not look at them. ``shape`` is all else that the query depends on; each shape is prepared once a process.
    ``part`` takes (offset, number) of the rows. Raises LostPlaceholder.
    """
    prepared = _prepare(build, len(ids), tuple(shape))
    values = dict(zip(_PLACEHOLDERS, ids, strict=False))
    params = [values.get(param, param) if type(param) is int else param for param in prepared.params]
    sql = prepared.sql
    if part is not None:
        sql, params = f"{sql} LIMIT %s OFFSET %s", [*params, part[1], part[0]]
    compiler = copy.copy(prepared.compiler)
    compiler.connection = connections[prepared.queryset.db]  # each thread has its own
    compiler.as_sql = lambda *args, **kwargs: (sql, tuple(params))
    queryset = prepared.queryset.all()
    queryset.query.get_compiler = lambda *args, **kwargs: compiler
    return list(queryset)


@lru_cache(maxsize=MOST_SHAPES)
def _prepare(build: Callable[..., Any], number: int, shape: tuple[Hashable, ...]) -> _Prepared:
    """Build the query with placeholders and write its SQL."""
    placeholders = _PLACEHOLDERS[:number]
    queryset = build(*placeholders, *shape)
    compiler = queryset.query.get_compiler(queryset.db)
    sql, params = compiler.as_sql()
    lost = [place for place in placeholders if not any(type(p) is int and p == place for p in params)]
    if lost:
        raise LostPlaceholder(f"{build.__qualname__}{shape}: {len(lost)} of {number} ids are not in the SQL")
    return _Prepared(queryset, compiler, sql, tuple(params))
