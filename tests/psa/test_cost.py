"""What a read costs, known beforehand; and the moment from which changes have to be asked for."""

from __future__ import annotations

import datetime as dt

import pytest

from integrations.psa.base import FilterCondition
from tests.psa.conftest import Connect, Serve, northwind, read_all

LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
CUSTOMERS = (FilterCondition("companyType", "eq", 1),)


@pytest.mark.parametrize("count", [1, 40, 500, 501, 1500, pytest.param(4000, marks=pytest.mark.large)])
def test_the_cost_of_a_full_read_is_known_beforehand(serve: Serve, connect: Connect, count: int) -> None:
    simulator = serve(northwind(count))
    client = connect(simulator)
    known = [str(number) for number in next(iter(simulator.tenants.values())).companies.snapshot().ids]
    simulator.requests.clear()
    assert len(read_all(client.companies((), known_ids=known))) == count
    assert client.requests_for(count) <= len(simulator.requests) <= client.requests_for(count) + 1


@pytest.mark.parametrize(("changed", "conditions"), [(0, ()), (3, ()), (3, CUSTOMERS), (600, CUSTOMERS)])
def test_the_cost_of_an_incremental_read_is_counted(
    serve: Serve, connect: Connect, changed: int, conditions: tuple[FilterCondition, ...]
) -> None:
    tenant = northwind(1500)
    simulator = serve(tenant)
    since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    for number in tenant.companies.snapshot().ids[:changed]:
        tenant.companies.change(number, {"city": "Elsewhere"})
    client = connect(simulator)
    cost = client.read_cost(conditions, since)
    assert len(simulator.requests) == 2
    assert (cost.companies, cost.changed) == (client.count_companies(conditions), changed)
    simulator.requests.clear()
    found = [company.id for company in read_all(client.companies((), modified_since=since))]
    assert len(found) == changed
    if conditions:
        client.ids_in_filter(conditions, found)
    assert abs(len(simulator.requests) - cost.incremental) <= 1


def test_changes_are_asked_for_without_the_filter_so_that_retyped_companies_are_found(
    serve: Serve, connect: Connect
) -> None:
    tenant = northwind(60)
    client = connect(serve(tenant))
    retyped = next(number for number in tenant.companies.snapshot().ids if number)
    assert client.ids_in_filter(CUSTOMERS, [str(retyped)]) == {str(retyped)}
    since = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    tenant.companies.change(retyped, {"companyType": 4})
    assert [company.id for company in read_all(client.companies((), modified_since=since))] == [str(retyped)]
    assert read_all(client.companies(CUSTOMERS, modified_since=since)) == []
    assert client.ids_in_filter(CUSTOMERS, [str(retyped)]) == frozenset()


@pytest.mark.parametrize("minutes", [0, 20, -20])
def test_the_time_is_the_servers_whatever_the_portals_clock_says(
    serve: Serve, connect: Connect, minutes: int
) -> None:
    simulator = serve(northwind())
    simulator.inject("clock-off", minutes=minutes)
    client = connect(simulator)
    assert client.server_time() is None
    before = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes, seconds=-2)
    client.company_metadata()
    first = client.server_time()
    assert first is not None
    assert before <= first <= before + dt.timedelta(seconds=10)
    simulator.clear()
    simulator.inject("clock-off", minutes=minutes + 5)
    read_all(client.companies(()))
    assert client.server_time() == first


def test_company_0_is_asked_for_by_its_id_like_any_other(serve: Serve, connect: Connect) -> None:
    client = connect(serve(northwind(30)))
    assert "0" not in client.ids_in_filter(CUSTOMERS, ["0"])
    assert client.companies_by_id(["0"]).companies["0"].name == "Northwind Managed IT"


def test_all_of_an_old_tenant_has_changed_since_long_ago(serve: Serve, connect: Connect) -> None:
    cost = connect(serve(northwind(30))).read_cost((), LONG_AGO)
    assert (cost.companies, cost.changed, cost.full, cost.incremental) == (30, 30, 2, 2)
