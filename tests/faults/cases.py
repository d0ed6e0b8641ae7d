"""The faults, one function each: it brings the cause about, looks at the portal, and ends the cause.

What it returns says what happened. That nothing was lost, and how long it takes until the portal is ready
and does its work again, is looked at after each (tests/faults/__main__.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.databases import Database
from tests.support.portal import Portal, Postgres, free_port, wait_until
from tests.support.processes import ROOT

SQLITE, POSTGRES = "sqlite", "postgresql"
BOTH = (SQLITE, POSTGRES)
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


class Skipped(Exception):
    """The fault cannot be made here; the text says why."""


@dataclass(frozen=True)
class Case:
    """A fault: what it is called, on which databases it is tried, and how it is made."""

    name: str
    kinds: tuple[str, ...]
    make: Callable[[Portal], str]


CASES: list[Case] = []
Maker = Callable[[Portal], str]


def fault(name: str, *kinds: str) -> Callable[[Maker], Maker]:
    """Put a function on the list."""

    def put(make: Maker) -> Maker:
        CASES.append(Case(name, kinds or BOTH, make))
        return make

    return put


# --- the database -------------------------------------------------------------------------------------


def _away(portal: Portal, seconds: float, number: signal.Signals) -> str:
    assert isinstance(portal.database, Postgres)
    portal.database.stop(number)
    ends = time.monotonic() + seconds
    status, page = portal.ask("/")
    assert status == 503, f"a page answered {status}"
    assert "The database is away" in page
    while time.monotonic() < ends:
        assert portal.checks() == {"database": "not reachable"}, "the probe did not tell"
        time.sleep(2)
    assert portal.runs, "serve has ended"
    portal.database.start()
    return "pages 503 “The database is away”, probe told, no process ended"


@fault("the database stops for 60 s", POSTGRES)
def _stop(portal: Portal) -> str:
    return _away(portal, 60, signal.SIGINT)


@fault("the database crashes and starts again", POSTGRES)
def _crash(portal: Portal) -> str:
    return _away(portal, 1, signal.SIGQUIT)


@fault("the database stops for 10 s in the middle of a read", POSTGRES)
def _stop_in_a_read(portal: Portal) -> str:
    slow_read(portal)
    told = _away(portal, 10, signal.SIGINT)
    portal.simulator.clear()
    wait_until(lambda: portal.job()[0] == "done", "the read that was cut is done")
    return f"{told}; the read waited and was done"


PAGE_WITHIN, PROBE_WITHIN, LIFE_WITHIN = 15.0, 10.0, 2.0  # seconds, of a page that had begun no statement
LATER_WITHIN = 8.0  # of a page that is asked for when another one has waited already


def _asked_at_once(portal: Portal, paths: list[str]) -> list[tuple[str, int, float]]:
    """Ask for all of them at once: each with its status and how many seconds it took."""

    def ask(path: str) -> tuple[str, int, float]:
        began = time.monotonic()
        status, _ = portal.ask(path, seconds=60, signed_in=False)
        return path, status, time.monotonic() - began

    with ThreadPoolExecutor(len(paths)) as people:
        return list(people.map(ask, paths))


@fault("the database freezes for 30 s and keeps its connections", POSTGRES)
def _frozen(portal: Portal) -> str:
    assert isinstance(portal.database, Postgres)
    page, probes = "/accounts/login/", ["/readyz", "/readyz/web", "/metrics"]
    for _ in range(3):  # so that every thread has a connection
        _asked_at_once(portal, [page] * 12 + probes)
    worker = portal.processes("manage.py worker")
    ends = time.monotonic() + 30
    portal.database.freeze()
    try:
        seen = _asked_at_once(portal, [page] * 10 + probes * 2 + ["/healthz"])
        later = []
        while time.monotonic() < ends:
            later += _asked_at_once(portal, [page, page, *probes, "/healthz"])
            time.sleep(1)
    finally:
        portal.database.thaw()
    within = {page: PAGE_WITHIN, "/healthz": LIFE_WITHIN}
    _judge(seen, within)
    _judge(later, {**within, page: LATER_WITHIN})
    took = wait_until(lambda: portal.ask(page, signed_in=False)[0] == 200, "pages are back", 10)
    assert portal.processes("manage.py worker") == worker
    slowest, after, probed = (
        max(took for path, _, took in among if path in which)
        for among, which in ((seen, [page]), (later, [page]), (seen + later, probes))
    )
    return (
        f"pages 503 after at most {slowest:.0f} s, later ones after at most {after:.0f} s, probes told "
        f"within {probed:.0f} s, /healthz 200; pages were back {took:.0f} s after it went on"
    )


def _judge(seen: list[tuple[str, int, float]], within: dict[str, float]) -> None:
    """Each has told what it should, in time; all others are probes."""
    for path, status, took in seen:
        told = f"{path} {status} after {took:.0f} s"
        assert status == (200 if path == "/healthz" else 503), told
        assert took < within.get(path, PROBE_WITHIN), told


@fault("all connections are ended by an administrator", POSTGRES)
def _terminate(portal: Portal) -> str:
    with psycopg.connect(portal.database.url, autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = 'portal'"
        )
    assert portal.runs
    return "connected again"


@fault("the database takes no changes for 15 s", POSTGRES)
def _read_only(portal: Portal) -> str:
    assert isinstance(portal.database, Postgres)
    server = portal.database.maintenance

    def switch(how: str) -> None:
        with psycopg.connect(server, autocommit=True) as link:
            link.execute(f"ALTER DATABASE portal {how}")
            link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'portal'")

    switch("SET default_transaction_read_only = on")
    try:
        wait_until(lambda: portal.checks().get("database") == "takes no changes", "the probe tells", 20)
        assert portal.ask("/organizations/")[0] == 200, "reading is possible"
        status, page = portal.press_refresh()
        assert (status, "cannot write now" in page) == (503, True)
        status, page = portal.ask("/accounts/login/", {"login": "anna", "password": "x"}, signed_in=False)
        assert (status, "cannot write now" in page) == (503, True), f"sign-in answered {status}"
        time.sleep(10)
    finally:
        switch("RESET default_transaction_read_only")
    return "pages are read; what writes, and sign-in, say “The portal cannot write now”"


@fault("somebody locks the table of jobs for 95 s", POSTGRES)
def _table_lock(portal: Portal) -> str:
    worker = portal.processes("manage.py worker")
    with portal.locked("integrations_job"):
        ends = time.monotonic() + 95
        while time.monotonic() < ends:
            assert portal.ask("/healthz", seconds=5)[0] == 200
            assert portal.checks().get("worker") == "ok", "heartbeats were held up"
            time.sleep(5)
    assert portal.processes("manage.py worker") == worker
    return "heartbeats and probes went on, no worker ended"


@fault("somebody writes for 46 s", SQLITE)
def _writer(portal: Portal) -> str:
    worker = portal.processes("manage.py worker")
    with portal.locked(""):
        ends = time.monotonic() + 46
        status, page = portal.press_refresh()
        assert (status, "The database is busy" in page) == (503, True)
        while time.monotonic() < ends:
            assert portal.ask("/healthz", seconds=5)[0] == 200
            time.sleep(2)
    assert portal.processes("manage.py worker") == worker
    return "who writes is told “The database is busy” after 15 s, no worker ended"


@fault("ten people before a locked table")
def _crowd(portal: Portal) -> str:
    with portal.locked("integrations_integrationinstance"), ThreadPoolExecutor(10) as people:
        waiting = [people.submit(portal.press_refresh) for _ in range(10)]
        time.sleep(1)
        for _ in range(5):
            began = time.monotonic()
            assert portal.ask("/healthz", seconds=5)[0] == 200
            portal.checks()
            assert time.monotonic() - began < 6, "the probes waited"
        assert waiting[0].result()[0] == 503
    return "503 with what to do; probes answered meanwhile"


@fault("the database refuses the password", POSTGRES)
def _refused(portal: Portal) -> str:
    wrong = portal.database.url.replace("/portal", "/no_such_database").replace("portal@", "portal@")
    ended = portal.manage("prepare", check=False, DATABASE_URL=wrong)
    assert ended.returncode == 1
    assert "refuses these settings" in ended.stderr
    return "the start ends at once, with the server's reason"


# --- jobs ---------------------------------------------------------------------------------------------


def slow_read(portal: Portal) -> int:
    """Start a read that takes its time; the job's key."""
    portal.simulator.inject("latency", seconds=1.5)
    assert portal.press_refresh()[0] == 302
    wait_until(lambda: portal.job()[0] == "running", "the read runs")
    return int(portal.value("SELECT max(id) FROM integrations_job"))


