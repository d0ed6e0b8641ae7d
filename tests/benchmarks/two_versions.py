"""What the mapping page and a save of every row cost in this checkout and in another one, in turn.

Run from the root of the project (PostgreSQL databases are emptied!)::

    .venv/bin/python -m tests.benchmarks.two_versions ../before [--databases postgres://…/a postgres://…/b]

Both checkouts fill a portal of their own, each with its own code and settings; then they are asked in turn,
so that what slows the machine slows both. The other one needs no more than its ``tests/benchmarks/large.py``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
ASIDE = 10  # first looks, which do not count


def serve(database: str, organizations: int, companies: int) -> None:
    """Fill, then do what each line of the input says; print the milliseconds, of clock and processor."""
    from tests.benchmarks import large

    large.settings(database)
    user, instance = large.load(organizations, companies, 1)
    from django.db import connection
    from django.test import Client

    import portal.wsgi  # noqa: F401  # the collector as it is where pages are served
    from integrations.models import MappingProposal, Organization, OrganizationMapping

    client = Client()
    client.force_login(user)
    page = instance.get_absolute_url()

    def look() -> None:
        assert client.get(page).status_code == 200

    def save() -> None:
        answer = client.post(f"{page}mappings/save/")
        assert answer.status_code in {200, 302}
        assert OrganizationMapping.objects.count() == organizations

    def suggest_all() -> None:
        MappingProposal.objects.all().delete()
        OrganizationMapping.objects.all().delete()
        Organization.objects.update(is_active=True)  # an inactive one has no row to save
        large.map_and_suggest(user, instance, 0, 1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    actions: dict[str, Callable[[], None]] = {"look": look, "save": save}
    large.say("ready")
    for line in sys.stdin:
        if line.strip() == "save":
            suggest_all()
        began, worked = time.perf_counter(), time.process_time()
        actions[line.strip()]()
        large.say(json.dumps([1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)]))


def start(checkout: Path, database: str, options: argparse.Namespace) -> subprocess.Popen[str]:
    """A process with the code of the checkout, which has filled its portal and waits for lines."""
    # By this file, which the checkout itself may not have, with the checkout's modules.
    program = f"import runpy, sys; sys.path.insert(0, '.'); runpy.run_path({__file__!r}, run_name='__main__')"
    command = [sys.executable, "-c", program, ".", "--databases", database, "--serve"]
    command += ["--organizations", str(options.organizations), "--companies", str(options.companies)]
    process = subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", "the portal was not filled"
    return process


def once(process: subprocess.Popen[str], what: str) -> tuple[float, float]:
    """One look or save: milliseconds by the clock, and of processor time."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what}\n")
    clock, processor = json.loads(process.stdout.readline())
    return clock, processor


def tell(what: str, taken: list[list[tuple[float, float]]], percentile: Callable[..., float]) -> None:
    """One line: both versions and their ratios."""
    figures: list[dict[str, float]] = []
    for ours in taken:
        clock, processor = [each[0] for each in ours], [each[1] for each in ours]
        figures.append(
            {
                "median": statistics.median(clock),
                "p95": percentile(clock, 0.95),
                "least": min(clock),
                "cpu": statistics.median(processor),
                "least cpu": min(processor),
            }
        )
    now, before = figures
    told = "".join(
        f"{name:>10} {now[name]:7.1f} / {before[name]:7.1f} = {now[name] / before[name]:4.2f}" for name in now
    )
    print(f"{what:6}{told}", flush=True)  # noqa: T201


def main() -> None:
    """Fill both, ask them in turn, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, help="another checkout of the project")
    parser.add_argument(
        "--databases", nargs="+", default=["sqlite", "sqlite"], help="of this one, of the other"
    )
    parser.add_argument("--organizations", type=int, default=5000)
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--looks", type=int, default=100)
    parser.add_argument("--saves", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="be one of the two")
    options: Any = parser.parse_args()
    if options.serve:
        serve(options.databases[0], options.organizations, options.companies)
        return
    from tests.benchmarks.pages import percentile

    checkouts = (HERE, options.before.resolve())
    processes = [start(*each, options) for each in zip(checkouts, options.databases, strict=True)]
    for what, times, aside in (("look", options.looks, ASIDE), ("save", options.saves, 1)):
        taken: list[list[tuple[float, float]]] = [[], []]
        for number in range(aside + times):
            order = (0, 1) if number % 2 else (1, 0)
            for which in order:
                figures = once(processes[which], what)
                if number >= aside:
                    taken[which].append(figures)
        tell(what, taken, percentile)
    for process in processes:
        process.kill()


if __name__ == "__main__":
    main()
