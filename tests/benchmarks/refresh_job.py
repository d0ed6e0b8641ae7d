"""Whole refreshes of 20,000 companies by a real worker: time against its best case, requests, peak memory.

Run from the root of the project (the database is emptied!)::

    nice .venv/bin/python -m tests.benchmarks.refresh_job [--database sqlite|postgres://...]
        [--companies 20000] [--latency 1.0] [--seeds 7]

The worker is ``manage.py worker``, the simulator another process that adds ``--latency`` to every answer. For
each pattern of ids: the first refresh of the configuration, a full one later, and one after which nothing has
changed. Seconds are those between start and end of the job, so they hold the reading of fields and picklists
and all writing to the database. The memory is the most that the worker process ever had resident (VmHWM).
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import fleet, large
from tests.benchmarks.refresh_read import (
    ALLOWED_RATIO,
    CREDENTIALS,
    PATTERNS,
    SimulatorProcess,
    best_time,
    simulator,
)
from tests.benchmarks.workers import large_hosts

if TYPE_CHECKING:
    from integrations.models import IntegrationInstance

ALLOWED_MEGABYTES = 150
ALLOWED_REQUESTS = 3  # of a refresh after which nothing has changed


def configuration(base_url: str, name: str) -> IntegrationInstance:
    """A connected configuration that nothing was read for yet."""
    from integrations.models import IntegrationInstance

    instance = IntegrationInstance(
        psa="autotask",
        name=name,
        username=CREDENTIALS.username,
        api_url=f"{base_url}/ATServicesRest/",
        status=IntegrationInstance.Status.CONNECTED,
        refresh_every_hours=0,
        check_daily=False,
    )
    instance.credentials = {
        "secret": CREDENTIALS.secret,
        "tracking_identifier": CREDENTIALS.tracking_identifier,
    }
    instance.save()
    return instance


def refresh(instance: IntegrationInstance, service: SimulatorProcess, *, full: bool) -> tuple[float, int]:
    """Seconds and requests of one refresh by the worker. Raises RuntimeError when it does not end well."""
    from integrations import tasks
    from integrations.models import Job

    service.requests()
    job = tasks.enqueue_refresh(instance, None, full=full)
    fleet.wait_for(lambda: fleet.open_jobs() == 0, 900)
    job.refresh_from_db()
    if job.state != Job.State.DONE or job.started_at is None or job.finished_at is None:
        raise RuntimeError(job.error)
    return (job.finished_at - job.started_at).total_seconds(), service.requests()


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had resident."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def measure(pattern: str, seed: int, options: argparse.Namespace) -> bool:
    """Three refreshes of one pattern by a worker of its own; whether all stayed within what is allowed."""
    best = best_time(options.companies, options.latency)
    with simulator(pattern, options.companies, options.latency, seed) as service:
        large_hosts(service.base_url)
        instance = configuration(service.base_url, f"{pattern} {seed}")
        with fleet.workers(1) as (worker,):
            first, first_requests = refresh(instance, service, full=True)
            assert instance.companies.present().count() == options.companies
            later, later_requests = refresh(instance, service, full=True)
            assert instance.companies.present().count() == options.companies
            _, unchanged = refresh(instance, service, full=False)
            peak = peak_megabytes(worker.pid)
    large.say(
        f"{pattern:15} seed {seed}: first {first:6.2f} s, ratio {first / best:.3f}, "
        f"{first_requests} requests; later {later:6.2f} s, ratio {later / best:.3f}, "
        f"{later_requests} requests; unchanged: {unchanged} requests; worker {peak:.0f} MB"
    )
    return (
        max(first, later) <= ALLOWED_RATIO * best
        and peak < ALLOWED_MEGABYTES
        and unchanged <= ALLOWED_REQUESTS
    )


def main() -> int:
    """Measure every pattern; the exit status says whether all stayed within what is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds added to every answer")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="of the ids")
    options = parser.parse_args()
    large.settings(options.database)
    best = best_time(options.companies, options.latency)
    large.say(f"{options.database.partition(':')[0]}, latency {options.latency} s, best {best:.2f} s")
    within = [measure(*each, options) for each in itertools.product(PATTERNS, options.seeds)]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
