"""The tenant's own fields, names of owners and parents: kept by a full read, dropped by no other."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import Company, FilterOption, IntegrationInstance
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies import filter_fields, filter_text, save_filters
from integrations.services.companies.store import store_fields
from integrations.services.instances.credentials import with_current_zone
from integrations.simulators.autotask.references import REFERENCES
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import COMPANIES, actor_of, company_of, make_tenant, refresh
from tests.support.sweeps import first_few

ClientOf = Callable[[User], Client]
KEY = "udf:Customer key"


@pytest.fixture
def tenant() -> Tenant:
    """One whose companies have keys of another tool, tax ids, and a parent that is no customer."""
    family = ({**row, "parentCompanyID": 201} if row["id"] in (101, 102) else dict(row) for row in COMPANIES)
    made = make_tenant(companies=list(family))
    for number in (101, 102, 103):
        fields = [
            {"name": "Customer key", "value": f"K-{number}"},
            {"name": "Contract", "value": f"C-{number}"},
        ]
        made.companies.change(number, {"userDefinedFields": fields, "taxID": f"TAX {number}"})
    return made


def fields_of(instance: IntegrationInstance) -> dict[str, Any]:
    instance.refresh_from_db()
    return {field.name: field for field in filter_fields(instance)}


def labels(instance: IntegrationInstance, name: str) -> dict[object, str]:
    return {option.value: option.label for option in fields_of(instance)[name].options if option.is_active}


def read_changes(instance: IntegrationInstance) -> None:
    """What a read of changes does with the fields."""
    metadata = with_current_zone(instance, lambda client: client.company_metadata())
    store_fields(instance, metadata)


def test_a_full_read_keeps_own_fields_and_names_and_a_read_of_changes_drops_none(
    refreshed: IntegrationInstance,
) -> None:
    for again in (False, True):
        if again:
            read_changes(refreshed)
        fields = fields_of(refreshed)
        assert {name for name in fields if name.startswith("udf:")} == {"udf:Contract", KEY}
        assert fields[KEY].label == "Customer key"
        assert labels(refreshed, "ownerResourceID")[29682901] == "Dana Whitlock"
        assert labels(refreshed, "countryID")[237] == "United States"
        assert labels(refreshed, "companyCategoryID")[2] == "Managed"
        assert labels(refreshed, "parentCompanyID") == {201: "Paper & Toner Supply"}
        assert labels(refreshed, "companyType")[1] == "Customer"


@pytest.mark.parametrize("fault", first_few(["gateway-error", "html-page", "no-company-permission"]))
def test_what_cannot_be_read_stays_as_it_was_known_and_is_said(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User, client_of: ClientOf, fault: str
) -> None:
    before = {name: labels(refreshed, name) for name in ("ownerResourceID", "countryID")}
    for path in ("resources", "userdefinedfields"):
        simulator.inject(fault, path=path)
    assert refresh(refreshed, full=True).state == "done"
    assert {name: labels(refreshed, name) for name in before} == before
    assert KEY in fields_of(refreshed)
    page = unescape(client_of(owner).get(refreshed.get_absolute_url()).content.decode())
    assert "The names of owners could not be read." in page
    if fault != "no-company-permission":
        assert "The user-defined fields could not be read." in page
    simulator.clear()
    refresh(refreshed, full=True)
    page = unescape(client_of(owner).get(refreshed.get_absolute_url()).content.decode())
    assert "could not be read" not in page


def test_what_the_tenant_has_no_more_goes_with_the_next_full_read(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    tenant.companies.change(101, {"parentCompanyID": None})
    tenant.companies.change(102, {"parentCompanyID": None})
    people = REFERENCES["resources"]
    tenant.references["resources"] = type(people)(people.singular, people.fields, people.rows[:1])
    refresh(refreshed, full=True)
    assert labels(refreshed, "parentCompanyID") == {}
    assert list(labels(refreshed, "ownerResourceID")) == [29682885]
    assert FilterOption.objects.filter(field="ownerResourceID", is_active=False).count() == 3


def test_a_parent_that_the_filter_leaves_out_is_asked_for_by_its_id(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    save_filters(Batch(actor_of(owner)), instance, [FilterCondition("companyType", "eq", 1)])
    assert refresh(instance, full=True).state == "done"
    assert labels(instance, "parentCompanyID") == {201: "Paper & Toner Supply"}
    assert not Company.objects.filter(remote_id="201").exists()


def test_names_can_be_typed_and_are_said(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    rows = [
        ("parentCompanyID", "paper & toner supply", "and"), ("ownerResourceID", "Dana Whitlock", "and"),
        (KEY, "K-101", "or"),
    ]  # fmt: skip
    data: dict[str, object] = {"filters-TOTAL_FORMS": 3, "filters-INITIAL_FORMS": 0}
    for number, (field, value, join) in enumerate(rows):
        row = {"field": field, "operation": "eq", "value": value, "join": join}
        data |= {f"filters-{number}-{name}": text for name, text in row.items()}
    address = reverse("integrations:filters_save", args=["autotask", refreshed.pk])
    assert client_of(owner).post(address, data).status_code == 302
    assert filter_text(refreshed) == [
        "Parent company equals 201 (Paper & Toner Supply)",
        "Owner equals 29682901 (Dana Whitlock) or Customer key equals “K-101”",
    ]


def test_the_tax_id_is_read_with_the_companies(refreshed: IntegrationInstance) -> None:
    assert company_of(refreshed, 101).tax_id == "TAX 101"
    assert company_of(refreshed, 104).tax_id == ""