def hang(portal: Portal) -> int:
    """The same, and its process is stopped, outside of a transaction."""
    number = slow_read(portal)
    (runner,) = portal.processes("management.runner")
    for _ in range(50):
        os.kill(runner, signal.SIGSTOP)
        if Database(portal.database.url).is_free():
            break
        os.kill(runner, signal.SIGCONT)
        time.sleep(0.1)
    return number


@fault("a job hangs and somebody cancels it")
def _hung_cancelled(portal: Portal) -> str:
    number = hang(portal)
    assert portal.ask(f"/jobs/{number}/cancel/", {})[0] == 302
    took = wait_until(lambda: portal.job()[0] == "cancelled", "it is cancelled", 30)
    portal.simulator.clear()
    return f"cancelled after {took:.0f} s"


@fault("a job hangs for longer than its kind may take")
def _hung(portal: Portal) -> str:
    hang(portal)
    wait_until(lambda: portal.job()[0] == "failed", "it is ended", 60)
    assert "took longer" in portal.job()[2]
    portal.simulator.clear()
    return "ended, failed, with the reason"


@fault("a job needs more memory than it may")
def _memory(portal: Portal) -> str:
    program = """
from integrations import tasks
from integrations.models import IntegrationInstance, Job
from portal.child import limit_memory
tasks.WORK[Job.Kind.CHECK_CONNECTION] = lambda run: ("", {"filled": len(bytearray(5_000_000_000))})
job, _ = tasks.open_job(Job.Kind.CHECK_CONNECTION, IntegrationInstance.objects.get(), None, {})
limit_memory(600)
try:
    tasks.do_job(job.key)
except MemoryError:
    job.refresh_from_db()
    print(job.state, job.error)
"""
    told = portal.run(program)
    assert told.startswith("failed It needed more memory"), told
    return "the job failed and says so; its process is replaced"


