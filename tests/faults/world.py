"""Faults of what stands around the portal: clocks, and a queue in Redis."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.cases import POSTGRES, Skipped, fault
from tests.support.portal import Portal, Postgres, free_port, wait_until


def clock_of_its_own(folder: Path) -> dict[str, str]:
    """What a process is started with whose clock is told by clock.c."""
    if shutil.which("cc") is None:
        raise Skipped("there is no C compiler for the clock")
    made = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", made, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(made)}


@contextmanager
def started_with(portal: Portal, settings: dict[str, str]) -> Iterator[None]:
    """Meanwhile the portal runs with these settings, too."""
    before = dict(portal.settings)
    portal.stop()
    portal.settings |= settings
    portal.start()
    try:
        wait_until(portal.is_ready, "ready with other settings")
        yield
    finally:
        portal.stop()
        portal.settings = before
        portal.start()


@fault("the clock of the whole machine is 30 days ahead for 30 s")
def _clock(portal: Portal) -> str:
    at = portal.folder / "clock"
    at.write_text("0")
    portal.run(
        "from integrations.models import IntegrationInstance as I; I.objects.update(refresh_every_hours=6)"
    )
    with started_with(portal, clock_of_its_own(portal.folder) | {"CLOCK_FILE": str(at)}):
        at.write_text(str(30 * 86400))
        told = {"clock": "ok"}
        ends = time.monotonic() + 30
        if isinstance(portal.database, Postgres):
            wait_until(lambda: "see to NTP" in portal.checks().get("clock", ""), "the probe tells", 30)
            told = portal.checks()
        while time.monotonic() < ends:
            assert portal.ask("/healthz")[0] == 200
            time.sleep(1)
        jobs = portal.value("SELECT count(*) FROM integrations_job")
        at.write_text("0")
        took = wait_until(portal.is_ready, "ready when the clock is right again", 30)
        assert portal.press_refresh()[0] == 302
        # Also what was begun then: nothing waits until the clock is there again.
        still = "SELECT count(*) FROM integrations_job WHERE state IN ('waiting', 'running')"
        wait_until(lambda: portal.value(still) == 0, "what was begun then ends", 60)
        assert portal.value("SELECT count(*) FROM integrations_job") >= jobs
    seen = "the probe told it, and " if isinstance(portal.database, Postgres) else ""
    assert told["clock"] != "ok" or not seen
    return f"{seen}{took:.0f} s after it was right all was ready; nothing waits for that day"


@fault("Redis is killed", POSTGRES)
def _redis(portal: Portal) -> str:
    server = shutil.which("redis-server")
    if server is None:
        raise Skipped("Redis is not installed")
    if importlib.util.find_spec("django_tasks_rq") is None:
        raise Skipped("django-tasks-rq is not in this environment (requirements-scale.txt)")
    port, folder = free_port(), portal.folder / "redis"
    folder.mkdir(exist_ok=True)

    def run() -> subprocess.Popen[bytes]:
        return start_redis(server, port, folder)

    redis = run()
    try:
        with started_with(portal, {"TASKS_BACKEND": "rq", "REDIS_URL": f"redis://127.0.0.1:{port}/0"}):
            assert portal.press_refresh()[0] == 302
            wait_until(lambda: portal.job()[0] == "done", "a job is done by way of Redis")
            worker = portal.processes("manage.py worker")
            redis.send_signal(signal.SIGKILL)
            redis.wait(10)
            status, _ = portal.press_refresh()
            assert status == 302, f"the button answered {status}"
            assert portal.job()[0] == "waiting"
            assert portal.ask("/jobs/")[0] == 200
            time.sleep(20)
            assert portal.runs
            assert portal.processes("manage.py worker") == worker, "the worker has ended"
            redis = run()
            took = wait_until(lambda: portal.job()[0] == "done", "housekeeping starts what waits", 60)
    finally:
        redis.kill()
        redis.wait(10)
    return f"the button says queued; no worker ended; {took:.0f} s after Redis was back the job was done"


def start_redis(server: str, port: int, folder: Path) -> subprocess.Popen[bytes]:
    """A server of its own that keeps nothing."""
    return subprocess.Popen(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
