"""What a read could not take over: kept, shown with a way on, and cleared by the next good read."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations import tasks
from integrations.models import FilterOption, IntegrationInstance, Job
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import (
    CUSTOMER,
    actor_of,
    company_of,
    make_organization,
    refresh,
    table_contents,
)
from tests.support.sweeps import first_few

FIELDS = "entityinformation/fields"
Signed = Callable[[User], Client]


def warnings_of(instance: IntegrationInstance) -> list[str]:
    instance.refresh_from_db()
    return [each.text for each in (*instance.field_warnings, *instance.company_warnings)]


def page_of(window: Client, instance: IntegrationInstance) -> str:
    return html.unescape(window.get(instance.get_absolute_url()).content.decode())


def cards_of(page: str) -> tuple[str, str]:
    """The card of the filter, and that of the mappings with the refresh's result."""
    filters, mappings = page.index('id="filters"'), page.index('id="mappings"')
    return page[filters:mappings], page[mappings:]


# --- fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", first_few(["sort-order", "twice", "length", "null-value", "type"], 2))
def test_an_odd_field_is_named_on_the_filter_card_and_the_companies_are_read(
    simulator: Simulator, refreshed: IntegrationInstance, member: User, client_of: Signed, what: str
) -> None:
    simulator.inject("odd-metadata", what=what)
    job = refresh(refreshed)
    assert job.state == Job.State.DONE
    assert warnings_of(refreshed) == [
        "Some entries of the fields were left out or put right when they were read."
    ]
    assert job.result["warnings"] == warnings_of(refreshed)
    card, result = cards_of(page_of(client_of(member), refreshed))
    assert "Some entries of the fields were left out" in card
    assert refreshed.field_warnings[0].details[0] in card
    assert "Some entries of the fields" not in result

    simulator.clear()
    refresh(refreshed)
    assert warnings_of(refreshed) == []
    assert "Some entries of the fields" not in page_of(client_of(member), refreshed)


def test_fields_that_cannot_be_read_are_told_and_the_last_picklists_stay(
    simulator: Simulator, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    before = table_contents(FilterOption)
    simulator.inject("gateway-error", status=503, path=FIELDS)
    assert refresh(refreshed).state == Job.State.DONE
    (text,) = warnings_of(refreshed)
    assert text.startswith("Fields and picklists could not be read, so those of the last good read are used.")
    assert table_contents(FilterOption) == before
    card, _ = cards_of(page_of(client_of(member), refreshed))
    assert text in card

    since = refreshed.field_warnings[0].at
    refresh(refreshed)
    refreshed.refresh_from_db()
    assert refreshed.field_warnings[0].at == since  # it says since when
    simulator.clear()
    refresh(refreshed)
    assert warnings_of(refreshed) == []


def test_a_warning_about_fields_stands_although_the_companies_then_fail(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("odd-metadata")
    simulator.inject("truncated-json", path="companies/query")
    assert refresh(refreshed).state == Job.State.FAILED
    assert len(warnings_of(refreshed)) == 1


# --- companies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["parent", "phone"])
def test_a_company_with_an_impossible_value_is_named_where_the_result_is(
    simulator: Simulator, refreshed: IntegrationInstance, member: User, client_of: Signed, what: str
) -> None:
    simulator.inject("odd-company", what=what, id=104)
    job = refresh(refreshed)
    assert job.message == "14 of 15 companies were read: nothing changed."
    (text,) = warnings_of(refreshed)
    assert text.startswith("One company holds an impossible value")
    card, result = cards_of(page_of(client_of(member), refreshed))
    assert text in result
    assert "Dunmore Freight Lines Inc (id 104)" in result
    assert text not in card
    assert company_of(refreshed, 104).missing_since is None

    simulator.clear()
    assert refresh(refreshed).message == "All 15 companies were read: nothing changed."
    assert warnings_of(refreshed) == []


def test_a_read_of_changes_keeps_a_warning_about_what_it_did_not_read(
    simulator: Simulator, tenant: Tenant, instance: IntegrationInstance
) -> None:
    for number in range(1000, 1031):
        tenant.companies.put({"id": number, "companyName": f"Harbour {number}"})
    simulator.inject("odd-company", what="phone", id=1004)
    refresh(instance)
    simulator.clear()

    tenant.companies.change(1005, {"city": "Akron"})
    assert refresh(instance).result["full"] is False
    assert len(warnings_of(instance)) == 1

    tenant.companies.change(1004, {"phone": "555-0104"})
    assert refresh(instance).result["full"] is False
    assert warnings_of(instance) == []
    assert company_of(instance, 1004).phone == "555-0104"


def test_the_only_changed_company_may_be_the_odd_one(
    simulator: Simulator, tenant: Tenant, instance: IntegrationInstance
) -> None:
    """Else one mistake in Autotask would make every read fail until somebody finds it."""
    for number in range(1000, 1031):
        tenant.companies.put({"id": number, "companyName": f"Harbour {number}"})
    refresh(instance)
    tenant.companies.change(1004, {"city": "Akron"})
    simulator.inject("odd-company", id=1004)
    job = refresh(instance)
    assert (job.state, job.result["full"]) == (Job.State.DONE, False)
    assert len(warnings_of(instance)) == 1
    assert instance.company_warnings[0].details == [
        "Harbour 1004 (id 1004): parentCompanyID is out of range."
    ]


def test_the_only_company_of_a_filter_may_be_the_odd_one(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User
) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("id", "eq", 104)])
    simulator.inject("odd-company", id=104)
    assert refresh(refreshed).state == Job.State.DONE
    assert len(warnings_of(refreshed)) == 1
    odd = company_of(refreshed, 104)
    assert (odd.missing_since, odd.in_filter) == (None, True)


