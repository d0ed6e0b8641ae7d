"""Workers that are killed, paused, raced and cancelled in the middle of a refresh, on real processes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.simulators.autotask.server import Simulator
from tests.support.databases import Database, results
from tests.support.simulated import make_tenant

COMPANIES = [{"id": number, "companyName": f"Company of street {number}"} for number in range(1, 241)]


@pytest.fixture
def autotask() -> Iterator[Simulator]:
    """A simulated Autotask with 240 companies: 24 pages for the impatient client."""
    with Simulator([make_tenant(companies=COMPANIES)]) as running:
        yield running


@pytest.fixture
def start(database: Database, autotask: Simulator) -> Callable[..., subprocess.Popen[str]]:
    """Starts a step whose settings name the simulated Autotask."""

    def started(*command: str, lease: int = 2) -> subprocess.Popen[str]:
        return database.start(
            *command,
            TEST_LEASE_SECONDS=str(lease),
            AUTOTASK_EXTRA_HOSTS=autotask.base_url.removeprefix("http://"),
            AUTOTASK_DISCOVERY_URL=autotask.base_url,
        )

    return started


def job(database: Database) -> dict[str, Any]:
    """The latest job's row; its state is empty as long as there is none."""
    rows = database.query(
        "SELECT state, done, attempts, message, error, heartbeat_at FROM integrations_job "
        "ORDER BY id DESC LIMIT 1"
    )
    names = ("state", "done", "attempts", "message", "error", "heartbeat_at")
    return dict(zip(names, rows[0], strict=True)) if rows else {"state": ""}


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def stored(database: Database) -> int:
    """How many companies were read of the configuration that the worker connected."""
    [(number,)] = database.query(
        "SELECT count(*) FROM integrations_company WHERE instance_id = "
        "(SELECT id FROM integrations_integrationinstance WHERE name = 'Main')"
    )
    return int(number)


def offered(database: Database) -> int:
    """How many of them people can choose."""
    [(number,)] = database.query(
        "SELECT count(*) FROM integrations_company WHERE missing_since IS NULL AND NOT is_pending "
        "AND instance_id = (SELECT id FROM integrations_integrationinstance WHERE name = 'Main')"
    )
    return int(number)


def half_way(database: Database) -> bool:
    return 0 < stored(database) < len(COMPANIES)


def pause(process: subprocess.Popen[str], database: Database) -> None:
    """Stop a process outside of a transaction; a stopped one inside would hold everybody up."""
    for _ in range(50):
        time.sleep(0.2)
        process.send_signal(signal.SIGSTOP)
        if database.is_free():
            return
        process.send_signal(signal.SIGCONT)
    raise AssertionError("the process never left its transaction")


def test_a_worker_killed_in_the_middle_is_followed_by_another_that_completes(
    database: Database, autotask: Simulator, start: Callable[..., subprocess.Popen[str]]
) -> None:
    autotask.latency = 0.2
    first = start("connect_and_work")
    wait_for(lambda: half_way(database))

    first.send_signal(signal.SIGKILL)
    first.communicate()

    assert job(database)["state"] == "running"
    assert offered(database) == 0  # nothing that was read half is offered
    autotask.latency = 0
    results(start("wake_and_work"))
    ended = job(database)
    assert (ended["state"], ended["attempts"], ended["error"]) == ("done", 2, "")
    assert offered(database) == len(COMPANIES)
    assert stored(database) == len(COMPANIES)


def test_a_worker_that_was_paused_beyond_its_lease_writes_nothing_when_it_wakes(
    database: Database, autotask: Simulator, start: Callable[..., subprocess.Popen[str]]
) -> None:
    # The connection check and the first pages are answered at once, then every answer takes its time.
    autotask.inject("latency", seconds=1.8, path="companies/query", skip=7)
    paused = start("connect_and_work")
    wait_for(lambda: half_way(database))
    pause(paused, database)
    autotask.clear()
    try:
        results(start("wake_and_work"))
        ended = job(database)
        assert (ended["state"], ended["attempts"]) == ("done", 2)
        before = database.query("SELECT * FROM integrations_company ORDER BY id")
    finally:
        paused.send_signal(signal.SIGCONT)
    paused.communicate(timeout=60)
    assert job(database) == ended
    assert database.query("SELECT * FROM integrations_company ORDER BY id") == before


def test_a_worker_that_waits_for_a_slow_answer_keeps_its_lease_and_can_be_cancelled(
    database: Database, autotask: Simulator, start: Callable[..., subprocess.Popen[str]]
) -> None:
    autotask.inject("latency", seconds=1.8, path="companies/query", skip=2)
    worker = start("connect_and_work", lease=6)  # renewed every two seconds, late on a busy machine
    wait_for(lambda: job(database)["state"] == "running")
    first_beat = job(database)["heartbeat_at"]
    wait_for(lambda: job(database)["heartbeat_at"] != first_beat)

    assert results(start("claim_and_cancel")) == [{"claimed": False}]
    results(worker)

    ended = job(database)
    assert (ended["state"], ended["attempts"]) == ("cancelled", 1)
    assert offered(database) == 0


def test_of_workers_that_claim_at_once_one_gets_the_job(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    racers = results(start(" + ".join(["claim"] * 4), lease=60))
    assert sum(racer["claimed"] for racer in racers) == 1


def test_people_who_press_refresh_at_once_get_the_same_job(database: Database) -> None:
    pressed = results(database.start(" + ".join(["press_refresh"] * 4)))
    assert len({each["job"] for each in pressed}) == 1
    assert len(database.query("SELECT id FROM integrations_job")) == 2  # one waited already, elsewhere
    assert len(database.query("SELECT id FROM django_tasks_database_dbtaskresult")) == 1
