"""From connecting to a true list of companies: the filter first, one read, then what Autotask changed."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.journeys.conftest import Visitor, open_summary
from tests.journeys.test_setup_to_saved_mappings import add_configuration, choose, wait_for_companies

DEAD = 4


def test_the_filter_comes_first_and_a_press_shows_what_was_deleted_and_retyped(visitor: Visitor) -> None:
    page, simulator = visitor.page, visitor.portal.simulator
    assert simulator is not None
    companies = simulator.tenants["api@main.example"].companies
    visitor.sign_in("olive")
    page.get_by_role("link", name="Add configuration").first.click()
    add_configuration(page, "Main", "api@main.example", "main-secret", "MAIN")

    # Connected, and nothing is read: which companies count is asked first.
    expect(page.get_by_role("heading", name="Which companies count?")).to_be_visible()
    expect(page.get_by_text("Autotask counts 47 companies. Nothing has been read yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Read all 47 companies")).to_be_visible()
    page.get_by_role("link", name="Choose a filter first").click()
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_label("Value").fill("1")
    simulator.requests.clear()
    page.get_by_role("button", name="Save filter").click()
    wait_for_companies(page, "All 4 companies of the filter were read: 4 new.")
    expect(page.get_by_role("heading", name="Which companies count?")).to_have_count(0)

    # One read, and it asked with the filter.
    asked = [json.loads(request.body) for request in simulator.requests.to("companies/query", "POST")]
    reads = [body for body in asked if '"in"' not in json.dumps(body["filter"])]
    assert all("companyType" in json.dumps(body["filter"]) for body in reads)
    assert len(simulator.requests.to("entityinformation/fields")) == 1

    # Two organizations are mapped; then Autotask merges the one company away, and the other one dies.
    for organization, text, name in (
        ("Harrow Lane Dental", "harrow", "Harrow Lane Dental, LLC"),
        ("Mossfield Veterinary Clinic", "mossfield", "Mossfield Veterinary Clinic Inc"),
    ):
        choose(page, organization, text, name)
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text("Mappings saved: 2 new.")).to_be_visible()
    companies.remove(101)
    companies.change(102, {"companyType": DEAD})

    page.get_by_role("button", name="Refresh Options").click()

    wait_for_companies(
        page,
        "All 2 companies of the filter were read: 1 changed, 1 no longer there, 1 now outside the filter.",
    )
    harrow = page.get_by_role("row").filter(has_text="Harrow Lane Dental")
    expect(harrow).to_contain_text("no longer in Autotask")
    mossfield = page.get_by_role("row").filter(has_text="Mossfield Veterinary Clinic")
    expect(mossfield).to_contain_text("outside the filter")
    expect(mossfield).not_to_contain_text("no longer in Autotask")