def _kill(portal: Portal, word: str, number: int = 0) -> None:
    found = portal.processes(word)
    assert found, f"no process {word}"
    os.kill(found[number], signal.SIGKILL)


@fault("the call for a waiting job is lost")
def _lost_call(portal: Portal) -> str:
    (runner,) = portal.processes("management.runner")
    os.kill(runner, signal.SIGSTOP)
    portal.press_refresh()
    portal.run("from django_tasks_db.models import DBTaskResult as R; R.objects.all().delete()")
    os.kill(runner, signal.SIGCONT)
    wait_until(lambda: portal.job()[0] == "done", "housekeeping wakes a worker", 60)
    return "housekeeping found it and woke a worker"


# --- processes ----------------------------------------------------------------------------------------


@fault("kill -9 of the web server")
def _kill_web(portal: Portal) -> str:
    _kill(portal, "gunicorn")
    return "started again, and what it left behind was ended"


@fault("kill -9 of a web process")
def _kill_web_process(portal: Portal) -> str:
    _kill(portal, "gunicorn", -1)
    return "replaced by the web server"


@fault("kill -9 of serve itself, and another start at once")
def _kill_serve(portal: Portal) -> str:
    children = ("gunicorn", "manage.py worker", "management.runner")
    left = {number for word in children for number in portal.processes(word)}
    _kill(portal, "manage.py serve")
    portal.start()
    took = wait_until(lambda: not left & set(portal.processes("")), "what it had started ends", 30)
    return f"what it had started noticed and ended within {took:.0f} s; the other one waited for the address"


