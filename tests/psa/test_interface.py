"""The client keeps the promises of the seam, and sends what the vendor's interface description allows."""

from __future__ import annotations

import datetime as dt
import inspect
import subprocess
import sys

import pytest

from integrations.psa.autotask.client import AutotaskClient
from integrations.psa.autotask.queries import OPERATIONS
from integrations.psa.base import FilterCondition, FilterGroup, FilterValue, PSAClient
from tests.psa.conftest import Connect, Serve, northwind, read_all
from tests.simulator.interface_description import needs_description, validate_received, validate_request


def as_client(client: AutotaskClient) -> PSAClient:
    """The client as the portal sees it (the type checker compares every method)."""
    return client


def test_the_client_has_every_method_of_the_seam() -> None:
    promised = {name for name, _ in inspect.getmembers(PSAClient, inspect.isfunction) if name[0] != "_"}
    assert promised <= set(dir(AutotaskClient))


VALUES: dict[str, FilterValue] = {"in": (1, 7), "notIn": (1, 7), "exist": None, "notExist": None}


@needs_description
def test_every_request_is_one_that_the_description_knows(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(300, user_defined_fields=["Contract"]))
    client = as_client(connect(simulator, stored=False, page_size=50))
    assert client.check().passed
    client.budget()
    client.company_metadata()
    client.companies_by_id(["0", "29683500"])
    client.sample_companies((), 5)
    client.ids_in_filter((FilterCondition("udf:Contract", "eq", "Gold"),), ["0"])
    client.read_cost((), dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    read_all(client.companies((), user_field="udf:Contract"))
    read_all(client.companies((), modified_since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    for operation in sorted(OPERATIONS):
        text = operation in {"beginsWith", "endsWith", "contains"}
        field, default = ("companyName", "a") if text else ("companyType", 1)
        condition = FilterCondition(field, operation, VALUES.get(operation, default))
        client.count_companies((condition,))
        client.sample_companies((FilterGroup("or", (condition,)),), 1)
    assert len(simulator.requests) > 40
    for entry in simulator.requests:
        validate_received(entry)
    assert {entry.status for entry in simulator.requests} == {200}


REFERENCES = ("/resources/", "/countries/", "/companycategories/")


@needs_description
def test_labels_are_asked_for_like_companies(serve: Serve, connect: Connect) -> None:
    """The extract of the description leaves these entities out; their queries are all of one kind."""
    simulator = serve(northwind())
    client = as_client(connect(simulator))
    client.company_metadata()
    simulator.requests.clear()
    client.field_details()
    asked = [entry for entry in simulator.requests if any(name in entry.route for name in REFERENCES)]
    assert len(asked) == 3
    for entry in asked:
        validate_request("POST", "/V1.0/Companies/query", entry.query, entry.headers, entry.body)
    (own,) = simulator.requests.to("userdefinedfields")
    validate_received(own)


def test_no_request_needs_more_than_the_three_headers(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    assert connect(simulator, stored=False).check().passed
    allowed = {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "connection",
        "content-length",
        "content-type",
    }
    for entry in simulator.requests:
        more = set(entry.headers) - allowed
        zone = entry.route.endswith("zoneinformation")
        assert more == (set() if zone else {"username", "secret", "apiintegrationcode"})


@pytest.mark.process
def test_the_client_imports_no_django() -> None:
    """Checked in a fresh interpreter: this one has loaded the whole portal perhaps."""
    code = (
        "import sys, integrations.psa.autotask.client, integrations.psa.autotask.filters; "
        "sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["client", "zones", "errors", "payloads", "filters"])
def test_the_simulator_is_not_part_of_the_client(module: str) -> None:
    source = inspect.getsource(__import__(f"integrations.psa.autotask.{module}", fromlist=["x"]))
    assert "simulators" not in source
