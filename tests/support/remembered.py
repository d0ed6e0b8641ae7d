"""What a step wrote into the database, put there again for tests that only need it to be done.

Many tests need a connected configuration, few are about connecting. The first of this process has the portal
connect, over HTTP, and the rows that this wrote are kept as they were written. They serve any later test that
begins with the same rows; others have the step done for them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models, transaction
from django.utils import timezone

from integrations.models import Organization
from integrations.models.sessions import BrowserSession

Row = dict[str, Any]
Rows = dict[str, dict[Any, Row]]  # by table, then by primary key; both databases' own values

# What the clock said, to the microsecond, as SQLite keeps it and as isoformat() writes it. Autotask's moments
# have three decimals.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{6}(?:\+00:00)?")
UNSEEN = {Organization, BrowserSession}  # no step looks at them
RECENT = dt.timedelta(hours=1)  # what is older, the step did not take from the clock


@dataclass(frozen=True)
class _Step:
    """What there was before a step, and the rows that it added and changed."""

    host: str
    owner: int
    done_at: dt.datetime
    before: Mapping[str, frozenset[Any]]
    added: Rows
    changed: Rows


_steps: dict[str, list[_Step]] = {}


def done(name: str, owner: User, host: str, do: Callable[[], object]) -> None:
    """Have a step done: by ``do``, or by the rows that it wrote in an earlier test of this process.

    ``name`` stands for what the step does and for what its result depends on beside the database; ``owner``
    is who does it, with the simulator at ``host``. It must remove no rows, nor look at what is ``UNSEEN``.
    """
    before = _keys()
    for step in _steps.setdefault(name, []):
        if step.before == before:
            _write(step, owner, host)
            return
    old = _rows()
    do()
    done_at, new = timezone.now(), _rows()
    assert not [table for table in old if old[table].keys() - new[table].keys()], "a step that removes rows"
    added = {
        table: {key: row for key, row in rows.items() if key not in old[table]} for table, rows in new.items()
    }
    changed = {
        table: {key: row for key, row in rows.items() if old[table].get(key, row) != row}
        for table, rows in new.items()
    }
    _steps[name].append(_Step(host, owner.pk, done_at, before, added, changed))


def _tables() -> dict[str, type[models.Model]]:
    ours = apps.get_app_config("integrations").get_models(include_auto_created=True)
    return {model._meta.db_table: model for model in ours}


def _key(model: type[models.Model]) -> str:
    key = model._meta.pk
    assert key is not None
    return _column(key)


def _column(field: models.Field[Any, Any]) -> str:
    assert field.column is not None
    return field.column


def _keys() -> dict[str, frozenset[str]]:
    """The primary keys of all rows that a step may look at, by table, in one query."""
    query = " UNION ALL ".join(
        f'SELECT \'{table}\', CAST("{_key(model)}" AS text) FROM "{table}"'  # noqa: S608  # our own names
        for table, model in _tables().items()
        if model not in UNSEEN
    )
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(query)
        for table, key in cursor.fetchall():
            found.setdefault(table, set()).add(key)
    return {table: frozenset(keys) for table, keys in found.items()}


def _rows() -> Rows:
    found: Rows = {}
    with connection.cursor() as cursor:
        for table, model in _tables().items():
            names = [_column(field) for field in model._meta.concrete_fields if not field.generated]
            columns = ", ".join(f'"{name}"' for name in names)
            cursor.execute(f'SELECT {columns} FROM "{table}"')  # noqa: S608  # our own names
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            found[table] = {row[_key(model)]: row for row in rows}
    return found


def _write(step: _Step, owner: User, host: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for table, model in _tables().items():
            people = {_column(field) for field in model._meta.concrete_fields if field.related_model is User}
            if added := [_as_of_now(row, people, step, owner, host) for row in step.added[table].values()]:
                names = ", ".join(f'"{name}"' for name in added[0])
                marks = ", ".join(["%s"] * len(added[0]))
                insert = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608  # our own names
                cursor.executemany(insert, [list(row.values()) for row in added])
            for key, row in step.changed[table].items():
                now = _as_of_now(row, people, step, owner, host)
                names = ", ".join(f'"{name}" = %s' for name in now)
                update = f'UPDATE "{table}" SET {names} WHERE "{_key(model)}" = %s'  # noqa: S608  # our own names
                cursor.execute(update, [*now.values(), key])


def _as_of_now(row: Row, people: Collection[str], step: _Step, owner: User, host: str) -> Row:
    """The row as if the step had been done now, by this owner, with the simulator there.

    ``people`` are its columns that name a user.
    """
    passed = timezone.now() - step.done_at

    def later(moment: dt.datetime) -> dt.datetime:
        known = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return moment + passed if known > step.done_at - RECENT else moment

    def respelt(found: re.Match[str]) -> str:
        return later(dt.datetime.fromisoformat(found[0])).isoformat(found[0][10], "microseconds")

    def current(name: str, value: Any) -> Any:
        if name in people:
            return owner.pk if value == step.owner else value
        if isinstance(value, dt.datetime):
            return later(value)
        if isinstance(value, str):
            return MOMENT.sub(respelt, value.replace(step.host, host))
        return value

    return {name: current(name, value) for name, value in row.items()}
