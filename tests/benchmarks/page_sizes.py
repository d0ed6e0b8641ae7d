"""What the mapping page costs with 5,000 organizations and with 500, one look at each in turn.

Run from the root of the project (PostgreSQL databases are emptied!)::

    .venv/bin/python -m tests.benchmarks.page_sizes [--databases postgres://…/large postgres://…/small]

A machine that is fast now and slow then makes two runs one after the other hard to compare: here both portals
are filled first, and what slows one of them slows the other, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from tests.benchmarks import large
from tests.benchmarks.pages import percentile

SIZES = (5000, 500)


def look(database: str, organizations: int, companies: int) -> None:
    """Fill, then look at the page once for each line of the input; print the milliseconds of each look."""
    large.settings(database)
    user, instance = large.load(organizations, companies, 1)
    from django.test import Client

    import portal.wsgi  # noqa: F401  # the collector as it is where pages are served

    client = Client()
    client.force_login(user)
    address = instance.get_absolute_url()
    large.say("ready")
    for _ in sys.stdin:
        began, worked = time.perf_counter(), time.process_time()
        response = client.get(address)
        assert response.status_code == 200
        large.say(json.dumps([1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)]))


def start(database: str, organizations: int, companies: int) -> subprocess.Popen[str]:
    """A process that has filled its portal and waits for lines."""
    command = [sys.executable, "-m", "tests.benchmarks.page_sizes", "--databases", database]
    command += ["--fill", str(organizations), "--companies", str(companies)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def once(process: subprocess.Popen[str]) -> list[float]:
    """One look: milliseconds by the clock, and of processor time."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("look\n")
    found: list[float] = json.loads(process.stdout.readline())
    return found


def main() -> None:
    """Fill both, look at them in turn, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", default=["sqlite"], help="one for each size, or SQLite")
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument(
        "--fill", type=int, default=0, help="the size of one of the two, which is then served"
    )
    options = parser.parse_args()
    if options.fill:
        look(options.databases[0], options.fill, options.companies)
        return
    databases = options.databases * 2 if len(options.databases) == 1 else options.databases
    processes = [start(*each, options.companies) for each in zip(databases, SIZES, strict=True)]
    for _ in range(10):
        for process in processes:
            once(process)
    looks: list[tuple[list[float], ...]] = [
        tuple(once(process) for process in processes) for _ in range(options.requests)
    ]
    large.say(f"{'organizations':14}{'median':>9}{'p95':>9}{'cpu':>9}")
    rows: list[dict[str, Any]] = []
    for place, size in enumerate(SIZES):
        clock = [each[place][0] for each in looks]
        cpu = [each[place][1] for each in looks]
        rows.append({"median": statistics.median(clock), "p95": percentile(clock, 0.95)})
        large.say(f"{size:<14,}{rows[-1]['median']:9.1f}{rows[-1]['p95']:9.1f}{statistics.median(cpu):9.1f}")
    cheaper = [1 - rows[1][name] / rows[0][name] for name in ("median", "p95")]
    large.say(f"the smaller one is cheaper by {cheaper[0]:.0%} (median), {cheaper[1]:.0%} (p95); target 20 %")
    for process in processes:
        process.kill()


if __name__ == "__main__":
    main()
