"""Backups that are checked when they are made, and restored without losing what was there before.

The file says how many rows each table has, what they sum to, and the SHA-256 of the database in it. Made and
summed in one snapshot, then restored into a scratch place and compared. The keys are in the environment and
never in a backup; whether they open what is sealed in it, a restore tries before anything changes.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from integrations.database.in_use import is_in_use
from integrations.database.versions import APPLIED, newer_migrations
from integrations.models import Worker
from integrations.services.operations.backup_file import (
    CONTENT,
    BackupFailed,
    Manifest,
    opened,
    sha256_of,
    to_disk,
    write,
)
from integrations.services.operations.backup_postgres import PostgresDatabase
from integrations.services.operations.backup_sqlite import SqliteDatabase
from integrations.services.operations.sealed import Opened, try_keys

# What a disk, a database or one of its programs may refuse.
FAULTS = (OSError, RuntimeError, DatabaseError, sqlite3.Error, psycopg.Error)


class Database(Protocol):
    """What both kinds of databases can do."""

    @property
    def folder(self) -> Path:
        """Where there is room for as much as a database."""

    def is_there(self) -> bool:
        """Whether there is one to look into."""

    def dump(self, path: Path) -> dict[str, list[int]]:
        """Write all of it into a file; rows and sums by table, of the same moment."""

    def try_out(self, path: Path) -> dict[str, list[int]]:
        """Restore the file into a scratch place, sum it there, and clear it away."""

    def replace(self, path: Path, expected: dict[str, list[int]], last: Callable[[Any], None]) -> str:
        """Put the file in the place of what is there, if it is as expected; where that is, if it was.

        ``last`` is called with a connection to what will stand there; when it raises, nothing changes.
        """

    def users(self) -> int:
        """How many other processes are at it, as far as it tells."""


@dataclass(frozen=True)
class Restored:
    """What was restored, where the database of before is now, and what of it the keys do not open."""

    manifest: Manifest
    kept: str
    secrets: list[Opened]

    @property
    def closed(self) -> list[Opened]:
        """Kinds of sealed values that are not all opened."""
        return [each for each in self.secrets if each.closed]


def _database() -> Database:
    return PostgresDatabase(connection) if connection.vendor == "postgresql" else SqliteDatabase(connection)


def make_backup(path: Path) -> Manifest:
    """Write a backup of the whole database to ``path``, readable for its owner alone, and check it.

    Raises BackupFailed; then there is no file of that name that was not there before.
    """
    if path.exists():
        raise BackupFailed(f"{path} is there already; a backup replaces none. Choose another name.")
    if not path.parent.is_dir():
        raise BackupFailed(
            f"There is no folder {path.parent}. Make it first, or mount the disk that belongs there."
        )
    with _beside(path) as name:
        content, begun = Path(name, CONTENT), Path(name, "begun.tar")
        database = _database()
        try:
            tables = database.dump(content)
            sums = {CONTENT: sha256_of(content)}
            manifest = Manifest(timezone.now().isoformat(), connection.vendor, tables, sums, _migrations())
            _compare(manifest, database.try_out(content))
            write(begun, manifest, content)
            begun.rename(path)
            to_disk(path.parent)
        except FAULTS as error:
            raise BackupFailed(f"No backup was made: {error}") from error
    return manifest


def _migrations() -> list[str]:
    """What the database has had, for whoever looks into the file; a restore reads them in the database."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


@contextmanager
def _beside(path: Path) -> Iterator[str]:
    """A folder on the same file system, for what is not yet whole."""
    try:
        folder = tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-")
    except OSError as error:
        raise BackupFailed(f"No backup was made: {error}") from error
    with folder as name:
        yield name


