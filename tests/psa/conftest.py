"""A client against a running simulator, with time that passes when somebody sleeps."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from integrations.outbound.addresses import Gate
from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings, Clock
from integrations.psa.base import CompanyPage, Credentials, RemoteCompany
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant

USERNAME = "api-user@northwind.example"
SECRET = "Correct-Horse-Battery-9"
TRACKING_IDENTIFIER = "NWTRACKINGIDENTIFIER77"
CREDENTIALS = Credentials(USERNAME, SECRET, TRACKING_IDENTIFIER)

Row = Mapping[str, object]


@dataclass
class FastTime:
    """A clock whose sleeps return at once and are remembered."""

    slept: list[float] = field(default_factory=list)
    skipped: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sleep(self, seconds: float) -> None:
        """Pretend that ``seconds`` passed."""
        with self._lock:
            self.slept.append(seconds)
            self.skipped += seconds

    def now(self) -> float:
        """Real time plus everything that was slept."""
        return time.monotonic() + self.skipped

    @property
    def clock(self) -> Clock:
        """What the client is given."""
        return Clock(monotonic=self.now, sleep=self.sleep, rng=random.Random(5))


def companies(count: int, *, start: int = 29_683_500, step: int = 3) -> list[Row]:
    """``count`` companies; the first is 0, the MSP itself."""
    names = ("Harbour Dental Group LLC", "Oak & Ash Architects", "St. Mary's School", "Delta Freight GmbH")
    rows: list[Row] = [{"id": 0, "companyName": "Northwind Managed IT", "companyType": 8}]
    rows += [
        {
            "id": start + step * index,
            "companyName": f"{names[index % len(names)]} {index}",
            "companyType": 1 + index % 3,
            "city": ("Springfield", "Köln", None)[index % 3],
            "isActive": index % 5 != 0,
        }
        for index in range(count - 1)
    ]
    return rows


def northwind(rows: Iterable[Row] | int = 4, **options: object) -> Tenant:
    """The tenant of these tests; a number makes that many companies."""
    served = companies(rows) if isinstance(rows, int) else rows
    return Tenant(USERNAME, SECRET, TRACKING_IDENTIFIER, served, **options)  # type: ignore[arg-type]


def read_all(pages: Iterable[CompanyPage]) -> list[RemoteCompany]:
    """Every company of a read; each page must be in the order of ids, and no id may come twice."""
    found: list[RemoteCompany] = []
    for page in pages:
        numbers = [int(company.id) for company in page.companies]
        assert numbers == sorted(numbers)
        found += page.companies
    assert len({company.id for company in found}) == len(found)
    return found


def query_requests(simulator: Simulator) -> int:
    """How many pages of companies were asked for."""
    return sum("/query" in entry.route and "/count" not in entry.route for entry in simulator.requests)


Serve = Callable[..., Simulator]
Connect = Callable[..., AutotaskClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a simulator for some tenants; it stops at the end of the test."""
    running: list[Simulator] = []

    def start(*tenants: Tenant, **options: float) -> Simulator:
        simulator = Simulator(tenants, **options)  # type: ignore[arg-type]
        running.append(simulator.start())
        return simulator

    yield start
    for simulator in running:
        simulator.stop()


@pytest.fixture
def fast_time() -> FastTime:
    """Time in which sleeping costs nothing."""
    return FastTime()


@pytest.fixture
def connect(fast_time: FastTime) -> Iterator[Connect]:
    """A client for a simulator (or any address); closed at the end of the test."""
    made: list[AutotaskClient] = []

    def client(
        simulator: Simulator | str,
        *,
        credentials: Credentials = CREDENTIALS,
        stored: bool = True,
        extra_hosts: Iterable[str] = (),
        gate: Gate | None = None,
        api_url: str = "",
        **settings: object,
    ) -> AutotaskClient:
        base_url = simulator if isinstance(simulator, str) else simulator.base_url
        hosts = {base_url.partition("//")[2], *extra_hosts}
        made.append(
            AutotaskClient(
                credentials,
                settings=AutotaskSettings(
                    extra_hosts=frozenset(hosts),
                    discovery_url=base_url,
                    **settings,  # type: ignore[arg-type]
                ),
                api_url=api_url or (f"{base_url}/ATServicesRest/" if stored else ""),
                clock=fast_time.clock,
                gate=gate,
            )
        )
        return made[-1]

    yield client
    for each in made:
        each.close()
