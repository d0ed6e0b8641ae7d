"""A populated portal on two machines is upgraded in the order of docs/deployment.md while people use it."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.operations.test_upgrade import release_before
from tests.support.databases import ROOT, Database
from tests.support.portal import PATIENCE, SETTINGS, database_of_its_own, free_port, wait_until

pytestmark = [pytest.mark.process, pytest.mark.large]
HOST = "portal.example.com"
# As on a machine: each release in a folder of its own, the link says which one runs.
PRODUCTION = {
    "PORTAL_ENVIRONMENT": "production",
    "SECRET_KEY": "Zq8vR2mYw4Lx7Tn1Kc9Hd5Bf3Gs6Jp0UaEoIiVtXyMzNbCrQhWkDlFgSu",
    "PORTAL_ENCRYPTION_KEYS": "8Jt0vQm3ZxN5cR7wLk2yHd9uBf4sGa6pTe1iXoVrYnM=",
    "ALLOWED_HOSTS": HOST,
    "CSRF_TRUSTED_ORIGINS": f"https://{HOST}",
    "BEHIND_TLS_PROXY": "true",
    "SECURE_SSL_REDIRECT": "false",
}
SEED = """
import django; django.setup()
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from integrations.services.audit import Batch
from integrations.services.mapping import save_mappings
from integrations.services.mapping.proposals import choose_company
from tests.support.rows import make_company, make_instance
from tests.support.simulated import actor_of, make_organization
user = User.objects.create_user("marcus", "marcus@example.com", "a long pass phrase")
user.groups.add(Group.objects.get(name="Members"))
instance = make_instance("Main", is_default=True)
for number in range(1, 151):
    company = make_company(instance, number, f"Company of street {number}")
    organization = make_organization(f"Company of street {number}")
    if number <= 50:
        choose_company(user, instance, organization, company, moves=True)
assert save_mappings(Batch(actor_of(user)), user, instance).saved == 50
client = Client()
client.force_login(user)
name = settings.SESSION_COOKIE_NAME
print(name, client.cookies[name].value, settings.CSRF_COOKIE_NAME, instance.get_absolute_url())
"""
JOB = """
import django; django.setup()
from django.contrib.auth.models import User
from integrations.models import IntegrationInstance
from integrations.tasks import enqueue_suggestions
enqueue_suggestions(IntegrationInstance.objects.get(), User.objects.get())
"""


@dataclass
class Machine:
    """A web server and a worker, run from the release that the link ``current`` names."""

    folder: Path
    database: str
    port: int = field(default_factory=free_port)
    web: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir(parents=True)

    @property
    def environment(self) -> dict[str, str]:
        """What its units hold."""
        usual = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEST_", "PYTEST"))
        }
        return {
            **usual, **SETTINGS, **PRODUCTION, "DATABASE_URL": self.database,
            "PORTAL_DATA_DIR": str(self.folder / "data"),
        }  # fmt: skip

    def release(self, code: Path) -> None:
        """From now on what is started is this release."""
        link = self.folder / "next"
        link.symlink_to(code)
        link.rename(self.folder / "current")

    def begin(self, code: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command with this release's code."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=code, stdout=log, stderr=log,
                env=self.environment | {"PYTHONPATH": str(code)},
            )  # fmt: skip

    def start_job(self, code: Path) -> None:
        """Put one in the queue by this release's code."""
        assert self.begin(code, "-c", JOB).wait(PATIENCE) == 0, self.log.read_text()[-3000:]

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start_web(self) -> None:
        """As ``systemctl start portal-web``; returns when it answers."""
        code = (self.folder / "current").resolve()
        self.web = self.begin(
            code, "manage.py", "web", "--bind", f"127.0.0.1:{self.port}", "--web-processes", "2"
        )
        wait_until(self.answers, "the web server answers")

    def restart_web(self) -> None:
        """As ``systemctl restart portal-web``."""
        assert self.web is not None
        self.web.send_signal(signal.SIGTERM)
        assert self.web.wait(PATIENCE) == 0
        self.start_web()

    def start_worker(self) -> None:
        """As ``systemctl start portal-worker@1``."""
        self.worker = self.begin((self.folder / "current").resolve(), "manage.py", "worker")

    def answers(self) -> bool:
        """What a load balancer asks."""
        try:
            return ask(self.port, "GET", "/readyz/web", {})[0] == 200
        except OSError:
            return False

    def end(self) -> None:
        """Both, as systemd ends them."""
        for process in (self.web, self.worker):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)


