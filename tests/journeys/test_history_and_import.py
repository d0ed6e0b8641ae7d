"""Making organizations from companies, looking at what was changed, and taking it back."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import Visitor, connect_main, open_visitor
from tests.journeys.page_checks import faults


def import_sample_works(visitor: Visitor) -> Page:
    """Everything called Sample Works becomes an organization."""
    page = visitor.page
    page.get_by_label("More about these mappings").click()
    page.get_by_role("link", name="Import organizations").click()
    page.get_by_label("Search by name").fill("Sample Works")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="Create 40, map 0", exact=True).click()
    expect(page.get_by_text("40 organizations added and mapped, 0 skipped, 0 failed.")).to_be_visible(
        timeout=30_000
    )
    return page


def faults_of(visitor: Visitor, chromium: Browser, *addresses: str) -> list[str]:
    """What is wrong with pages of theirs, in a browser that lets axe in past the content security policy."""
    signed_in = visitor.page.context.storage_state()
    context = chromium.new_context(bypass_csp=True, reduced_motion="reduce", storage_state=signed_in)
    page, found = open_visitor(context, visitor.portal).page, []
    for address in addresses:
        page.goto(address)
        found += faults(page, address)
    context.close()
    return found


def test_organizations_from_companies_and_back(visitor: Visitor, chromium: Browser) -> None:
    visitor.sign_in("olive")
    connect_main(visitor)
    page = visitor.page

    # Picked one by one: one that there is by name already is skipped, and says so.
    page.get_by_label("More about these mappings").click()
    page.get_by_role("link", name="Import organizations").click()
    expect(page.get_by_label("Tick this page")).to_be_checked()
    assert page.locator("input[name=company]:checked").count() > 2
    page.get_by_label("Import Old Orchard Bakery").uncheck()
    assert page.get_by_label("Tick this page").evaluate("box => box.indeterminate && !box.checked")
    page.get_by_label("Tick this page").check()
    page.get_by_label("Tick this page").uncheck()
    expect(page.locator("input[name=company]:checked")).to_have_count(0)
    page.get_by_label("Import Old Orchard Bakery").check()
    page.get_by_label("Import Pinecrest Legal Partners").check()
    page.get_by_role("button", name="Create 2, map 0", exact=True).click()
    expect(page.get_by_text("2 organizations added and mapped")).to_be_visible(timeout=30_000)
    page.goto(f"{visitor.portal.url}/integrations/autotask/1/companies/import/?q=bakery")
    expect(page.get_by_text("No company fits this choice")).to_be_visible()

    # All that match, in one job with one report.
    page.goto(f"{visitor.portal.url}/integrations/autotask/1/")
    report = import_sample_works(visitor).url
    page.get_by_role("link", name=re.compile("^Imported")).click()
    expect(page.get_by_role("row")).to_have_count(41)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download rows").click()
    assert download.value.path().read_text().count("added and mapped to id") == 40

    # What it changed, and back: organizations and mappings go together.
    page.get_by_role("link", name="What it changed").click()
    expect(page.get_by_role("heading", name=re.compile("80 changes"))).to_be_visible()
    assert faults_of(visitor, chromium, report, page.url, f"{visitor.portal.url}/history/") == []
    page.get_by_role("button", name="Undo all 80").click()
    expect(page.get_by_text("80 changes put back as before.")).to_be_visible()
    page.goto(f"{visitor.portal.url}/organizations/?q=sample+works")
    expect(page.get_by_role("link", name=re.compile("^All"))).to_contain_text("0")


def test_history_tells_and_undoes_one_row(visitor: Visitor) -> None:
    visitor.sign_in("olive")
    connect_main(visitor)
    page = visitor.page
    page.get_by_role("button", name="Suggest Values").click()
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text(re.compile(r"Mappings saved: \d new"))).to_be_visible()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="History").click()
    saved = page.get_by_role("row").filter(has_text="mapping created").first
    expect(saved).to_contain_text("olive")
    saved.get_by_role("link").first.click()
    row = page.get_by_role("row").filter(has_text="Harrow Lane Dental")
    expect(row).to_contain_text("not mapped")
    expect(row).to_contain_text("Harrow Lane Dental, LLC (id 101)")
    row.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Harrow Lane Dental")
    expect(row).to_contain_text("taken back")

    # The row's own history leads there from the table; the table of today still shows the others.
    row.get_by_role("link", name="Harrow Lane Dental").click()
    expect(page.get_by_role("heading", name="History of Harrow Lane Dental")).to_be_visible()
    expect(page.get_by_text("mapping change undone")).to_be_visible()
    page.goto(f"{visitor.portal.url}/integrations/autotask/1/as-of/")
    expect(page.get_by_role("rowheader", name="Mossfield Veterinary Clinic")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Harrow Lane Dental")).to_have_count(0)
    page.goto(f"{visitor.portal.url}/history/?what=mapping&who=nobody")
    expect(page.get_by_text("No change fits this choice.")).to_be_visible()
