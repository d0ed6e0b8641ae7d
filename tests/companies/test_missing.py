"""“Why is my company missing?”: one answer for every reason, each with the way on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import IntegrationInstance, Job
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.services.companies.missing import Finding, NextStep, find_missing_company
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.rows import make_mapping
from tests.support.simulated import actor_of, make_organization, refresh

Signed = Callable[[User], Client]


def the_finding(instance: IntegrationInstance, text: str) -> Finding:
    """The only company that the text fits."""
    answer = find_missing_company(instance, text)
    assert answer.asked_live
    (finding,) = answer.findings
    return finding


@pytest.fixture
def customers(refreshed: IntegrationInstance, owner: User) -> IntegrationInstance:
    """The configuration reads customers only."""
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "eq", 1)])
    refresh(refreshed, full=True)
    refreshed.refresh_from_db()
    return refreshed


def test_it_is_there_and_can_be_chosen(refreshed: IntegrationInstance) -> None:
    finding = the_finding(refreshed, "Abbott")
    assert finding.sentence == "It is among the options and can be chosen."
    assert (finding.offered, finding.next_step) == (True, NextStep.CHOOSE)


def test_it_was_found_by_a_read_that_did_not_end(
    simulator: Simulator, tenant: Tenant, instance: IntegrationInstance
) -> None:
    """Nothing of such a read can be chosen, so nobody is sent to choose it."""
    simulator.inject("truncated-json", path="query/next")
    assert refresh(instance).state == Job.State.FAILED
    simulator.clear()
    assert instance.companies.get(name__startswith="Abbott").is_pending
    finding = the_finding(instance, "Abbott")
    assert finding.sentence == "It exists in Autotask, but no read has ended yet."
    assert (finding.offered, finding.next_step) == (False, NextStep.REFRESH)

    refresh(instance)
    tenant.companies.put({"id": 150, "companyName": "Quarrystone Roofing"})
    simulator.inject("truncated-json", path="query/next")
    assert refresh(instance).state == Job.State.FAILED
    simulator.clear()
    instance.refresh_from_db()
    assert the_finding(instance, "quarrystone").sentence == (
        "It exists in Autotask, but it is newer than the last refresh."
    )


def test_it_is_inactive(refreshed: IntegrationInstance) -> None:
    refreshed.companies.filter(name__startswith="Abbott").update(is_active=False)
    finding = the_finding(refreshed, "Abbott")
    assert finding.sentence.startswith("It is inactive in Autotask.")
    assert finding.next_step is NextStep.CHOOSE


def test_it_is_a_lead_and_the_filter_wants_customers(customers: IntegrationInstance, tenant: Tenant) -> None:
    lead = {"id": 990, "companyName": "Quarrystone Roofing", "companyType": 2, "isActive": True}
    tenant.companies.put(lead)
    for text in ("quarrystone", "990"):
        finding = the_finding(customers, text)
        assert finding.sentence == (
            "It exists in Autotask as Lead, but the company filter leaves it out. "
            "The filter wants: Company type equals 1 (Customer)."
        )
        assert finding.next_step is NextStep.FILTER


def test_it_was_read_once_and_is_left_out_since_the_filter_changed(
    refreshed: IntegrationInstance, owner: User
) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "eq", 1)])
    refresh(refreshed, full=True, accept_shrink=True)
    refreshed.refresh_from_db()
    finding = the_finding(refreshed, "Paper & Toner")
    assert "but the company filter leaves it out. The filter wants: Company type equals 1" in finding.sentence
    assert finding.next_step is NextStep.FILTER


def test_it_fits_the_filter_but_is_newer_than_the_last_refresh(
    customers: IntegrationInstance, tenant: Tenant
) -> None:
    new = {"id": 991, "companyName": "Quarrystone Roofing", "companyType": 1, "isActive": True}
    tenant.companies.put(new)
    finding = the_finding(customers, "quarrystone")
    assert finding.sentence == "It exists in Autotask, but it is newer than the last refresh."
    assert finding.next_step is NextStep.REFRESH


def test_this_api_user_may_not_see_it_any_more(refreshed: IntegrationInstance, tenant: Tenant) -> None:
    company = refreshed.companies.get(name__startswith="Abbott")
    tenant.companies.remove(int(company.remote_id))
    refresh(refreshed, full=True)
    finding = the_finding(refreshed, "Abbott")
    assert "this API user may not see it any more" in finding.sentence
    assert not finding.offered


def test_it_is_mapped_to_somebody(refreshed: IntegrationInstance) -> None:
    make_mapping(make_organization("Dunmore"), refreshed.companies.get(name__startswith="Abbott"))
    finding = the_finding(refreshed, "Abbott")
    assert finding.sentence == "It is mapped to Dunmore."
    assert (finding.next_step, finding.holder) == (NextStep.HOLDER, "Dunmore")


def test_it_is_in_the_other_instance(refreshed: IntegrationInstance, second: IntegrationInstance) -> None:
    finding = the_finding(refreshed, "Marlowe")
    assert finding.sentence.startswith("It is in the other configuration “Second”.")
    assert (finding.instance, finding.next_step) == (second, NextStep.INSTANCE)


def test_it_is_not_in_autotask_at_all(
    refreshed: IntegrationInstance, reader: User, client_of: Signed
) -> None:
    answer = find_missing_company(refreshed, "Nobody Knows It")
    assert (answer.findings, answer.asked_live, answer.error) == ((), True, "")
    address = reverse("integrations:missing", args=[refreshed.psa, refreshed.pk])
    page = client_of(reader).get(address, {"q": "Nobody Knows It"}).content.decode()
    assert "neither among the companies that were read nor in Autotask" in page
    assert "Give its security level access to all companies" in page


def test_autotask_cannot_be_asked(refreshed: IntegrationInstance, simulator: Simulator) -> None:
    simulator.inject("server-error", status=503)
    answer = find_missing_company(refreshed, "Abbott")
    assert not answer.asked_live
    assert answer.error
    assert [finding.name for finding in answer.findings] == ["Abbott Dental Care, LLC"]
