"""Backup and restore of a PostgreSQL database, by its own programs and in databases beside it.

https://www.postgresql.org/docs/current/app-pgdump.html: a snapshot that a transaction exports is what
pg_dump sees.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

MAINTENANCE = "postgres"
IN_COMMON = ("--no-owner", "--no-privileges")
FROM_PARAMETERS = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
}  # fmt: skip
SUM = sql.SQL(
    "SELECT count(*), coalesce(sum(('x' || substr(md5(row::text), 1, 8))::bit(32)::bigint), 0)::bigint "
    "FROM {} AS row"
)


class PostgresDatabase:
    """The database that the portal works on, and scratch ones on the same server."""

    def __init__(self, connection: Any) -> None:
        found = {**connection.settings_dict.get("OPTIONS", {}), **connection.get_connection_params()}
        self.connection = connection
        self.name = str(found["dbname"])
        self.parameters = {name: str(found[name]) for name in FROM_PARAMETERS if found.get(name)}

    # --- what the protocol asks for ---

    @property
    def folder(self) -> Path:
        """The portal's own; the place of temporary files may be small, and serves where that is not ours."""
        return settings.DATA_DIR if os.access(settings.DATA_DIR, os.W_OK) else Path(tempfile.gettempdir())

    def is_there(self) -> bool:
        """Its name is in the settings; whoever asks meets a server that refuses one that is missing."""
        return True

    def dump(self, path: Path) -> dict[str, list[int]]:
        """Write it in pg_dump's own form, compressed."""
        with self._connected(self.name) as link, link.transaction():
            link.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            snapshot = link.execute("SELECT pg_export_snapshot()").fetchone()
            tables = sums(link)
            moment = f"--snapshot={snapshot[0] if snapshot else ''}"
            self._run("pg_dump", *IN_COMMON, "--format=custom", moment, f"--file={path}", self.name)
        return tables

    def try_out(self, path: Path) -> dict[str, list[int]]:
        """Restore into a database that is dropped again."""
        name = self._restored(path)
        try:
            with self._connected(name) as link:
                return sums(link)
        finally:
            self._drop(name)

    def replace(self, path: Path, expected: dict[str, list[int]], last: Callable[[Any], None]) -> str:
        """Restore beside it, compare, and let the two change names; the old one stays under another."""
        name = self._restored(path)
        kept = f"{self.name}_before_{time.strftime('%Y%m%d_%H%M%S', time.gmtime())}"
        try:
            self._compare(name, expected)
            with self._connected(name) as link:
                last(link)
            had_tables = bool(self.connection.introspection.table_names())
            self.connection.close()
            with self._connected(MAINTENANCE) as link, link.transaction():
                for before, after in ((self.name, kept), (name, self.name)):
                    names = (sql.Identifier(before), sql.Identifier(after))
                    link.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
        except BaseException:  # also Ctrl-C
            self._drop(name)
            raise
        return f"the database {kept}" if had_tables else f"the database {kept}, in which there is nothing"

    def users(self) -> int:
        """Connections of others to it."""
        self.connection.close()
        with self._connected(MAINTENANCE) as link:
            found = link.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [self.name]
            ).fetchone()
        return int(found[0]) if found else 0

    # --- how ---

    def _compare(self, name: str, expected: dict[str, list[int]]) -> None:
        with self._connected(name) as link:
            if sums(link) != expected:
                raise RuntimeError("the backup does not hold what it says")

    def _restored(self, path: Path) -> str:
        """A new database with what is in the file; its name."""
        name = f"{self.name}_scratch_{secrets.token_hex(4)}"
        try:
            with self._connected(MAINTENANCE) as link:
                link.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            user = self.parameters.get("user", "")
            raise RuntimeError(
                f"it is checked in a database beside, which {user} may not make. As the server's "
                f'administrator, once: ALTER ROLE "{user}" CREATEDB;'
            ) from None
        try:
            self._run("pg_restore", *IN_COMMON, f"--dbname={name}", str(path))
        except BaseException:  # also Ctrl-C
            self._drop(name)
            raise
        return name

    def _drop(self, name: str) -> None:
        with self._connected(MAINTENANCE) as link:
            link.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def _connected(self, name: str) -> Iterator[psycopg.Connection[Any]]:
        try:
            given = make_conninfo(dbname=name, connect_timeout=10, **self.parameters)
            with psycopg.connect(given, autocommit=True) as link:
                link.execute("SET TIME ZONE 'UTC'")
                yield link
        except psycopg.OperationalError as error:
            raise RuntimeError(str(error).strip()) from error

    def _run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs; the password is in its environment, never on its command line."""
        secret = {FROM_PARAMETERS[name]: value for name, value in self.parameters.items()}
        try:
            done = subprocess.run(  # noqa: S603  # PostgreSQL's own programs
                [_program(program), *arguments], env={**os.environ, "LC_ALL": "C", **secret},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            raise RuntimeError(f"{program} is missing: install postgresql-client") from None
        if done.returncode != 0 and not concerns_settings_alone(done.stderr):
            told = " ".join(done.stderr.split())[-500:] or f"{program} ended with code {done.returncode}"
            mend = " Install the programs of the server's version." if "version mismatch" in told else ""
            raise RuntimeError(f"{told}.{mend}")


def concerns_settings_alone(said: str) -> bool:
    """Whether pg_restore was refused nothing but settings of its session, which hold no data.

    A newer one sets what an older server does not know, like transaction_timeout of version 17.
    """
    errors = re.findall(r"^pg_restore: error: ", said, re.MULTILINE)
    settings_alone = re.findall(r"^Command was: SET \w+ = [^;]*;\s*$", said, re.MULTILINE)
    return 0 < len(errors) == len(settings_alone)


def _program(name: str) -> str:
    """The newest of the installed ones: an older pg_dump refuses a newer server."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    found = sorted(versions, key=lambda path: int(path.parent.parent.name))
    return str(found[-1]) if found else shutil.which(name) or name


def sums(link: psycopg.Connection[Any]) -> dict[str, list[int]]:
    """Rows of each table, and what their check sums add up to."""
    names = link.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    found = {}
    for (name,) in names:
        row = link.execute(SUM.format(sql.Identifier(name))).fetchone()
        found[str(name)] = [int(row[0]), int(row[1])] if row else [0, 0]
    return found
