"""The whole portal as ``serve`` runs it, on a database that a test can stop, lock and make read-only."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from integrations.simulators.autotask.server import Simulator
from tests.support.databases import ROOT, Database, find_binaries
from tests.support.migrated import give_tables
from tests.support.warm import Warm

PATIENCE = 120.0  # seconds, on a machine that others keep busy
SETTINGS = {
    "PORTAL_ENVIRONMENT": "test",
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "SECRET_KEY": "faults-" + "k3y" * 20,
    "PORTAL_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "JOB_LEASE_SECONDS": "10",
    "LOG_LEVEL": "INFO",
}
SEED = """
from django.contrib.auth.models import User
from django.test import Client
from integrations.models import IntegrationInstance, Organization
from tests.support.rows import make_mapping
from tests.support.simulated import actor_of, connect, make_organization
user = User.objects.create_superuser("anna", "anna@example.com", "a long pass phrase")
for number in range(40):
    make_organization(f"Organization {number}")
instance = connect(user)
client = Client()
client.force_login(user)
print(client.cookies[__import__("django.conf").conf.settings.SESSION_COOKIE_NAME].value, instance.pk)
"""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> float:
    """Wait for something that other processes do; how many seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


# --- databases that can be taken away -----------------------------------------------------------------


@dataclass
class Sqlite:
    """A file."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / "portal.sqlite3"

    @property
    def url(self) -> str:
        """Its address."""
        return f"sqlite:///{self.path}"

    def close(self) -> None:
        """Nothing runs."""


@dataclass
class Postgres:
    """A server of its own, which a test can stop."""

    folder: Path
    port: int = field(default_factory=free_port)
    _server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.binaries = find_binaries()
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self._user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "-D", str(self.data), "-U", "portal", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        with psycopg.connect(self.maintenance, autocommit=True) as link:
            link.execute("CREATE DATABASE portal")

    @property
    def data(self) -> Path:
        """Its folder."""
        return self.folder / "data"

    @property
    def maintenance(self) -> str:
        """The address of the database that is always there."""
        return f"postgres://portal@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        """Its address."""
        return f"postgres://portal@127.0.0.1:{self.port}/portal"

    def _run(self, program: str, *arguments: str) -> None:
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(
            [self.binaries / program, *arguments], cwd=self.folder, check=True, timeout=120,
            **self._user, **quiet,
        )  # fmt: skip

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._server = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), "-h", "127.0.0.1",
             "-k", self.folder, "-c", "fsync=off", "-c", "max_connections=60"],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._user,
        )  # fmt: skip
        wait_until(self.answers, "PostgreSQL answers")

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.maintenance, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT as its service does it, SIGQUIT as a crash does."""
        assert self._server is not None
        self._server.send_signal(number)
        self._server.wait(60)

    def freeze(self) -> None:
        """Stop all its processes where they are: connections stay, and nothing answers."""
        for number in self._processes():
            os.kill(number, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for number in self._processes():
            os.kill(number, signal.SIGCONT)

    def _processes(self) -> list[int]:
        """The server and what it has started."""
        assert self._server is not None
        number = self._server.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        return [number, *map(int, children)]

    def close(self) -> None:
        """End it for good."""
        if self._server is not None and self._server.poll() is None:
            self.stop(signal.SIGQUIT)


@contextmanager
def database_of_its_own(kind: str, folder: Path) -> Iterator[Sqlite | Postgres]:
    """A database of this kind ("sqlite", "postgresql")."""
    if kind == "sqlite":
        folder.mkdir(parents=True, exist_ok=True)
        yield Sqlite(folder)
        return
    # A short path, which PostgreSQL's socket needs, and one that its own user can enter.
    with tempfile.TemporaryDirectory(prefix="portal-pg-") as name:
        made = Postgres(Path(name))
        try:
            yield made
        finally:
            made.close()


# --- the portal ---------------------------------------------------------------------------------------


@dataclass
class Portal:
    """``manage.py serve`` with one web process and one worker, its simulated Autotask, a person in it."""

    folder: Path
    database: Sqlite | Postgres
    simulator: Simulator
    settings: dict[str, str] = field(default_factory=dict)
    workers: int = 1
    port: int = field(default_factory=free_port)
    session: str = ""
    instance: int = 0  # the configuration's key
    _process: subprocess.Popen[bytes] | None = None
    _warm: Warm | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are started with."""
        usual = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "PYTEST"))
        }
        return {
            **usual,
            **SETTINGS,
            "PORTAL_DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database.url,
            "AUTOTASK_EXTRA_HOSTS": self.simulator.base_url.removeprefix("http://"),
            "AUTOTASK_DISCOVERY_URL": self.simulator.base_url,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [usual.get("PYTHONPATH")])]),
            **self.settings,
        }

    # --- its processes ---

    @property
    def warm(self) -> Warm:
        """Who runs commands and programs with its settings of now."""
        if self._warm is None or self._warm.environment != self.environment:
            if self._warm is not None:
                self._warm.end()
            self._warm = Warm(self.environment)
        return self._warm

    def manage(
        self, *arguments: str, check: bool = True, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the portal."""
        if not settings:
            done = self.warm.manage(*arguments)
            if check:
                done.check_returncode()
            return done
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment | settings,
            capture_output=True, text=True, check=check, timeout=300,
        )  # fmt: skip

    def run(self, program: str) -> str:
        """Run a program with the portal's settings, Django set up; what it printed last."""
        done = self.warm.run(program)
        assert done.returncode == 0, done.stderr[-3000:]
        return (done.stdout.splitlines() or [""])[-1]

    def start(self) -> None:
        """Start it without waiting."""
        with (self.folder / "portal.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{self.port}",
                 "--web-processes", "1", "--workers", str(self.workers)],
                cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                for number in self.processes(""):
                    with suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
                self._process.wait(10)

    @property
    def runs(self) -> bool:
        """Whether ``serve`` itself is there."""
        return self._process is not None and self._process.poll() is None

    def processes(self, word: str) -> list[int]:
        """Its running processes whose command line holds the word, the oldest first; not its ``warm`` one."""
        mark, found = f"PORTAL_DATA_DIR={self.folder}\0".encode(), []
        ours = {os.getpid(), self._warm.number if self._warm is not None else 0}
        for path in Path("/proc").iterdir():
            if path.name.isdecimal() and int(path.name) not in ours:
                try:
                    if mark in (path / "environ").read_bytes() + b"\0":
                        line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                        if word in line and line:
                            found.append(int(path.name))
                except OSError:
                    continue
        return sorted(found)

    def log(self) -> str:
        """What its processes have said."""
        return (self.folder / "portal.log").read_text(encoding="utf-8", errors="replace")

    # --- asking it ---

    def ask(
        self,
        path: str,
        form: dict[str, str] | None = None,
        seconds: float = 40,
        *,
        signed_in: bool = True,
    ) -> tuple[int, str]:
        """Status and text of a page, asked for by the person; status 0 where nobody answers."""
        cookies = f"sessionid={self.session if signed_in else ''}"
        data = None
        if form is not None:
            cookies += f"; csrftoken={'c' * 32}"
            data = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": "c" * 32}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        request.add_header("Cookie", cookies)
        try:
            with _opener.open(request, timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, urllib.error.URLError):
            return 0, ""

    def checks(self) -> dict[str, str]:
        """What /readyz says."""
        status, text = self.ask("/readyz", seconds=10)
        if status not in {200, 503}:
            return {"portal": f"status {status}"}
        found: dict[str, str] = json.loads(text)["checks"]
        return found

    def is_ready(self) -> bool:
        """Whether /readyz says that all is well."""
        return self.ask("/readyz", seconds=10)[0] == 200

    def press_refresh(self) -> tuple[int, str]:
        """Press Refresh Options."""
        return self.ask(f"/integrations/autotask/{self.instance}/mappings/refresh/", {"full": "1"})

    # --- looking into its database ---

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, seen from outside."""
        return Database(self.database.url).query(sql)

    def value(self, sql: str) -> Any:
        """The one value that a query gives."""
        return self.query(sql)[0][0]

    def job(self) -> tuple[str, int, str]:
        """State, tries and error of the latest job."""
        rows = self.query("SELECT state, attempts, error FROM integrations_job ORDER BY id DESC LIMIT 1")
        return rows[0] if rows else ("", 0, "")

    def counts(self) -> dict[str, int]:
        """How many rows there are of what must not be lost."""
        tables = ("integrations_organization", "integrations_organizationmapping", "integrations_auditevent",
                  "integrations_integrationinstance", "auth_user")  # fmt: skip
        return {table: int(self.value(f"SELECT count(*) FROM {table}")) for table in tables}  # noqa: S608

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Meanwhile, somebody holds the table (PostgreSQL), or all of it for writing (SQLite)."""
        if isinstance(self.database, Sqlite):
            with closing(sqlite3.connect(self.database.path, timeout=30, isolation_level=None)) as link:
                link.execute("BEGIN IMMEDIATE")
                yield
                link.execute("ROLLBACK")
        else:
            with psycopg.connect(self.database.url) as link:
                link.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                yield
                link.rollback()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


@contextmanager
def running_portal(
    kind: str, folder: Path, *, companies: int = 200, workers: int = 1, settings: dict[str, str] | None = None
) -> Iterator[Portal]:
    """A ready portal on a database of this kind: a person, a configuration, 40 organizations."""
    from tests.support.simulated import make_tenant

    rows = [
        {"id": number, "companyName": f"Company of street {number}"} for number in range(1, companies + 1)
    ]
    data = folder / "data"
    data.mkdir(parents=True)
    with (
        database_of_its_own(kind, folder / "database") as database,
        Simulator([make_tenant(companies=rows)]) as simulator,
    ):
        portal = Portal(data, database, simulator, settings or {}, workers)
        give_tables(database.url)
        portal.session, instance = portal.run(SEED).split()
        portal.instance = int(instance)
        portal.start()
        try:
            wait_until(portal.is_ready, "the portal is ready")
            yield portal
        finally:
            portal.warm.end()
            portal.stop()
