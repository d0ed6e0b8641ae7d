"""A running simulator, and a plain caller that knows nothing of the portal's own client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest
import requests

from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.simulator import interface_description

USERNAME = "api@msp.example"
SECRET = "right-secret"
TRACKING_IDENTIFIER = "RIGHT-TRACKING-IDENTIFIER"

COMPANIES: tuple[dict[str, object], ...] = (
    {"id": 0, "companyName": "Northwind Managed IT", "companyType": 8},
    {"id": 3, "companyName": "Abel & Söhne GmbH", "companyType": 1, "city": "Köln", "classification": 14},
    {"id": 6, "companyName": "Baker's Dozen Bakery LLC", "companyType": 1, "phone": "555 0100"},
    {"id": 7, "companyName": "Cedar Dental Group", "companyType": 2, "isActive": False, "city": "Albany"},
    {
        "id": 12,
        "companyName": "Delta Freight",
        "companyType": 7,
        "userDefinedFields": [{"name": "Contract", "value": "Gold"}, {"name": "Region", "value": None}],
        "lastTrackedModifiedDateTime": "2025-06-30T22:00:00Z",
    },
)


class Caller:
    """Sends requests with one set of credentials; every 200 answer is held against the vendor's description
    (where it is present) as long as no fault is active.
    """

    def __init__(self, simulator: Simulator, **credentials: str) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(
            {
                "UserName": credentials.get("username", USERNAME),
                "Secret": credentials.get("secret", SECRET),
                "ApiIntegrationCode": credentials.get("tracking_identifier", TRACKING_IDENTIFIER),
            }
        )

    def call(
        self, method: str, path: str, *, base: str = "", timeout: float = 10, **options: object
    ) -> requests.Response:
        """One request: ``path`` is absolute, or follows the API address and version."""
        address = path if "://" in path else f"{base or self.simulator.api_url}V1.0/{path}"
        answer = self.session.request(
            method,
            address,
            timeout=timeout,
            allow_redirects=False,
            **options,  # type: ignore[arg-type]
        )
        if (
            answer.status_code == 200
            and not len(self.simulator.faults)
            and interface_description.DESCRIPTION_FILE.is_file()
        ):
            interface_description.validate_answer(method, address, answer.json())
        return answer

    def get(self, path: str, **options: object) -> requests.Response:
        """GET."""
        return self.call("GET", path, **options)  # type: ignore[arg-type]

    def post(self, path: str, content: object = None, **options: object) -> requests.Response:
        """POST of JSON."""
        return self.call("POST", path, json=content, **options)  # type: ignore[arg-type]

    def query(self, *conditions: Mapping[str, object], **more: object) -> requests.Response:
        """A company query by POST."""
        return self.post("Companies/query", {"filter": list(conditions), **more})

    def search(self, *conditions: Mapping[str, object], **more: object) -> requests.Response:
        """A company query by GET."""
        content = json.dumps({"filter": list(conditions), **more})
        return self.get("Companies/query", params={"search": content})

    def ids(self, *conditions: Mapping[str, object], **more: object) -> list[int]:
        """The ids that a query by POST answers on its first page."""
        answer = self.query(*conditions, **more)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]


EVERYTHING: Mapping[str, object] = {"op": "gte", "field": "id", "value": 0}


def make_tenant(**options: object) -> Tenant:
    """The usual tenant, with some things otherwise."""
    values: dict[str, object] = {
        "username": USERNAME,
        "secret": SECRET,
        "tracking_identifier": TRACKING_IDENTIFIER,
        "companies": COMPANIES,
        **options,
    }
    return Tenant(**values)  # type: ignore[arg-type]


def numbered_companies(count: int) -> list[dict[str, object]]:
    """Companies with the ids 1 to ``count``."""
    return [{"id": number, "companyName": f"Company {number:05d}"} for number in range(1, count + 1)]


@pytest.fixture
def tenant() -> Tenant:
    """The usual tenant."""
    return make_tenant()


@pytest.fixture
def simulator(tenant: Tenant) -> Iterator[Simulator]:
    """A simulator that serves the usual tenant."""
    with Simulator([tenant]) as running:
        yield running


@pytest.fixture
def caller(simulator: Simulator) -> Iterator[Caller]:
    """A caller with the right credentials."""
    made = Caller(simulator)
    yield made
    made.session.close()
