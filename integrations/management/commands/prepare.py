"""``manage.py prepare``: what has to be done once before the portal starts, and after each upgrade."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from integrations.database.in_use import holding
from integrations.database.limits import limit_thread
from integrations.database.patience import Refused, keep_trying
from integrations.database.versions import newer_than_this_code

TURN = 7_201_830  # the number under which PostgreSQL keeps whose turn it is
LOOK_EVERY = 0.5  # seconds


class Command(BaseCommand):
    """Migrations, the cache table and, in production, the static files. Safe to repeat, one at a time."""

    help = "Bring the database and the static files up to date. Example: manage.py prepare"

    def handle(self, *, verbosity: int = 1, **options: object) -> None:
        """Do it all; each step changes nothing when it is done already.

        A database that is away, or a table that others are at, is waited for. Raises CommandError when the
        database refuses these settings.
        """
        if not connection.in_atomic_block:
            connection.close()  # one of before has other limits
        try:
            with limit_thread("migration"), _alone_on_machine():
                keep_trying(lambda: self._prepare_database(verbosity), "The database cannot be prepared yet")
                if settings.IN_PRODUCTION:
                    call_command("collectstatic", interactive=False, verbosity=verbosity)
        except Refused as error:
            raise CommandError(f"The database refuses these settings: {error}") from error
        finally:
            if not connection.in_atomic_block:
                connection.close()

    def _prepare_database(self, verbosity: int) -> None:
        with _alone_on_database():
            call_command("migrate", interactive=False, verbosity=verbosity)
            call_command("createcachetable", verbosity=verbosity)
        if newer := newer_than_this_code():
            self.stderr.write(
                "The database is of a newer version of the portal than this code "
                f"({', '.join(newer)}). While an upgrade goes on that is right; otherwise upgrade this "
                "machine, or restore a backup of its version."
            )


@contextmanager
def _alone_on_machine() -> Iterator[None]:
    with holding(settings.DATA_DIR / "prepare.lock", alone=True):
        yield


@contextmanager
def _alone_on_database() -> Iterator[None]:
    """On PostgreSQL no other machine prepares meanwhile; the turn ends with the connection at the latest."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [TURN])
            if cursor.fetchone() == (True,):
                break
            time.sleep(LOOK_EVERY)
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [TURN])
