"""A superuser mends in the admin, under the same strict content policy as everywhere."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.journeys.conftest import Visitor
from tests.journeys.test_setup_to_saved_mappings import add_configuration, wait_for_companies


def pick(page: Page, field: str, text: str, answer: str) -> None:
    """Search in one of the admin's search fields and take an answer."""
    page.locator(f".field-{field} .select2-selection").click()
    page.locator(".select2-search__field").fill(text)
    page.locator(".select2-results__option", has_text=re.compile(answer)).click()


def test_mending_a_mapping_in_the_admin(visitor: Visitor) -> None:
    page, portal = visitor.page, visitor.portal
    visitor.sign_in("olive")
    page.get_by_role("link", name="Add configuration").first.click()
    add_configuration(page, "Main", "api@main.example", "main-secret", "MAIN")
    page.get_by_role("button", name="Read all 47 companies").click()
    wait_for_companies(page, "companies were read")

    # Every list, and the first row of each, without a complaint of the browser.
    page.goto(f"{portal.url}/admin/")
    expect(page.get_by_role("heading", name="Repair and oversight")).to_be_visible()
    lists = page.locator("#content-main th[scope=row] a").evaluate_all(
        "links => links.map(link => link.href)"
    )
    assert len(lists) >= 15
    for address in lists:
        page.goto(address)
        expect(page.locator("#changelist")).to_be_visible()
        first = page.locator("#result_list tbody tr th a").first
        if first.count():
            first.click()
            expect(page.locator("#content h1")).to_be_visible()
            assert "main-secret" not in page.content()

    # A mapping, by searching: the company is told apart by its number and configuration.
    page.goto(f"{portal.url}/admin/integrations/organizationmapping/add/")
    pick(page, "organization", "tidewater", "Tidewater Freight and Storage")
    pick(page, "company", "harrow", r"Harrow Lane Dental, LLC \(id 101, Main\)")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".success")).to_contain_text("was added successfully")

    # Wrong one. Mended, then taken out of force, and its history tells it all.
    pick(page, "company", "tidewater", "Tidewater Freight & Storage")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Tidewater Freight & Storage")
    page.locator("#result_list .action-select").check()
    page.locator("select[name=action]").select_option("delete_selected")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("button", name=re.compile("Yes")).click()
    expect(page.locator("#changelist")).to_contain_text("0 mappings")
    page.get_by_role("link", name="Removed").click()
    page.locator("#result_list tbody tr th a").click()
    page.get_by_role("link", name="Changes of this mapping").click()
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(3)
    for number, action in enumerate(("removed", "changed", "created")):
        expect(rows.nth(number)).to_contain_text(f"mapping {action}")

    # The instance: test its connection from the list.
    page.goto(f"{portal.url}/admin/integrations/integrationinstance/")
    page.locator("#result_list .action-select").check()
    page.locator("select[name=action]").select_option("validate")
    page.get_by_role("button", name="Go").click()
    expect(page.locator(".success")).to_contain_text("Main: the connection works.")
