"""The main journey again, on what a large MSP runs: two web servers and three workers on PostgreSQL.

The processes are started by the commands of the systemd units in deploy/. A front hands every new connection
of the browser to the other web server, as a proxy before two machines does, and ends the quiet ones.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys import test_setup_to_saved_mappings as main_journey
from tests.journeys.conftest import ROOT, Portal, Visitor, free_port, simulated_portal, wait_for
from tests.support.databases import drop_database, make_database, postgres_server
from tests.support.migrated import migrated_database

UNITS = ROOT / "deploy" / "systemd"
WEB_SERVERS, WORKERS = 2, 3
QUIET = 1.0  # seconds after an answer


def unit_command(unit: str) -> list[str]:
    """What the unit starts, with this machine's interpreter and folder."""
    text = (UNITS / unit).read_text(encoding="utf-8")
    [line] = re.findall(r"^ExecStart=/opt/portal/.venv/bin/python manage.py (.+)$", text, re.MULTILINE)
    return [sys.executable, str(ROOT / "manage.py"), *shlex.split(line)]


class Front:
    """Hands new connections to the web servers in turn; ``served`` counts them."""

    def __init__(self, ports: list[int]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.served = dict.fromkeys(ports, 0)
        threading.Thread(target=self._accept, args=(itertools.cycle(ports),), daemon=True).start()

    def _accept(self, ports: Iterator[int]) -> None:
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            port = next(ports)
            self.served[port] += 1
            threading.Thread(target=self._carry, args=(visitor, port), daemon=True).start()

    @staticmethod
    def _carry(visitor: socket.socket, port: int) -> None:
        server = socket.create_connection(("127.0.0.1", port))
        with visitor, server, selectors.DefaultSelector() as both:
            both.register(visitor, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, visitor)
            has_answered = False
            with contextlib.suppress(OSError):  # one side has closed
                while ready := both.select(QUIET if has_answered else None):
                    for key, _ in ready:
                        received = key.fileobj.recv(65_536)  # type: ignore[union-attr]  # a socket
                        if not received:
                            return
                        has_answered = key.fileobj is server
                        key.data.sendall(received)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    """The address that the browser sees; nothing listens behind it yet."""
    made = Front([free_port() for _ in range(WEB_SERVERS)])
    yield made
    made.listener.close()


@pytest.fixture
def portal(tmp_path: Path, common_folder: Path, front: Front) -> Iterator[Portal]:
    """Two web servers and three workers on a PostgreSQL database of their own; replaces the one of SQLite."""
    with postgres_server() as server, migrated_database(server, common_folder) as migrated:
        name = f"portal_fleet_{uuid.uuid4().hex[:8]}"
        url = make_database(server, name, migrated)
        address = f"http://127.0.0.1:{front.port}"
        try:
            with simulated_portal(tmp_path, common_folder, address, DATABASE_URL=url) as running:
                yield from run_fleet(running, front, tmp_path)
        finally:
            drop_database(server, name)


def run_fleet(running: Portal, front: Front, folder: Path) -> Iterator[Portal]:
    """Start what the units start, one process a web server, and stop it cleanly."""
    commands = []
    for port in front.served:
        command = unit_command("portal-web.service")
        command[command.index("--bind") + 1] = f"127.0.0.1:{port}"
        commands.append([*command, "--web-processes", "1"])
    commands += [unit_command("portal-worker@.service")] * WORKERS
    with (folder / "fleet.log").open("wb") as log:
        processes = [
            subprocess.Popen(
                command, cwd=ROOT, env=running.environment, stdout=subprocess.DEVNULL, stderr=log,
                start_new_session=True,
            )
            for command in commands
        ]  # fmt: skip
    try:
        for port in front.served:
            wait_for(Portal(f"http://127.0.0.1:{port}", running.environment))
        yield running
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        ended = [process.wait(60) for process in processes]
        assert ended == [0] * len(processes), (folder / "fleet.log").read_text()


def test_from_credentials_to_saved_mappings_on_several_machines(visitor: Visitor, front: Front) -> None:
    main_journey.test_from_credentials_to_saved_mappings(visitor)
    assert all(connections > 1 for connections in front.served.values()), front.served
