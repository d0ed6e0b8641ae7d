"""kill -9 of each process of a worker, in each kind of job: another one takes the job up and does it once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from tests.faults.cases import fault
from tests.support.portal import PATIENCE, Portal, wait_until

PROCESSES = {"process of the jobs": "management.runner", "worker": "manage.py worker"}
ROWS = 3000  # of a file: some seconds of work
BEGIN = """
import io
from django.contrib.auth.models import User
from django.core.files.base import ContentFile, File
from integrations import tasks
from django.utils import timezone
from integrations.models import Company, ImportReport, IntegrationInstance
from integrations.services.audit import Actor, Batch
from integrations.services.imports import ImportOptions
from integrations.services.saved_sources import SourceSpec, create_source
user, instance = User.objects.get(), IntegrationInstance.objects.get()
actor = Actor.person(user, "a test of faults")
def file(mark):
    lines = [f"{mark} organization {number},{mark}-{number}" for number in range(ROWS)]
    return ContentFile(("name,external_id\\n" + "\\n".join(lines)).encode(), name="rows.csv")
def companies(mark):
    now = timezone.now()
    made = [
        Company(
            instance=instance, seen_at=now,
            remote_id=f"9{mark[-9:]}{number}", name=f"{mark} organization {number}",
        )
        for number in range(ROWS)
    ]
    return [company.pk for company in Company.objects.bulk_create(made, batch_size=500)]
"""
# Or the next read would find thousands of companies gone, and wait for somebody.
FORGET = """
from django.utils import timezone
from integrations.models import Company
Company.objects.filter(name__startswith='MARK ').update(missing_since=timezone.now())
"""
KINDS = {
    "a read": "job = tasks.enqueue_refresh(instance, user, full=True)",
    "a connection check": "job = tasks.enqueue_check(instance, user)",
    "Suggest Values": "job = tasks.enqueue_suggestions(instance, user)",
    "an import of a file": (
        "job = tasks.enqueue_file_import("
        "ImportReport.Kind.ORGANIZATIONS, file('MARK'), actor, user, ImportOptions())"
    ),
    "an import of companies": (
        "job, _ = tasks.enqueue_company_import(instance, user, actor, {'companies': companies('MARK')})"
    ),
    "a refresh of a source": (
        "spec = SourceSpec('MARK', ImportReport.Kind.ORGANIZATIONS)"
        "\nsource = create_source(Batch(actor), spec, file('MARK'))"
        "\njob = tasks.enqueue_source_refresh(source, user)"
    ),
}
SLOW = {"a read", "a connection check"}  # by an Autotask that takes its time


def begin(portal: Portal, kind: str, mark: str) -> int:
    """Start a job of this kind; its key."""
    program = BEGIN.replace("ROWS", str(ROWS)) + KINDS[kind].replace("MARK", mark) + "\nprint(job.pk)"
    return int(portal.run(program))


def state_of(portal: Portal, number: int) -> tuple[str, int]:
    """State and tries of a job."""
    rows = portal.query(f"SELECT state, attempts FROM integrations_job WHERE id = {number}")  # noqa: S608
    return rows[0][0], rows[0][1]


def killed_in(portal: Portal, kind: str) -> str:
    """Each process in turn, while a job of this kind is being done."""
    cut = []
    for name, word in PROCESSES.items():
        mark = f"{kind.split()[-1]}{time.monotonic_ns()}"
        if kind in SLOW:
            portal.simulator.inject("latency", seconds=1.5)
        number = begin(portal, kind, mark)
        state = partial(state_of, portal, number)
        wait_until_state(state, lambda found: found != "waiting")
        for process in portal.processes(word):
            os.kill(process, signal.SIGKILL)
        portal.simulator.clear()
        wait_until_state(state, lambda found: found == "done")
        if state()[1] > 1:
            cut.append(name)
        if "import" in kind:
            rows = portal.query(
                f"SELECT count(*), count(DISTINCT name) FROM integrations_organization "  # noqa: S608
                f"WHERE name LIKE '{mark} %'"
            )
            assert rows == [(ROWS, ROWS)], f"{rows} instead of {ROWS} rows"
            portal.run(FORGET.replace("MARK", mark))
    times = " and ".join(cut) or "nobody: it had ended"
    return f"killed in the middle: {times}; another process did it, once"


def wait_until_state(state: Callable[[], tuple[str, int]], is_right: Callable[[str], bool]) -> None:
    """Wait closely: some jobs are short."""
    began = time.monotonic()
    while not is_right(state()[0]):
        assert time.monotonic() - began < PATIENCE, f"the job is still {state()[0]}"
        time.sleep(0.01)


@fault("kill -9 of each process of a worker, in a read")
def _read(portal: Portal) -> str:
    return killed_in(portal, "a read")


@fault("kill -9 of each process of a worker, in a connection check")
def _check(portal: Portal) -> str:
    return killed_in(portal, "a connection check")


@fault("kill -9 of each process of a worker, in an import of a file")
def _import(portal: Portal) -> str:
    return killed_in(portal, "an import of a file")


@fault("kill -9 of each process of a worker, in an import of companies")
def _import_companies(portal: Portal) -> str:
    return killed_in(portal, "an import of companies")


@fault("kill -9 of each process of a worker, in a refresh of a source")
def _refresh_source(portal: Portal) -> str:
    return killed_in(portal, "a refresh of a source")


@fault("kill -9 of each process of a worker, in Suggest Values")
def _suggest(portal: Portal) -> str:
    return killed_in(portal, "Suggest Values")


@fault("the process of the jobs stops while it has none")
def _stopped(portal: Portal) -> str:
    """As in native code that never returns; nothing is held, so no lease runs out."""
    (runner,) = portal.processes("management.runner")
    os.kill(runner, signal.SIGSTOP)
    began = time.monotonic()
    assert portal.press_refresh()[0] == 302
    wait_until(lambda: runner not in portal.processes("management.runner"), "it is replaced", 100)
    wait_until(lambda: portal.job()[0] == "done", "the job is done")
    return f"replaced, and the waiting job done, after {time.monotonic() - began:.0f} s"


@fault("kill -9 of all processes at once, in a read")
def _all(portal: Portal) -> str:
    """As when the machine loses its power, and serve is started again."""
    portal.simulator.inject("latency", seconds=1.5)
    number = begin(portal, "a read", "")
    sql = f"SELECT state FROM integrations_job WHERE id = {number}"  # noqa: S608  # a number
    wait_until(lambda: portal.value(sql) == "running", "the read runs")
    for process in portal.processes(""):
        with suppress(ProcessLookupError):  # others end with it
            os.kill(process, signal.SIGKILL)
    portal.simulator.clear()
    portal.start()
    wait_until(lambda: portal.value(sql) == "done", "the read is done after the start")
    return "after the next start another process took the read up and did it"
