"""The whole portal, on both databases, while what it stands on is away, locked or hung; and right after."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from integrations.database.limits import LIMITS
from tests.support.databases import Database
from tests.support.portal import SETTINGS, Portal, Postgres, database_of_its_own, running_portal, wait_until
from tests.support.processes import ROOT

pytestmark = [pytest.mark.process, pytest.mark.large]
# Seconds after the cause has ended, on a machine that others keep busy. On one that is idle it is 30, which
# tests/faults measures.
BACK_WITHIN = 120.0


def job_is_done(portal: Portal) -> bool:
    return portal.job()[0] == "done"


@pytest.mark.long
def test_the_portal_outlives_a_database_that_stops(tmp_path: Path) -> None:
    """In the middle of a read. Web, worker and its runner stay the same processes."""
    with running_portal("postgresql", tmp_path) as portal:
        assert isinstance(portal.database, Postgres)
        before, worker = portal.counts(), portal.processes("manage.py worker")
        portal.simulator.inject("latency", seconds=1.0)
        assert portal.press_refresh()[0] == 302
        wait_until(lambda: portal.job()[0] == "running", "the job runs")
        portal.database.stop()
        status, page = portal.ask("/")
        assert status == 503
        assert "The database is away" in page
        assert 'class="mono">' in page  # the id of the request
        assert portal.ask("/healthz")[0] == 200
        assert portal.checks() == {"database": "not reachable"}
        time.sleep(8)
        assert portal.runs
        portal.simulator.clear()
        portal.database.start()
        assert wait_until(portal.is_ready, "ready again", BACK_WITHIN) < BACK_WITHIN
        wait_until(lambda: job_is_done(portal), "the job that was cut is done", BACK_WITHIN)
        assert portal.processes("manage.py worker") == worker
        assert portal.counts() == before


def hang(portal: Portal) -> int:
    """Start a read and stop its process, as native code that never returns would; the job's key."""
    portal.simulator.inject("latency", seconds=6)  # nobody waits for it: the process is stopped before
    assert portal.press_refresh()[0] == 302
    wait_until(lambda: portal.job()[0] == "running", "the job runs")
    (runner,) = portal.processes("management.runner")
    for _ in range(50):  # outside of a transaction, by which it would hold up whoever writes
        os.kill(runner, signal.SIGSTOP)
        if Database(portal.database.url).is_free():
            break
        os.kill(runner, signal.SIGCONT)
        time.sleep(0.1)
    return int(portal.value("SELECT max(id) FROM integrations_job"))


def work_goes_on(portal: Portal) -> None:
    portal.simulator.clear()
    assert portal.press_refresh()[0] == 302
    wait_until(lambda: job_is_done(portal), "the next job is done", BACK_WITHIN)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_locked_or_hangs_holds_nobody_up_for_long(kind: str, tmp_path: Path) -> None:
    """Ten people before a locked table; a hung job that somebody cancels; one that takes too long."""
    longest = {"JOB_LEASE_SECONDS": "60", "JOB_SECONDS_REFRESH_OPTIONS": "25"}
    with running_portal(kind, tmp_path, settings=longest) as portal:
        # The table is free again before the last of them is waited for.
        with ThreadPoolExecutor(10) as people, portal.locked("integrations_integrationinstance"):
            waiting = [people.submit(portal.press_refresh) for _ in range(10)]
            time.sleep(1)
            began = time.monotonic()
            assert portal.ask("/healthz")[0] == 200
            assert portal.ask("/metrics")[0] in {200, 503}
            told = portal.checks()
            assert time.monotonic() - began < LIMITS["web"].lock  # the probes did not wait as people do
            assert told["database"] == told["worker"] == "ok"
            assert ("somebody holds its table" in told["keys"]) == (kind == "postgresql")
            assert portal.ask("/readyz/web")[0] == 200  # no other machine has that table
            (first,) = list(wait(waiting, return_when=FIRST_COMPLETED).done)[:1]
            status, page = first.result()
            assert status == 503
            assert "The database is busy" in page
        wait_until(portal.is_ready, "ready again", BACK_WITHIN)
        work_goes_on(portal)

        number = hang(portal)
        assert portal.ask(f"/jobs/{number}/cancel/", {})[0] == 302
        wait_until(lambda: portal.job()[0] == "cancelled", "the hung job is cancelled")
        work_goes_on(portal)

        hang(portal)
        wait_until(lambda: portal.job()[0] == "failed", "the hung job is ended", BACK_WITHIN)
        assert "took longer than" in portal.job()[2]
        work_goes_on(portal)


@pytest.mark.parametrize(
    ("bind", "said"),
    [
        ("nonsense", "ADDRESS:PORT"),
        ("no-such-host.invalid:8000", "no such address"),
        ("127.0.0.1:70000", "ADDRESS:PORT"),
        ("192.0.2.77:8000", "does not have that address"),
        ("taken", "another program listens there"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "web"])
def test_an_address_that_cannot_be_had_ends_the_start_at_once(
    command: str, bind: str, said: str, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        if bind == "taken":
            bind = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "manage.py", command, "--bind", bind], cwd=ROOT, timeout=120,
            env={**os.environ, **SETTINGS, "PORTAL_DATA_DIR": str(tmp_path)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_that_the_database_refuses_end_the_start_at_once(tmp_path: Path) -> None:
    with database_of_its_own("postgresql", tmp_path) as database:
        wrong = database.url.removesuffix("/portal") + "/no_such_database"
        ended = subprocess.run(
            [sys.executable, "manage.py", "prepare"], cwd=ROOT, timeout=120, capture_output=True, text=True,
            env={**os.environ, **SETTINGS, "PORTAL_DATA_DIR": str(tmp_path), "DATABASE_URL": wrong},
            check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert "refuses these settings" in ended.stderr
    assert "no_such_database" in ended.stderr
