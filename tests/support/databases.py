"""Real databases for tests that need more than one process: a SQLite file, and a PostgreSQL server.

The server is the one that ``TEST_POSTGRES_URL`` names, or a private one that is started from the installed
binaries. Where there is neither, the tests are skipped with the reason; with ``CI=true`` they fail.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = "tests.concurrency.settings"
PATIENCE = 90  # seconds


@dataclass(frozen=True)
class Database:
    """A database of its own, with the portal's tables, and the processes that work on it."""

    url: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that works on it."""
        return {
            **os.environ,
            "DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a step of ``tests.concurrency.steps`` in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.concurrency.steps", *command],
            cwd=ROOT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def end_processes(self) -> None:
        """Kill what a failed test has left running."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, seen from outside."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)) as link:
                return list(link.execute(sql))
        with psycopg.connect(self.url, autocommit=True) as link:
            return list(link.execute(sql))

    def is_free(self) -> bool:
        """Whether no transaction of another process is open: it would hold up whoever writes."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=0.05)) as link:
                try:
                    link.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return False
                return True
        return not self.query(
            "SELECT 1 FROM pg_stat_activity "
            "WHERE datname = current_database() AND state LIKE '%in transaction%'"
        )


def results(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What the steps of a process told when they came to their end."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err[-3000:]
    told: list[dict[str, Any]] = json.loads(out.splitlines()[-1])
    return told


@contextmanager
def alone(path: Path) -> Iterator[TextIO]:
    """Open a file that one process at a time has open like this."""
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed
        yield file


@contextmanager
def in_common(path: Path, make: Callable[[], object], drop: Callable[[], object]) -> Iterator[None]:
    """What all processes of a run of the tests share: the first that needs it makes it, the last drops it.

    ``path`` is a file that they have in common; it counts those who use it, and whoever counts is alone.
    """
    with _counted(path) as users:
        if users[0] == 0:
            make()
        users[0] += 1
    try:
        yield
    finally:
        with _counted(path) as users:
            users[0] -= 1
            if users[0] == 0:
                drop()


@contextmanager
def _counted(path: Path) -> Iterator[list[int]]:
    with alone(path) as file:
        file.seek(0)
        number = [int(file.read() or 0)]
        yield number
        file.truncate(0)
        file.write(str(number[0]))


def make_tables(url: str) -> None:
    """Migrate an empty database."""
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "prepare", "--verbosity", "0"],
        cwd=ROOT, env=Database(url).environment, check=True, timeout=120,
    )  # fmt: skip


# --- PostgreSQL ---------------------------------------------------------------------------------------


def binaries_or_none() -> Path | None:
    """Where initdb and postgres are: on the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return versions[-1] if versions else None


def find_binaries() -> Path:
    """The same; a test without them is skipped, or fails with ``CI=true``."""
    found = binaries_or_none()
    if found is None:
        _go_without("no PostgreSQL server is installed")
        raise AssertionError
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server's maintenance database; skips or fails when there is none."""
    given = os.environ.get("TEST_POSTGRES_URL", "")
    if given:
        yield given
        return
    binaries = binaries_or_none()
    if binaries is None:
        _go_without("no PostgreSQL: TEST_POSTGRES_URL is not set and no server is installed")
    else:
        with _private_server(binaries) as url:
            yield url


def _go_without(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _private_server(binaries: Path) -> Iterator[str]:
    # PostgreSQL refuses to run as root; its package brings a user for it.
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="portal-postgres-") as name:
        folder = Path(name)
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        options: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if user:
            options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data, port = folder / "data", _free_port()
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, timeout=120, **options,
        )  # fmt: skip
        server = subprocess.Popen(
            [
                binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder,
                "-c", "fsync=off", "-c", "max_connections=200", "-c", "deadlock_timeout=200ms",
            ],
            **options,
        )  # fmt: skip
        url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        try:
            _wait_for(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "PostgreSQL ended at its start"
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("PostgreSQL did not answer within 30 seconds")


def database_of(server: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def make_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database on the server and give its address."""
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return database_of(server, name)


def drop_database(server: str, name: str) -> None:
    """Drop it, whoever is still connected."""
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
