"""How long the client needs to read 20,000 companies, against what their pages cost at best.

Run from the root of the project::

    .venv/bin/python -m tests.benchmarks.refresh_read [--companies 20000] [--latency 0.5] [--repeat 1]

The simulator runs in a process of its own and adds ``--latency`` to every answer. The yardstick is the
time of 40 full pages (for 20,000 companies) when three are read at once: ``pages * latency / 3``. The
full refresh may take 1.25 times that. Three patterns of ids are read, because the client has to guess
where the ids lie: close together, with gaps of random width, and in clumps as an old tenant has them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import math
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings
from integrations.psa.base import Credentials
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant

ALLOWED_RATIO = 1.25
PAGE_SIZE = 500
READERS = 3
CREDENTIALS = Credentials("reader@example.com", "a-secret-of-the-benchmark", "IDENTIFIER-OF-THE-BENCHMARK")


def close_together(rng: random.Random) -> Iterator[int]:
    """0, then consecutive ids."""
    del rng
    return itertools.count()


def random_gaps(rng: random.Random) -> Iterator[int]:
    """Gaps of 1 to 20."""
    number = 29_683_000
    while True:
        yield number
        number += rng.randint(1, 20)


def clumps(rng: random.Random) -> Iterator[int]:
    """The MSP itself, the vendor's sample company, then dense imports between sparse everyday additions."""
    yield from (0, 174)
    number = 29_683_000
    while True:
        dense = rng.random() < 0.5
        for _ in range(rng.randint(50, 1500)):
            yield number
            number += 1 if dense else rng.randint(1, 60)
        number += rng.randint(0, 5000)


PATTERNS = {"close together": close_together, "random gaps": random_gaps, "clumps": clumps}


def serve(pipe: Connection, pattern: str, companies: int, latency: float) -> None:
    """Run a simulator until the pipe says something; answers its address, then its request counts."""
    ids = itertools.islice(PATTERNS[pattern](random.Random(7)), companies)
    rows = [
        {
            "id": number,
            "companyName": f"Harbour {index} Dental Group LLC",
            "companyType": 1,
            "city": "Springfield",
            "state": "IL",
            "postalCode": f"{index:05d}",
            "phone": f"555-{index:06d}",
            "webAddress": f"https://www.harbour{index}.example",
            "isActive": True,
            "lastTrackedModifiedDateTime": "2026-01-15T09:30:00.000Z",
        }
        for index, number in enumerate(ids)
    ]
    tenant = Tenant(CREDENTIALS.username, CREDENTIALS.secret, CREDENTIALS.tracking_identifier, rows)
    with Simulator([tenant], latency=latency) as simulator:
        pipe.send(simulator.base_url)
        while pipe.recv() == "requests":
            pipe.send(len(simulator.requests))
            simulator.requests.clear()


def read(base_url: str, modified_since: dt.datetime | None = None) -> tuple[int, float]:
    """Read everything (or what changed); returns the number of companies and the seconds it took."""
    settings = AutotaskSettings(extra_hosts=frozenset({base_url.partition("//")[2]}), discovery_url=base_url)
    client = AutotaskClient(CREDENTIALS, settings=settings, api_url=f"{base_url}/ATServicesRest/")
    try:
        started = time.perf_counter()
        pages = client.companies((), modified_since=modified_since)
        found = sum(len(page.companies) for page in pages)
        return found, time.perf_counter() - started
    finally:
        client.close()


def main() -> int:
    """Measure every pattern; the exit status says whether all stayed within the allowed ratio."""
    parser = argparse.ArgumentParser(description="Time of a full company read against its best case")
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds added to every answer")
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    best = math.ceil(options.companies / PAGE_SIZE) * options.latency / READERS
    within = True
    context = multiprocessing.get_context("spawn")
    for pattern in PATTERNS:
        here, there = context.Pipe()
        process = context.Process(
            target=serve, args=(there, pattern, options.companies, options.latency), daemon=True
        )
        process.start()
        base_url = here.recv()
        for _ in range(options.repeat):
            found, seconds = read(base_url)
            here.send("requests")
            requests = here.recv()
            _, unchanged = read(base_url, dt.datetime(2026, 6, 1, tzinfo=dt.UTC))
            here.send("requests")
            ratio = seconds / best
            within = within and ratio <= ALLOWED_RATIO and found == options.companies
            print(  # noqa: T201  # the result of this program
                f"{pattern:15} {found:6} companies in {seconds:6.2f} s, best {best:6.2f} s, "
                f"ratio {ratio:.3f}, "
                f"{requests} requests; unchanged: {here.recv()} requests in {unchanged:.2f} s"
            )
        here.send("stop")
        process.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the reading process: {peak:.0f} MB")  # noqa: T201
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
