"""Which constraint an IntegrityError is about: by name on both databases, never by the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models

# SQLite names checks and indexes on expressions. Of plain columns it tells the columns: "table.a, table.b".
_NAMED = re.compile(r"^(?:CHECK constraint failed: |UNIQUE constraint failed: index ')(\w+)'?$")
_COLUMNS = re.compile(r"^UNIQUE constraint failed: (\w+\.\w+(?:, \w+\.\w+)*)$")


def broken_constraint(error: IntegrityError) -> str:
    """The name of the constraint; "" where the database tells none, as SQLite of a missing reference."""
    told = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if told:
        return str(told)
    if named := _NAMED.match(str(error)):
        return named[1]
    columns = _COLUMNS.match(str(error))
    return _names_by_columns().get(frozenset(columns[1].split(", ")), "") if columns else ""


@contextmanager
def refine_integrity_error(meanings: Mapping[str, Exception | type[Exception]]) -> Iterator[None]:
    """Raise what a broken constraint means, by its name; any other IntegrityError stays what it is.

    Belongs around the transaction, which PostgreSQL has given up by then.
    """
    try:
        yield
    except IntegrityError as error:
        meaning = meanings.get(broken_constraint(error))
        if meaning is None:
            raise
        raise meaning from error


@cache
def _names_by_columns() -> dict[frozenset[str], str]:
    found = {}
    for model in apps.get_models():
        for each in model._meta.constraints:
            if not isinstance(each, models.UniqueConstraint):
                continue
            parts: list[Any] = [*each.fields, *each.expressions]
            if all(isinstance(part, str | models.F) for part in parts):
                fields: list[Any] = [model._meta.get_field(getattr(part, "name", part)) for part in parts]
                found[frozenset(f"{model._meta.db_table}.{field.column}" for field in fields)] = each.name
    return found