def restore_backup(path: Path, *, replace: bool, other_keys: bool = False, newer: bool = False) -> Restored:
    """Put a backup in the place of the database.

    Without ``replace`` only an empty database is replaced; without ``other_keys`` none of whose sealed values
    the keys of this machine open a single one; without ``newer`` none of a newer version than this code.
    Raises BackupFailed; then nothing was changed.
    """
    database = _database()
    if not database.folder.is_dir():
        raise BackupFailed(f"There is no folder {database.folder} for the database. Look at DATABASE_URL.")
    try:
        _refuse_what_is_at_work(database, replace=replace)
        with opened(path, connection.vendor, database.folder) as (manifest, content):
            secrets: list[Opened] = []

            def last(link: Any) -> None:
                if not newer:
                    _refuse_newer(link, manifest)
                secrets.extend(try_keys(lambda sql: link.execute(sql).fetchall(), manifest.tables))
                if not other_keys:
                    _refuse_closed(secrets)
                # Heartbeats of then would tell of workers that run now.
                if Worker._meta.db_table in manifest.tables:
                    link.execute(f"DELETE FROM {Worker._meta.db_table}")  # noqa: S608  # ours
                _refuse_what_is_at_work(database, replace=True)

            kept = database.replace(content, manifest.tables, last)
            return Restored(manifest, kept, secrets)
    except FAULTS as error:
        raise BackupFailed(f"Nothing was restored: {error}") from error


def _refuse_what_is_at_work(database: Database, *, replace: bool) -> None:
    if not replace and database.is_there() and _has_people():
        raise BackupFailed("The database is not empty. --replace puts it aside, the backup in its place.")
    if who := _who_runs(database):
        raise BackupFailed(f"The portal runs. Stop web servers and workers first, everywhere. {who}")


def _who_runs(database: Database) -> str:
    """By what it is known that somebody works on the database, so that a person can judge; "" for nobody."""
    if is_in_use():
        return "A web server or a worker runs on this machine."
    if database.is_there() and Worker._meta.db_table in connection.introspection.table_names():
        now = timezone.now()
        for worker in Worker.objects.alive().order_by("-seen_at"):
            ago = max(0, round((now - worker.seen_at).total_seconds()))
            return (
                f"The worker {worker.name} was heard of {ago} seconds ago; one that was killed counts for a "
                f"minute."
            )
    if users := database.users():
        return f"Other programs are at the database ({users})."
    return ""


def _refuse_newer(link: Any, manifest: Manifest) -> None:
    if MigrationRecorder.Migration._meta.db_table not in manifest.tables:
        return
    if found := newer_migrations((app, name) for app, name in link.execute(APPLIED).fetchall()):
        raise BackupFailed(
            f"Nothing was restored: the backup is of a newer version of the portal than this code, which "
            f"does not know its tables ({', '.join(found)}). Restore it with that version. --newer restores "
            "it all the same, for an upgrade that follows."
        )


def _refuse_closed(secrets: list[Opened]) -> None:
    if secrets and all(each.closed == each.all for each in secrets):
        raise BackupFailed(
            f"Nothing was restored: the keys of this machine open none of the secrets in it "
            f"({told_of(secrets)}). Set PORTAL_ENCRYPTION_KEYS to those of the portal that was backed up. If "
            "they are lost: --other-keys restores it all the same, and each of these has to be entered anew."
        )


def told_of(secrets: list[Opened]) -> str:
    """What does not open, by kind."""
    return ", ".join(f"{each.name} {each.closed} of {each.all}" for each in secrets if each.closed)


def _compare(manifest: Manifest, found: dict[str, list[int]]) -> None:
    if not manifest.rows:
        raise BackupFailed(
            "The database is empty, and so would the backup be. Look at DATABASE_URL and PORTAL_DATA_DIR."
        )
    if not manifest.tables.get("auth_user", [0])[0]:
        raise BackupFailed(
            "There is nobody in this database yet. Either the portal's first superuser was not made "
            "(manage.py createsuperuser), or it is another database than your portal's: look at "
            "DATABASE_URL and PORTAL_DATA_DIR, and at the user that runs this."
        )
    if differences := manifest.differences(found):
        raise BackupFailed(f"The backup does not hold what the database does: {', '.join(differences)}.")


def _has_people() -> bool:
    return "auth_user" in connection.introspection.table_names() and _any("auth_user")


def _any(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608  # a name of ours
        return cursor.fetchone() is not None
