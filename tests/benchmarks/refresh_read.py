"""How long the client needs to read 20,000 companies, against what their pages cost at best.

Run from the root of the project::

    .venv/bin/python -m tests.benchmarks.refresh_read [--companies 20000] [--latency 0.5] [--seeds 7 8 9]

The simulator runs in a process of its own and adds ``--latency`` to every answer. The yardstick is the
time of 40 full pages (for 20,000 companies) when three are read at once: ``pages * latency / 3``. The
full refresh may take 1.25 times that. Three patterns of ids are read, because the client has to guess
where the ids lie when it reads a tenant for the first time: close together, with gaps of random width, and
in clumps as an old tenant has them. Every later full read knows the ids of the one before.

``tests.benchmarks.refresh_job`` measures whole refreshes in a worker.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import functools
import itertools
import math
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings
from integrations.psa.base import Credentials
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant

ALLOWED_RATIO = 1.25
PAGE_SIZE = 500
READERS = 3
say = functools.partial(print, flush=True)
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


def serve(pipe: Connection, pattern: str, companies: int, latency: float, seed: int) -> None:
    """Run a simulator until the pipe says something; answers its address, then its request counts."""
    ids = itertools.islice(PATTERNS[pattern](random.Random(seed)), companies)
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


@contextlib.contextmanager
def simulator(pattern: str, companies: int, latency: float, seed: int = 7) -> Iterator[SimulatorProcess]:
    """A simulator in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, pattern, companies, latency, seed), daemon=True)
    process.start()
    try:
        yield SimulatorProcess(here.recv(), here)
    finally:
        here.send("stop")
        process.join(10)


@dataclass
class SimulatorProcess:
    """Its address, and the pipe to it."""

    base_url: str
    pipe: Connection

    def requests(self) -> int:
        """How many requests it answered since this was asked last."""
        self.pipe.send("requests")
        return int(self.pipe.recv())


def best_time(companies: int, latency: float) -> float:
    """Seconds that the pages cost when three are read at once and nothing else takes time."""
    return math.ceil(companies / PAGE_SIZE) * latency / READERS


def read(
    base_url: str, modified_since: dt.datetime | None = None, known_ids: Sequence[str] = ()
) -> tuple[list[str], float]:
    """Read everything (or what changed); returns the ids of the companies and the seconds it took."""
    settings = AutotaskSettings(extra_hosts=frozenset({base_url.partition("//")[2]}), discovery_url=base_url)
    client = AutotaskClient(CREDENTIALS, settings=settings, api_url=f"{base_url}/ATServicesRest/")
    try:
        started = time.perf_counter()
        pages = client.companies((), modified_since=modified_since, known_ids=known_ids)
        found = [company.id for page in pages for company in page.companies]
        return found, time.perf_counter() - started
    finally:
        client.close()


def main() -> int:
    """Measure every pattern; the exit status says whether all stayed within the allowed ratio."""
    parser = argparse.ArgumentParser(description="Time of a full company read against its best case")
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds added to every answer")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7], help="of the ids; one read for each")
    options = parser.parse_args()
    best = best_time(options.companies, options.latency)
    within = True
    for pattern, seed in itertools.product(PATTERNS, options.seeds):
        with simulator(pattern, options.companies, options.latency, seed) as service:
            found, first = read(service.base_url)
            requests = service.requests()
            again, later = read(service.base_url, known_ids=found)
            requests_later = service.requests()
            read(service.base_url, dt.datetime(2026, 6, 1, tzinfo=dt.UTC))
            unchanged = service.requests()
        complete = len(found) == len(set(found)) == options.companies and sorted(found) == sorted(again)
        within = within and complete and max(first, later) <= ALLOWED_RATIO * best
        say(
            f"{pattern:15} seed {seed}: first read {first:6.2f} s, ratio {first / best:.3f}, "
            f"{requests} requests; later {later:6.2f} s, ratio {later / best:.3f}, "
            f"{requests_later} requests; unchanged: {unchanged} requests; "
            f"{'complete' if complete else 'INCOMPLETE'}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"best {best:.2f} s; peak memory of the reading process: {peak:.0f} MB")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
