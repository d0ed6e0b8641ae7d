"""The mapping workspace with JavaScript switched off: the same work, page by page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import Visitor, find, join

pytestmark = pytest.mark.without_scripts


def pick(page: Page, word: str, text: str, company: str) -> None:
    """The picker is a search form."""
    row = page.get_by_role("row").filter(has_text=word)
    row.locator(".company-link").click()
    page.get_by_label("Search companies").fill(text)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Choose {company}").click()
    expect(page.get_by_role("row").filter(has_text=word)).to_contain_text("Unsaved")


def test_the_table_is_filtered_sorted_and_arranged(person: Visitor) -> None:
    page = find(person, "Nettleham")
    page.get_by_role("button", name="Ignore Nettleham Dental Care").click()
    expect(page.get_by_text("Nettleham Dental Care is ignored")).to_be_visible()
    page.get_by_role("button", name="Restore Nettleham Dental Care").click()
    expect(page.get_by_text("Nettleham Dental Care is open again.")).to_be_visible()
    page.get_by_role("link", name="Clear", exact=True).click()
    page.get_by_role("link", name="Organization", exact=True).click()
    expect(page.get_by_role("columnheader", name="Organization")).to_have_attribute("aria-sort", "descending")
    page.get_by_text("View", exact=True).click()
    page.get_by_label("City").check()
    page.get_by_role("button", name="Show and keep for me").click()
    expect(page.get_by_role("columnheader", name="City")).to_be_visible()


def test_a_company_is_picked_saved_and_put_back(person: Visitor) -> None:
    page = find(person, "Owmby")
    pick(page, "Owmby", "bellows", "Strangeways Bellows")
    expect(page.locator("#action-bar")).to_contain_text("1 new")
    page.reload()
    page.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()


def test_suggestions_are_worked_through(person: Visitor) -> None:
    page = person.page
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.get_by_role("button", name="Select none").click()
    page.get_by_role("button", name=re.compile("^Select all sure")).click()
    expect(page.get_by_text("selected, on all pages. Nothing is saved yet.")).to_be_visible()
    page.get_by_role("button", name="Select none").click()
    find(person, "Pilham")
    page.get_by_role("link", name="Review one by one").click()
    expect(page.get_by_role("region", name="Our organization")).to_contain_text("Pilham")
    page.get_by_role("button", name="Not this one").click()
    expect(page.get_by_text("will not be proposed for Pilham Dental Care again")).to_be_visible()
    page.get_by_role("link", name="Back to the table").click()
    find(person, "Roxby")
    page.get_by_role("link", name="Review one by one").click()
    page.get_by_role("button", name="Accept and save").click()
    expect(page.get_by_text("Roxby Dental Care = Roxby Dental Care, LLC")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()


def test_a_colleague_who_saved_first_is_seen(person: Visitor, chromium: Browser) -> None:
    """Both values are shown; the one is kept by one button, the other is saved by two."""
    page = find(person, "Wharton")
    pick(page, "Wharton", "wharton", "Wharton Dental Care, LLC")
    context = chromium.new_context(java_script_enabled=False)
    colleague = find(join(person.portal, context), "Wharton")
    pick(colleague, "Wharton", "chisel", "Strangeways Chisel")
    colleague.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(colleague.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    context.close()

    page.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(page.locator("#messages-alert")).to_contain_text(
        "Now: Strangeways Chisel. Yours: Wharton Dental Care, LLC."
    )
    row = page.get_by_role("row").filter(has_text="Wharton")
    expect(row).to_contain_text(
        "saved Strangeways Chisel after you had looked. Yours: Wharton Dental Care, LLC."
    )
    row.get_by_role("button", name="Use mine").click()
    expect(page.locator(".conflict")).to_have_count(0)
    expect(page.locator("#action-bar")).to_contain_text("1 changed")
    page.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(page.get_by_text("Mappings saved: 1 changed.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(row.locator(".company-link")).to_have_text("Strangeways Chisel")
