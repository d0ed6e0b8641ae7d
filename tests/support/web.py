"""A real web server of the portal on a database of its own, for what only a server does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.migrated import copy_migrated_file
from tests.support.processes import ROOT, environment, run_python
from tests.support.warm import Warm

START_PATIENCE = 120.0  # seconds
PROBE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Server:
    """A running web server: its port (or unix socket), its folder, what its processes are started with."""

    port: int
    folder: Path
    environment: dict[str, str]
    unix: Path | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """What it has written to its error stream and its access log."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def connect(self, seconds: float) -> socket.socket:
        """A connection to it. Raises OSError."""
        if self.unix is None:
            return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(seconds)
        try:
            link.connect(str(self.unix))
        except OSError:
            link.close()
            raise
        return link

    def send(self, data: bytes, *, seconds: float = 20) -> bytes:
        """Bytes as they are, and the answer to its end; a connection that the server closes is an end."""
        with self.connect(seconds) as link:
            received = b""
            try:
                link.sendall(data)
                while block := link.recv(65_536):
                    received += block
            except (ConnectionResetError, BrokenPipeError):
                pass
            return received

    def run(self, program: str, **values: str) -> str:
        """Run a program with the server's settings, Django set up; what it printed."""
        if values:
            done = run_python(f"import django; django.setup()\n{program}", **self.environment, **values)
        else:
            done = self.warm.run(program)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @cached_property
    def warm(self) -> Warm:
        """Who runs programs with its settings."""
        return Warm(self.environment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(
    folder: Path, *, processes: int = 1, unix: Path | None = None, database: str = "", **values: str
) -> Iterator[Server]:
    """``manage.py web`` with these variables, its data and temporary files below ``folder``.

    Listens at a free port of this machine, or at the unix socket; on a new SQLite file there, or the database
    that is given.
    """
    port, temporary = _free_port(), folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    if not database:
        copy_migrated_file(folder / "portal.sqlite3")
    variables = environment(
        PORTAL_DATA_DIR=str(folder), DATABASE_URL=database or f"sqlite:///{folder / 'portal.sqlite3'}",
        TMPDIR=str(temporary), **values,
    )  # fmt: skip
    server = Server(port, folder, variables, unix)
    bind = f"unix:{unix}" if unix else f"127.0.0.1:{port}"
    command = [sys.executable, str(ROOT / "manage.py"), "web", "--bind", bind]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--web-processes", str(processes)],
            cwd=ROOT, env=variables, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(server, process)
        yield server
    finally:
        server.warm.end()
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(90)


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, server.log()
        try:
            if b" 200 OK" in server.send(PROBE, seconds=5):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the web server did not start: {server.log()}")
