"""Whether a database is of a newer version of the portal than this code, by the migrations it has had."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

APPLIED = "SELECT app, name FROM django_migrations"


def newer_migrations(applied: Iterable[tuple[str, str]]) -> list[str]:
    """Those which come after all that this code knows of their app, as "app.name", in order.

    An app that is not installed here tells nothing (a queue that was used before), nor does an earlier
    migration that its library no longer has.
    """
    loader = MigrationLoader(None)
    known = set(loader.disk_migrations)
    last: dict[str, str] = {}
    for app, name in known:
        last[app] = max(last.get(app, ""), name)
    unknown = (each for each in applied if each not in known and each[0] in last)
    return sorted(f"{app}.{name}" for app, name in unknown if _number(name) >= _number(last[app]))


def newer_than_this_code() -> list[str]:
    """The same of what the portal's database has had. Raises DatabaseError."""
    return newer_migrations(MigrationRecorder(connection).applied_migrations())


def _number(name: str) -> str:
    return name.partition("_")[0]
