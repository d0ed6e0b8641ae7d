"""What pages cost at the server with the data of a large MSP: time, queries, bytes.

Run from the root of the project::

    nice .venv/bin/python -m tests.benchmarks.pages [--database postgres://...] [--organizations 5000 500]

Each size runs in a process of its own on an empty database (a PostgreSQL database is emptied!). Requests go
through all middleware and templates, without the network; the first ones warm up and do not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks import large

WARM_UP = 5


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class QueryCounter:
    """Counts what is sent to the database."""

    number = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Send it."""
        self.number += 1
        return execute(sql, params, many, context)


def measure(action: Callable[[], Any], times: int) -> dict[str, float]:
    """Median, 95th percentile, processor time and the least of it (ms), queries, bytes of what answers."""
    from django.db import connection

    for _ in range(min(WARM_UP, times)):
        response = action()
    queries = QueryCounter()
    with connection.execute_wrapper(queries):
        response = action()
    assert response.status_code == 200, response.status_code
    taken, busy = [], []
    for _ in range(times):
        began, began_busy = time.perf_counter(), time.process_time()
        action()
        taken.append(1000 * (time.perf_counter() - began))
        busy.append(1000 * (time.process_time() - began_busy))
    return {
        "cpu": statistics.median(busy),
        "least": min(busy),
        "median": statistics.median(taken),
        "p95": percentile(taken, 0.95),
        "queries": queries.number,
        "bytes": len(response.content),
    }


def run(options: argparse.Namespace, organizations: int) -> dict[str, dict[str, float]]:
    """All figures of one size."""
    large.settings(options.database)
    user, instance = large.load(organizations, options.companies, options.instances)
    from django.test import Client

    import portal.wsgi  # noqa: F401  # settles the garbage collector as in a web process
    from integrations.models import Organization

    client = Client()
    client.force_login(user)
    page = instance.get_absolute_url()
    open_row = Organization.objects.order_by("-pk").first()
    assert open_row is not None
    choose = f"{page}mappings/{open_row.pk}/company/"
    fragment = {"HX-Request": "true"}
    figures = {
        "mapping page": measure(lambda: client.get(page), options.requests),
        "mapping page, last": measure(lambda: client.get(page, {"page": "999"}), options.requests),
        "mapping page, state": measure(lambda: client.get(page, {"state": "suggested"}), options.requests),
        "mapping page, search": measure(lambda: client.get(page, {"q": "dental"}), options.requests),
        "company search": measure(
            lambda: client.get(choose, {"q": "dental"}, headers=fragment), options.requests
        ),
        "company search, rare": measure(
            lambda: client.get(choose, {"q": "zyx"}, headers=fragment), options.requests
        ),
        "company choices": measure(lambda: client.get(choose, headers=fragment), options.requests),
        "home": measure(lambda: client.get("/"), options.requests),
        "jobs": measure(lambda: client.get("/jobs/"), options.requests),
    }
    figures |= save_figures(user, instance, options.saves)
    return figures


def save_figures(user: Any, instance: Any, times: int) -> dict[str, dict[str, float]]:
    """Save Mappings of every organization: all new, then all changed to another company."""
    from django.db import connection

    from integrations.models import MappingProposal, Organization, OrganizationMapping
    from integrations.services.audit import Actor, Batch
    from integrations.services.mapping.save import save_mappings

    actor = Actor(user.username, "benchmark", user)
    taken: dict[str, list[float]] = {"new": [], "changed": []}
    busy: dict[str, list[float]] = {"new": [], "changed": []}
    counted: dict[str, int] = {}
    Organization.objects.update(is_active=True)  # an inactive one has no row to save
    for _ in range(times):
        MappingProposal.objects.all().delete()
        OrganizationMapping.objects.all().delete()
        for what in ("new", "changed"):
            large.map_and_suggest(user, instance, 0, 1)
            if what == "changed":
                shift(instance)
            began, queries = time.perf_counter(), QueryCounter()
            began_busy = time.process_time()
            with connection.execute_wrapper(queries):
                outcome = save_mappings(Batch(actor), user, instance)
            taken[what].append(1000 * (time.perf_counter() - began))
            busy[what].append(1000 * (time.process_time() - began_busy))
            counted[what] = queries.number
            assert outcome.saved
            assert not outcome.conflicts
    return {
        f"save, all {what}": {
            "cpu": statistics.median(busy[what]),
            "least": min(busy[what]),
            "median": statistics.median(values),
            "p95": max(values),
            "queries": counted[what],
            "bytes": 0,
        }
        for what, values in taken.items()
    }


def shift(instance: Any) -> None:
    """Let every suggestion name the next company, and know the mapping that stands there."""
    from integrations.models import MappingProposal

    proposals = list(MappingProposal.objects.filter(instance=instance).order_by("organization_id"))
    companies = [proposal.company_id for proposal in proposals]
    for proposal, company in zip(proposals, [*companies[1:], companies[0]], strict=True):
        proposal.company_id, proposal.seen_version = company, 1
    MappingProposal.objects.bulk_update(proposals, ["company", "seen_version"], batch_size=300)


def arguments(options: argparse.Namespace, size: int) -> list[str]:
    """The command line of one size."""
    names = ("database", "companies", "instances", "requests", "saves")
    given = [word for name in names for word in (f"--{name}", str(getattr(options, name)))]
    return [*given, "--organizations", str(size)]


def main() -> None:
    """Run each size and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--organizations", type=int, nargs="+", default=[5000, 500])
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--saves", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one size, as JSON")
    options = parser.parse_args()
    if options.json:
        large.say(json.dumps(run(options, options.organizations[0])))
        return
    results: dict[int, dict[str, dict[str, float]]] = {}
    for size in options.organizations:
        command = [sys.executable, "-m", "tests.benchmarks.pages", "--json", *arguments(options, size)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        results[size] = json.loads(done.stdout)
    first = options.organizations[0]
    large.say(f"{'':24}" + "".join(f"{size:>10,} organizations{'':30}" for size in results))
    large.say(
        f"{'':24}"
        + f"{'median':>9}{'p95':>9}{'cpu':>8}{'least':>8}{'queries':>9}{'KB':>7}  " * len(results)
        + "  p95 to first"
    )
    for name in results[first]:
        line = f"{name:24}"
        for figures in results.values():
            row = figures[name]
            line += f"{row['median']:9.1f}{row['p95']:9.1f}{row['cpu']:8.1f}{row['least']:8.1f}"
            line += f"{row['queries']:9.0f}{row['bytes'] / 1024:7.0f}  "
        ratios = [figures[name]["p95"] / results[first][name]["p95"] for figures in results.values()]
        large.say(line + "  " + "  ".join(f"{ratio:.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
