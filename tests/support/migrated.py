"""Databases with the portal's tables and no rows but those of the migrations, made once and then copied.

To migrate takes longer than most tests. What is kept, a SQLite file and what pg_dump told, serves this and
later runs of the tests, until anything changes that the tables come from; a database on a PostgreSQL server,
from which others are copied, serves the processes of one run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.signals import connection_created

from tests.support.databases import (
    ROOT,
    alone,
    binaries_or_none,
    drop_database,
    in_common,
    make_database,
    make_tables,
)

FOLDER = Path(tempfile.gettempdir(), f"portal-tests-migrated-{os.geteuid()}")
# What a new database comes from: settings, migrations, models (for the rights to them), roles.
SOURCES = (
    "portal/**/*.py",
    "integrations/*.py",
    *(f"integrations/{name}/**/*.py" for name in ("migrations", "models")),
)
KEPT_FOR = 7 * 24 * 3600  # seconds


def fingerprint() -> str:
    """Of all that the tables come from: ``SOURCES``, and the installed packages."""
    seen = hashlib.sha256(sys.version.encode())
    for name in sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info")):
        seen.update(name.encode())
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        seen.update(str(path.relative_to(ROOT)).encode())
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def kept_file(kind: str, make: Callable[[Path], object]) -> Path:
    """The file of this kind (its ending) that is kept for the tables of now; the first who asks makes it."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    path = FOLDER / f"{fingerprint()}.{kind}"
    with alone(FOLDER / f"lock.{kind}"):
        if not path.exists():
            _forget_old_files(kind)
            with tempfile.TemporaryDirectory(dir=FOLDER) as name:
                begun = Path(name, f"begun.{kind}")
                make(begun)
                begun.rename(path)  # whole, or not at all
        os.utime(path)
    return path


def _forget_old_files(kind: str) -> None:
    for path in FOLDER.glob(f"*.{kind}"):
        if path.stat().st_mtime < time.time() - KEPT_FOR:
            path.unlink()


def migrated_file() -> Path:
    """A SQLite file to copy; never to be opened for writing."""

    def make(begun: Path) -> None:
        make_tables(f"sqlite:///{begun}")
        with closing(sqlite3.connect(begun)) as link:
            link.execute("PRAGMA journal_mode=DELETE")  # one file, and one that memory can hold

    return kept_file("sqlite3", make)


def migrate_postgres(url: str) -> None:
    """Give an empty database on PostgreSQL the tables, as pg_dump has told them of one that was migrated."""
    binaries = binaries_or_none()
    if binaries is None:  # the server is on another machine
        make_tables(url)
        return

    def make(begun: Path) -> None:
        make_tables(url)
        dump = [str(binaries / "pg_dump"), "--no-owner", "--no-privileges", "--file", str(begun), url]
        subprocess.run(dump, check=True, capture_output=True, timeout=120)

    with psycopg.connect(url) as link:
        version = link.info.server_version
    path = kept_file(f"{version}.sql", make)
    with psycopg.connect(url) as link:
        if link.execute("SELECT to_regclass('django_migrations')").fetchone() != (None,):
            return  # it was this one that was migrated
    restore = [str(binaries / "psql"), "-v", "ON_ERROR_STOP=1", "--single-transaction", "--no-psqlrc", "-q"]
    subprocess.run([*restore, "-f", str(path), url], check=True, capture_output=True, timeout=120)


def copy_migrated_file(path: Path) -> None:
    """Begin a SQLite database at ``path``."""
    shutil.copyfile(migrated_file(), path)


def give_tables(url: str) -> None:
    """Begin a database at this address: a SQLite file that is not there, or an empty one on PostgreSQL."""
    if url.startswith("sqlite"):
        copy_migrated_file(Path(url.removeprefix("sqlite:///")))
    else:
        migrate_postgres(url)


@contextmanager
def migrated_memory() -> Iterator[None]:
    """The first SQLite database in memory that Django opens meanwhile has the tables already."""
    source = migrated_file()

    def fill(connection: Any, **_: object) -> None:
        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            connection_created.disconnect(fill)
            with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as link:
                link.backup(connection.connection)

    connection_created.connect(fill)
    try:
        yield
    finally:
        connection_created.disconnect(fill)


@contextmanager
def migrated_database(server: str, common_folder: Path) -> Iterator[str]:
    """The name of a database on the PostgreSQL server to copy, for the processes of this run of the tests."""
    name = f"portal_migrated_{hashlib.sha256(f'{common_folder} {server}'.encode()).hexdigest()[:8]}"
    users = common_folder / f"{name}.users"
    with in_common(
        users, lambda: migrate_postgres(make_database(server, name)), lambda: drop_database(server, name)
    ):
        yield name
