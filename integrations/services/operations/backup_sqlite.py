"""Backup and restore of a SQLite file, by SQLite's own copying (https://www.sqlite.org/backup.html)."""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from integrations.services.operations.backup_file import to_disk

BESIDE = ("-wal", "-shm")


class SqliteDatabase:
    """The file that the portal works on."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.path = Path(connection.settings_dict["NAME"]).resolve()  # also where a link leads to it

    @property
    def folder(self) -> Path:
        """Beside the file: what was unpacked there takes its place without being copied."""
        return self.path.parent

    def is_there(self) -> bool:
        """Whether there is a file; whoever looks into one that is missing makes it."""
        return self.path.exists()

    def dump(self, path: Path) -> dict[str, list[int]]:
        """Copy it as it is at one moment, whoever writes meanwhile."""
        with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as link:
            link.execute("BEGIN")  # in WAL, what is read and copied below is of this moment
            tables = sums(link)
            with closing(sqlite3.connect(path)) as copy:
                link.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file
            link.execute("ROLLBACK")
        return tables

    def try_out(self, path: Path) -> dict[str, list[int]]:
        """Look through all of the copy."""
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as link:
            try:
                said = link.execute("PRAGMA integrity_check").fetchone()[0]
                found = sums(link)
            except sqlite3.DatabaseError as error:
                raise RuntimeError(f"the copy cannot be read: {error}") from error
        if said != "ok":
            raise RuntimeError(f"the copy is damaged: {said}")
        return found

    def replace(self, path: Path, expected: dict[str, list[int]], last: Callable[[Any], None]) -> str:
        """Put the old file aside and this one in its place, once it was looked through."""
        if self.try_out(path) != expected:
            raise RuntimeError("the backup does not hold what it says")
        with closing(sqlite3.connect(path)) as link:
            last(link)
            link.commit()
        if os.geteuid() == 0:  # as SQLite does with its own: the portal has to open it
            owner = self.path.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        to_disk(path)
        self.connection.close()
        kept = self._put_aside() if self._close_up() else ""
        path.replace(self.path)
        to_disk(self.path.parent)
        return kept

    def _put_aside(self) -> str:
        """Give the present file another name, by which no earlier one is called; which."""
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        kept = self.path.with_name(f"{self.path.name}.before-{moment}")
        if kept.exists():
            raise RuntimeError(f"{kept} is there already. Try again")
        try:
            os.link(self.path, kept)  # so that there is a database at every moment
        except OSError:  # a file system that knows no links
            self.path.rename(kept)
        return str(kept)

    def _close_up(self) -> bool:
        """Take into the file what stands beside it; whether there is anything in it."""
        if not self.path.exists():
            return False
        with closing(sqlite3.connect(self.path, timeout=5)) as link:
            is_busy = link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            has_tables = link.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]
        if is_busy:  # the newest rows still stand beside the file, and would not be put aside with it
            raise RuntimeError("another program reads the database. End it and try again")
        for each in BESIDE:
            self.path.with_name(f"{self.path.name}{each}").unlink(missing_ok=True)
        return bool(has_tables)

    def users(self) -> int:
        """A file does not tell who has it open; somebody who writes is noticed."""
        if not self.is_there():
            return 0
        with closing(sqlite3.connect(self.path, timeout=2, isolation_level=None)) as link:
            try:
                link.execute("BEGIN EXCLUSIVE")
                link.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return 1
        return 0


def sums(link: sqlite3.Connection) -> dict[str, list[int]]:
    """Rows of each table, and what their check sums add up to."""
    names = link.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name: _sum(link, name) for (name,) in names.fetchall()}


def _sum(link: sqlite3.Connection, table: str) -> list[int]:
    count = total = 0
    for row in link.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  # a name that the database itself told
        count += 1
        total += zlib.crc32(repr(row).encode())
    return [count, total]