def ask(port: int, method: str, path: str, cookies: dict[str, str], form: str = "") -> tuple[int, bytes]:
    """Status and content; raises OSError or HTTPException where the connection broke."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Referer": f"https://{HOST}/",
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Connection": "close",
    }  # fmt: skip
    if method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        link.request(method, path, form or None, headers)
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


class Balancer:
    """nginx before two machines, as it comes: goes on to the other where one cannot be connected to.

    Or, unless the request changes something, where the connection breaks.
    """

    def __init__(self, machines: list[Machine]) -> None:
        self.ports = [machine.port for machine in machines]
        self.down: set[int] = set()
        self._asked = Counter[int]()
        self._turns, self._lock = itertools.cycle((0, 1)), threading.Lock()

    def take_out(self, port: int) -> None:
        """``down`` behind the server, and a reload: returns when its last request has ended."""
        with self._lock:
            self.down.add(port)
        wait_until(lambda: self._asked[port] == 0, "the last request ends")

    def ask(self, method: str, path: str, cookies: dict[str, str], form: str = "") -> tuple[int, bytes]:
        with self._lock:
            turn = next(self._turns)
            up = [port for port in (self.ports[turn], self.ports[1 - turn]) if port not in self.down]
            self._asked.update(up)
        try:
            return ask(up[0], method, path, cookies, form)
        except (OSError, http.client.HTTPException) as broken:
            if len(up) == 1 or not (method == "GET" or isinstance(broken, ConnectionRefusedError)):
                raise
            return ask(up[1], method, path, cookies, form)
        finally:
            with self._lock:
                self._asked.subtract(up)


@dataclass
class People:
    """Three of them, who read, add organizations, and map, all the time."""

    balancer: Balancer
    cookies: dict[str, str]
    instance: str
    token: str
    failed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    asked: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def try_(self, method: str, path: str, right: int, **form: str) -> bytes:
        """Ask for a page; what is not answered as it should be is written down."""
        text = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": self.token}) if method == "POST" else ""
        try:
            status, page = self.balancer.ask(method, path, self.cookies, text)
        except (OSError, http.client.HTTPException) as broken:
            status, page = 0, repr(broken).encode()
        self.asked += 1
        if status != right:
            self.failed.append(f"{method} {path}: {status} {page[:200]!r}")
        return page

    def read(self) -> None:
        for path in ("/", f"{self.instance}mappings/", "/organizations/", "/history/", "/jobs/"):
            self.try_("GET", path, 200)

    def add(self) -> None:
        name = f"Added while upgrading {len(self.added)}"
        self.try_("POST", "/organizations/add/", 302, name=name)
        self.added.append(name)

    def map(self) -> None:
        self.try_("POST", f"{self.instance}mappings/suggest/", 302)
        self.try_("POST", f"{self.instance}mappings/save/", 302)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Meanwhile, all three."""

        def go_on(what: str) -> None:
            while not self.stop.wait(0.05):
                getattr(self, what)()

        threads = [threading.Thread(target=go_on, args=(what,)) for what in ("read", "add", "map")]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self.stop.set()
            for each in threads:
                each.join()

    def go_on_for(self, requests: int) -> None:
        """Until so many more were answered."""
        enough = self.asked + requests
        wait_until(lambda: self.asked >= enough, "people get their answers")


def files_of(machine: Machine) -> set[str]:
    """The addresses of the static files of the version that was prepared last on the machine."""
    manifest = json.loads((machine.folder / "data" / "static" / "staticfiles.json").read_text("utf-8"))
    return {f"/static/{name}" for name in manifest["paths"].values()}


def upgrade(machines: list[Machine], people: People) -> set[str]:
    """The steps of docs/deployment.md; the static files of the version of before."""
    before = files_of(machines[0])
    preparing = [machine.begin(ROOT, "manage.py", "prepare") for machine in machines]  # one has to wait
    assert [each.wait(PATIENCE) for each in preparing] == [0, 0], machines[0].log.read_text()[-3000:]
    machines[0].start_job((machines[0].folder / "current").resolve())
    people.go_on_for(60)  # the code of before on the schema of now
    for machine in machines:
        machine.release(ROOT)
        people.balancer.take_out(machine.port)
        machine.restart_web()
        people.balancer.down.clear()
        people.go_on_for(40)  # one machine with each version
        for path in before | files_of(machine):
            assert ask(machine.port, "GET", path, {})[0] == 200, f"{path} of both versions"
    machines[0].restart_web()  # this version needs nobody to take it out
    machines[0].start_job(ROOT)  # for workers of before
    for machine in machines:
        assert machine.worker is not None
        machine.worker.send_signal(signal.SIGTERM)
        assert machine.worker.wait(PATIENCE) == 0
        machine.start_worker()
    people.go_on_for(40)
    return before


@pytest.mark.long
def test_a_portal_is_upgraded_under_load_without_a_failed_request(tmp_path: Path) -> None:
    old = release_before(tmp_path / "old")
    with database_of_its_own("postgresql", tmp_path / "database") as database:
        machines = [Machine(tmp_path / name, database.url) for name in "ab"]
        for machine in machines:
            machine.release(old)
            assert machine.begin(old, "manage.py", "prepare").wait(PATIENCE) == 0, machine.log.read_text()
        seeded = subprocess.run(
            [sys.executable, "-c", SEED], cwd=old, capture_output=True, text=True, check=False,
            env=machines[0].environment | {"PYTHONPATH": str(old)},
        )  # fmt: skip
        assert seeded.returncode == 0, seeded.stderr[-3000:]
        cookie, session, csrf, instance = seeded.stdout.splitlines()[-1].split()
        token = "c" * 32
        people = People(Balancer(machines), {cookie: session, csrf: token}, instance, token)
        try:
            for machine in machines:
                machine.start_web()
                machine.start_worker()
            with people.at_work():
                people.go_on_for(30)
                before = upgrade(machines, people)
            assert people.failed == []
            assert before != files_of(machines[0]), "the release before has the same files: nothing was tried"
            rows = Database(database.url).query(
                "SELECT name, count(*) FROM integrations_organization WHERE name LIKE 'Added%' GROUP BY name"
            )
            assert dict(rows) == dict.fromkeys(people.added, 1)
            open_jobs = "SELECT id FROM integrations_job WHERE state IN ('waiting', 'running')"
            wait_until(lambda: not Database(database.url).query(open_jobs), "what was begun comes to its end")
            ended = Database(database.url).query("SELECT DISTINCT state, error FROM integrations_job")
            assert ended == [("done", "")]
        finally:
            for machine in machines:
                machine.end()
        for machine in machines:
            assert not re.search(r"Traceback|ERROR", machine.log.read_text()), machine.log.read_text()[-5000:]
