"""The company filter: what it would choose, what it may hold, and that saving it is on record."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from integrations.models import (
    AuditEvent,
    Company,
    CompanyFilter,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.psa.base import FilterCondition, InvalidRequest, Unavailable
from integrations.services.audit import Batch
from integrations.services.companies.filters import (
    conditions_of,
    filter_fields,
    preview_filters,
    save_filters,
)
from integrations.simulators.autotask.server import Simulator
from tests.support.rows import make_company, make_mapping
from tests.support.simulated import VENDOR, actor_of, company_of, make_organization, map_to, table_contents

CUSTOMERS = [FilterCondition("companyType", "eq", 1)]


def test_the_preview_counts_shows_a_sample_and_names_mapped_companies_that_drop_out(
    refreshed: IntegrationInstance, owner: User, organizations: dict[str, Organization]
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 101)
    map_to(owner, refreshed, organizations["Birchwood"], 201)
    map_to(owner, refreshed, organizations["Calloway"], 202)
    before = table_contents(CompanyFilter, Company, OrganizationMapping, AuditEvent)

    found = preview_filters(refreshed, CUSTOMERS)

    assert found.count == 12
    assert len(found.sample) == 8
    assert all(company.company_type == 1 for company in found.sample)
    assert found.mapped == 3
    assert {company.remote_id for company in found.dropped} == {"201", "202"}
    assert table_contents(CompanyFilter, Company, OrganizationMapping, AuditEvent) == before


def test_a_mapped_company_beyond_the_first_hundreds_is_found_to_drop_out_too(
    refreshed: IntegrationInstance, owner: User
) -> None:
    for number in range(520):
        company = make_company(refreshed, 10_000 + number, f"Not in Autotask {number}")
        make_mapping(make_organization(f"Organization {number}"), company, owner)
    map_to(owner, refreshed, make_organization("Abbott"), 101)

    found = preview_filters(refreshed, CUSTOMERS)

    assert found.mapped == 521
    assert {company.name for company in found.dropped} == {f"Not in Autotask {n}" for n in range(520)}


def test_a_preview_without_rows_counts_everything(refreshed: IntegrationInstance) -> None:
    found = preview_filters(refreshed, [])
    assert (found.count, found.mapped, found.dropped) == (15, 0, ())


def test_a_preview_asks_about_no_more_than_it_must(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User, organizations: dict[str, Organization]
) -> None:
    simulator.requests.clear()
    preview_filters(refreshed, CUSTOMERS)
    assert len(simulator.requests) == 2


@pytest.mark.parametrize(
    ("fault", "error"), [("gateway-error", Unavailable), ("server-error", InvalidRequest)]
)
def test_a_preview_that_fails_raises_and_leaves_everything(
    simulator: Simulator, refreshed: IntegrationInstance, fault: str, error: type[Exception]
) -> None:
    simulator.inject(fault)
    with pytest.raises(error):
        preview_filters(refreshed, CUSTOMERS)


def test_saving_replaces_the_rows_in_order_and_is_audited(
    refreshed: IntegrationInstance, owner: User
) -> None:
    many = [FilterCondition("companyType", "in", (1, VENDOR)), FilterCondition("city", "notExist")]
    save_filters(Batch(actor_of(owner)), refreshed, CUSTOMERS)

    save_filters(Batch(actor_of(owner)), refreshed, many)

    refreshed.refresh_from_db()
    assert conditions_of(refreshed) == many
    assert refreshed.filters_changed_at is not None
    event = AuditEvent.objects.filter(action="company filter changed").first()
    assert event is not None
    assert event.before == {"filters": [["companyType", "eq", 1]]}
    assert event.after == {"filters": [["companyType", "in", [1, VENDOR]], ["city", "notExist", None]]}


def test_saving_the_same_rows_again_is_no_change(refreshed: IntegrationInstance, owner: User) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, CUSTOMERS)
    refreshed.refresh_from_db()
    changed_at = refreshed.filters_changed_at
    save_filters(Batch(actor_of(owner)), refreshed, CUSTOMERS)
    refreshed.refresh_from_db()
    assert refreshed.filters_changed_at == changed_at
    assert AuditEvent.objects.filter(action="company filter changed").count() == 1


def test_the_guides_list_is_offered_before_the_tenants_and_the_tenants_afterwards(
    instance: IntegrationInstance, refreshed: IntegrationInstance
) -> None:
    unread = IntegrationInstance(psa="autotask", name="Unread", username="u")
    unread.save()
    before = next(field for field in filter_fields(unread) if field.name == "companyType")
    after = next(field for field in filter_fields(refreshed) if field.name == "companyType")
    assert {option.value: option.label for option in before.options}[5] == "Cancelation"
    assert {option.value: option.label for option in after.options}[VENDOR] == "Vendor"


def test_a_mapped_company_that_is_missing_already_does_not_drop_out(
    refreshed: IntegrationInstance, owner: User, organizations: dict[str, Organization]
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 201)
    make_company(refreshed, 777, "Never mapped")
    Company.objects.filter(pk=company_of(refreshed, 201).pk).update(missing_since="2026-01-01T00:00:00Z")
    assert preview_filters(refreshed, CUSTOMERS).mapped == 0