# --- counted, and not given ---------------------------------------------------------------------------


def test_a_company_that_is_counted_and_not_given_is_a_warning_with_a_way_on(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    simulator.inject("counted-but-not-given", every=999)  # the company 0
    tenant.companies.change(102, {"companyName": "Read All The Same"})
    job = refresh(refreshed)
    assert job.state == Job.State.DONE
    assert job.message == "14 of 15 companies were read: 1 changed."
    assert company_of(refreshed, 102).name == "Read All The Same"
    own = company_of(refreshed, 0)
    assert (own.missing_since, own.in_filter) == (None, True)
    (text,) = warnings_of(refreshed)
    assert text.startswith("Autotask PSA counts 15 companies but gives 14, also when asked again.")
    _, result = cards_of(page_of(client_of(member), refreshed))
    assert text in result
    assert "Northwind Managed IT did not come." in result
    assert "They are gone: read again and mark them" in result

    client_of(member).post(reverse("integrations:refresh", args=[refreshed.psa, refreshed.pk]), {"gone": "1"})
    tasks.do_job(Job.objects.open().get().key)
    assert company_of(refreshed, 0).missing_since is not None
    assert warnings_of(refreshed) == []


def test_nobody_is_gone_because_of_such_a_read_of_a_filter_either(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    simulator.inject("counted-but-not-given", every=101)  # 0, which is outside, and 101, 202
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "eq", CUSTOMER)])
    job = refresh(refreshed)
    assert job.message.startswith("11 of 12 companies of the filter were read: ")
    hidden, vendor = company_of(refreshed, 101), company_of(refreshed, 201)
    assert (hidden.missing_since, hidden.in_filter) == (None, True)
    assert (vendor.missing_since, vendor.in_filter) == (None, False)


def test_many_companies_that_are_counted_and_not_given_void_the_read(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("counted-but-not-given", every=4)
    job = refresh(refreshed)
    assert job.state == Job.State.FAILED
    assert "thrown away" in job.error


# --- no company at all --------------------------------------------------------------------------------


def test_a_filter_that_leaves_nothing_is_told_and_no_reason_outlives_it(
    refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window, unlike = client_of(member), make_organization("Zephyr Balloon Tours")
    at = {"psa": refreshed.psa, "pk": refreshed.pk}
    suggest, preview = (reverse(f"integrations:{name}", kwargs=at) for name in ("suggest", "filters_preview"))
    window.post(suggest)
    reason = "no company shares a rare word, a domain or a telephone number with it"
    assert reason in page_of(window, refreshed)

    values = {
        "filters-TOTAL_FORMS": "1", "filters-INITIAL_FORMS": "0", "filters-0-field": "companyName",
        "filters-0-operation": "eq", "filters-0-value": "Nobody is called so",
    }  # fmt: skip
    previewed = html.unescape(window.post(preview, values).content.decode())
    assert '<div class="alert alert-warning mt-3" role="status">' in previewed
    assert "With this filter nothing can be suggested or mapped." in previewed
    save_filters(
        Batch(actor_of(member)), refreshed, [FilterCondition("companyName", "eq", "Nobody is called so")]
    )
    job = refresh(refreshed, full=True)
    assert job.message.startswith("No company matches the filter: ")
    assert warnings_of(refreshed) == [
        "The company filter leaves no company, so nothing can be suggested or mapped. Change the filter."
    ]
    shown = page_of(window, refreshed)
    assert "The company filter leaves no company" in cards_of(shown)[1]
    home = html.unescape(window.get("/").content.decode())
    assert "The company filter leaves no company" in home
    assert "The connection works." not in home
    assert reason not in shown
    assert "the companies changed after this was suggested: press Suggest Values again" in shown

    told = html.unescape(window.post(suggest, follow=True).content.decode())
    assert "Nothing can be suggested: the company filter leaves no company." in told
    assert not unlike.proposals.exists()
    assert reason not in told

    save_filters(Batch(actor_of(member)), refreshed, [])
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert warnings_of(refreshed) == []
    window.post(suggest)
    assert reason in page_of(window, refreshed)