@fault("two prepare at once")
def _prepare_twice(portal: Portal) -> str:
    with ThreadPoolExecutor(2) as both:
        # With a setting each is a process of its own; the warm one does one thing after the other.
        ended = list(both.map(lambda _: portal.manage("prepare", check=False, LOG_LEVEL="INFO"), range(2)))
    assert [each.returncode for each in ended] == [0, 0], ended
    return "one after the other"


@fault("the address is in use", SQLITE)
def _in_use(portal: Portal) -> str:
    ended = portal.manage("web", "--bind", f"127.0.0.1:{portal.port}", check=False)
    assert ended.returncode == 1
    assert "another program listens there" in ended.stderr
    return "the start ends at once, with the reason"


@fault("the address is senseless", SQLITE)
def _senseless(portal: Portal) -> str:
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "manage.py", "serve", "--bind", "nonsense"], cwd=ROOT, env=portal.environment,
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "ADDRESS:PORT" in ended.stderr
    assert time.monotonic() - began < 5
    return "the start ends at once, with the reason"


@fault("a machine has another key")
def _wrong_key(portal: Portal) -> str:
    port = free_port()
    environment = portal.environment | {
        "PORTAL_ENCRYPTION_KEYS": "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "web", "--bind", f"127.0.0.1:{port}", "--web-processes", "1"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    other = Portal(portal.folder, portal.database, portal.simulator, port=port, session=portal.session)
    try:
        wait_until(lambda: other.ask("/healthz")[0] == 200, "it answers")
        told = other.checks()
        assert "do not open" in told.get("keys", ""), told
        assert other.ask("/readyz/web")[0] == 503
    finally:
        process.terminate()
        process.wait(30)
    return "its probes say that stored secrets do not open; a load balancer sends it nobody"


@fault("a machine has no key", SQLITE)
def _no_key(portal: Portal) -> str:
    ended = portal.manage("check", check=False, PORTAL_ENCRYPTION_KEYS="")
    assert ended.returncode != 0
    assert "PORTAL_ENCRYPTION_KEYS" in ended.stderr
    return "the start ends at once, with the reason"


# --- the world ----------------------------------------------------------------------------------------


def _autotask(portal: Portal, name: str) -> str:
    portal.simulator.inject(name)
    portal.press_refresh()
    wait_until(lambda: portal.job()[0] == "failed", "the read fails", 90)
    told = portal.job()[2]
    portal.simulator.clear()
    return f"the read failed and said: {told[:90]}"


@fault("Autotask cuts its answers in the middle")
def _cut(portal: Portal) -> str:
    return _autotask(portal, "dropped-mid-body")


@fault("Autotask closes every connection")
def _closed(portal: Portal) -> str:
    return _autotask(portal, "dropped-before-answer")


@fault("a worker's clock is 30 days ahead for a moment")
def _clock(portal: Portal) -> str:
    if not FAKETIME.exists():
        raise Skipped("libfaketime is not installed")
    portal.run(
        "from integrations.models import IntegrationInstance as I; I.objects.update(refresh_every_hours=6)"
    )
    portal.manage(
        "worker", "--batch", LD_PRELOAD=str(FAKETIME), FAKETIME="+30d", FAKETIME_DONT_FAKE_MONOTONIC="1"
    )
    program = """
from django.utils import timezone
from integrations.models import IntegrationInstance
at = IntegrationInstance.objects.get().next_refresh_at
print(int(at is not None and (at - timezone.now()).total_seconds() < 7 * 3600))
"""
    wait_until(lambda: portal.run(program) == "1", "the turn is planned anew", 40)
    return "its turns were planned anew, what it said it had read is read again"
