"""Several workers: every job is done exactly once, and ten configurations are read faster than by one.

Run from the root of the project (the database is emptied!)::

    nice .venv/bin/python -m tests.benchmarks.workers --database postgres://portal@127.0.0.1:5432/bench
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.benchmarks import fleet, large


def exactly_once(jobs: int, count: int, base_url: str, tenants: int) -> bool:
    """So many jobs, two kinds an instance, by so many workers: each is claimed once and comes to its end."""
    from integrations import tasks
    from integrations.models import Job

    for instance in fleet.make_instances(jobs // 2, tenants, base_url):
        tasks.enqueue_refresh(instance, None, full=True)
        tasks.enqueue_check(instance, None)
    with fleet.workers(count):
        began = time.monotonic()
        fleet.wait_for(lambda: fleet.open_jobs() == 0, 900)
        took = time.monotonic() - began
    rows = list(Job.objects.values_list("state", "attempts", "error"))
    wrong = [row for row in rows if row[:2] != ("done", 1)]
    large.say(
        f"{len(rows)} jobs by {count} workers in {took:.1f} s; "
        f"not done exactly once: {len(wrong)} {wrong[:3]}"
    )
    return not wrong and len(rows) == jobs


def read_time(instances: int, count: int, base_url: str) -> float:
    """Seconds from the first claim to the last end of a first refresh of so many new instances."""
    from django.db.models import Max, Min

    from integrations import tasks
    from integrations.models import IntegrationInstance, Job, Worker

    Job.objects.all().delete()
    IntegrationInstance.objects.all().delete()  # whoever reads second must not find the companies known
    with fleet.workers(count):
        fleet.wait_for(lambda: Worker.objects.alive().count() == count, 60)
        # The largest first: at the end the others would wait for it.
        for instance in reversed(fleet.make_instances(instances, instances, base_url)):
            tasks.enqueue_refresh(instance, None, full=True)
        fleet.wait_for(lambda: fleet.open_jobs() == 0, 900)
    span = Job.objects.aggregate(first=Min("started_at"), last=Max("finished_at"))
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    return float((span["last"] - span["first"]).total_seconds())


def main() -> int:
    """Both parts; the exit status says whether they came out right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument(
        "--companies", type=int, default=1000, help="of the middle one of the ten configurations"
    )
    parser.add_argument("--latency", type=float, default=0.8, help="seconds added to every answer")
    options = parser.parse_args()
    large.settings(options.database)
    with fleet.simulated_autotask([20] * 10, 0.0) as base_url:
        large_hosts(base_url)
        right = exactly_once(options.jobs, options.workers, base_url, 10)
    # Of unequal size, as tenants are; ten equal ones could not be read more than 10/4 times as fast by three.
    sizes = [options.companies * share // 5 for share in range(1, 11)]
    with fleet.simulated_autotask(sizes, options.latency) as base_url:
        large_hosts(base_url)
        one = read_time(10, 1, base_url)
        many = read_time(10, options.workers, base_url)
    large.say(
        f"ten configurations of {sizes[0]:,} to {sizes[-1]:,} companies: 1 worker {one:.1f} s, "
        f"{options.workers} workers {many:.1f} s, {one / many:.2f} times as fast"
    )
    return 0 if right and one / many >= 2.5 else 1


def large_hosts(base_url: str) -> None:
    """Name the simulator in the environment that the workers inherit."""
    import os

    os.environ["AUTOTASK_EXTRA_HOSTS"] = base_url.removeprefix("http://")
    os.environ["AUTOTASK_DISCOVERY_URL"] = base_url


if __name__ == "__main__":
    sys.exit(main())
