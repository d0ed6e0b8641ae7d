"""Backups that are checked when they are made, and restored without losing what was there before.

A backup is one file, a tar of two: the database as its own tool writes it, and ``manifest.json``, which
says how many rows each table has and what they sum to. Made and summed in one snapshot, then restored into
a scratch place and compared. The keys are in the environment and never in a backup.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.db import DatabaseError, connection
from django.utils import timezone

from integrations.database.in_use import is_in_use
from integrations.models import Worker
from integrations.services.operations.backup_postgres import PostgresDatabase
from integrations.services.operations.backup_sqlite import SqliteDatabase

MANIFEST, CONTENT = "manifest.json", "database"
# What a disk, a database or one of its programs may refuse.
FAULTS = (OSError, RuntimeError, DatabaseError, sqlite3.Error, psycopg.Error)


class BackupFailed(Exception):
    """It was not made, not right, or not restored; the text says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: rows and sums by table."""

    made_at: str
    vendor: str
    tables: dict[str, list[int]]

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(count for count, _ in self.tables.values())

    def differences(self, other: dict[str, list[int]]) -> list[str]:
        """The tables in which something else is."""
        return sorted(name for name in {*self.tables, *other} if self.tables.get(name) != other.get(name))


class Database(Protocol):
    """What both kinds of databases can do."""

    def dump(self, path: Path) -> dict[str, list[int]]:
        """Write all of it into a file; rows and sums by table, of the same moment."""

    def try_out(self, path: Path) -> dict[str, list[int]]:
        """Restore the file into a scratch place, sum it there, and clear it away."""

    def replace(self, path: Path, expected: dict[str, list[int]]) -> str:
        """Put the file in the place of what is there, if it is as expected; where that is now."""

    def users(self) -> int:
        """How many other processes are at it, as far as it tells."""


def _database() -> Database:
    return PostgresDatabase(connection) if connection.vendor == "postgresql" else SqliteDatabase(connection)


def make_backup(path: Path) -> Manifest:
    """Write a backup of the whole database to ``path``, readable for its owner alone, and check it.

    Raises BackupFailed; then there is no file of that name that was not there before.
    """
    if path.exists():
        raise BackupFailed(f"{path} is there already; a backup replaces none. Choose another name.")
    with _beside(path) as name:
        content, begun = Path(name, CONTENT), Path(name, "begun.tar")
        database = _database()
        try:
            tables = database.dump(content)
            manifest = Manifest(timezone.now().isoformat(), connection.vendor, tables)
            _compare(manifest, database.try_out(content))
            described = Path(name, MANIFEST)
            described.write_text(json.dumps(asdict(manifest)), encoding="utf-8")
            with tarfile.open(begun, "w") as archive:
                archive.add(described, MANIFEST)
                archive.add(content, CONTENT)
            begun.chmod(0o600)
            _to_disk(begun)
            begun.rename(path)
            _to_disk(path.parent)
        except FAULTS as error:
            raise BackupFailed(f"No backup was made: {error}") from error
    return manifest


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would outlive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _beside(path: Path) -> Iterator[str]:
    """A folder on the same file system, for what is not yet whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-")
    except OSError as error:
        raise BackupFailed(f"No backup was made: {error}") from error
    with folder as name:
        yield name


def restore_backup(path: Path, *, replace: bool) -> tuple[Manifest, str]:
    """Put a backup in the place of the database; what it holds, and where the one of before is now.

    Without ``replace`` only an empty database is replaced. Raises BackupFailed; then nothing was changed.
    """
    with _opened(path) as (manifest, content):
        try:
            database = _database()
            if not replace and _has_people():
                raise BackupFailed(
                    "The database is not empty. --replace puts it aside, the backup in its place."
                )
            if is_in_use() or _worker_is_there() or database.users():
                raise BackupFailed("The portal runs. Stop web servers and workers first, everywhere.")
            return manifest, database.replace(content, manifest.tables)
        except FAULTS as error:
            raise BackupFailed(f"Nothing was restored: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Manifest, Path]]:
    with tempfile.TemporaryDirectory(prefix="portal-restore-") as name:
        try:
            with tarfile.open(path) as archive:
                archive.extractall(
                    name, [archive.getmember(MANIFEST), archive.getmember(CONTENT)], filter="data"
                )
            described: dict[str, Any] = json.loads(Path(name, MANIFEST).read_text(encoding="utf-8"))
            manifest = Manifest(**described)
        except FileNotFoundError:
            raise BackupFailed(f"There is no file {path}.") from None
        except (tarfile.TarError, KeyError, ValueError, TypeError, EOFError, OSError) as error:
            raise BackupFailed(f"{path} is no whole backup ({error}). Take another one.") from error
        if manifest.vendor != connection.vendor:
            raise BackupFailed(
                f"{path} is of {manifest.vendor}; this portal's database is {connection.vendor}."
            )
        yield manifest, Path(name, CONTENT)


def _compare(manifest: Manifest, found: dict[str, list[int]]) -> None:
    if not manifest.rows:
        raise BackupFailed("The database is empty, and so would the backup be. Look at DATABASE_URL.")
    if not manifest.tables.get("auth_user", [0])[0]:
        raise BackupFailed(
            "There is nobody in this database, so it is not your portal's. Look at DATABASE_URL."
        )
    if differences := manifest.differences(found):
        raise BackupFailed(f"The backup does not hold what the database does: {', '.join(differences)}.")


def _has_people() -> bool:
    return "auth_user" in connection.introspection.table_names() and _any("auth_user")


def _worker_is_there() -> bool:
    return Worker._meta.db_table in connection.introspection.table_names() and Worker.objects.alive().exists()


def _any(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608  # a name of ours
        return cursor.fetchone() is not None
