"""The company filter by keyboard and without scripts: the search over its fields, alternatives, chips."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Portal, Visitor, open_summary
from tests.journeys.page_checks import faults, tab_to
from tests.journeys.test_accessibility import examined  # noqa: F401  # a fixture

SETUP = "integrations/autotask/1/"


def search_field(page: Page, number: int, text: str, label: str) -> None:
    """Find a field of a row by its search, and choose it."""
    button = page.get_by_role("button", name=f"Search the fields for row {number}")
    if number == 1:
        tab_to(page, button)
    else:  # from Add filter, back over the last row's three other controls
        for _ in range(3):
            page.keyboard.press("Shift+Tab")
        expect(button).to_be_focused()
    page.keyboard.press("Enter")
    box = page.get_by_role("combobox", name="Search fields")
    expect(box).to_be_focused()
    page.keyboard.type(text)
    options = page.get_by_role("listbox", name="Fields").get_by_role("option")
    expect(options.first).to_have_text(label)
    expect(box).to_have_attribute("aria-activedescendant", re.compile(r"_list_\d+$"))
    page.keyboard.press("Enter")
    field = page.locator(f"#id_filters-{number - 1}-field")
    expect(field).to_be_focused()
    expect(field.locator("option:checked")).to_have_text(label)
    expect(page.locator(f"#id_filters-{number - 1}-operation")).to_be_enabled()


def test_alternatives_and_chips_by_keyboard(person: Visitor) -> None:
    page = person.page
    open_summary(page, "Company filter")
    search_field(page, 1, "mpany na", "Company name")
    tab_to(page, page.locator("#id_filters-0-operation"))
    page.keyboard.type("is one of", delay=30)
    value = page.locator("#id_filters-0-value")
    expect(value).to_have_attribute("data-chips", "")
    tab_to(page, value)
    page.keyboard.type('"Wickenby Roofing, Inc", Wickenby Roofing')
    page.keyboard.press("Enter")
    chips = page.get_by_role("group", name="Chosen values, row 1").get_by_role("checkbox")
    expect(chips).to_have_count(2)
    expect(value).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")  # unticked, the first one goes
    expect(chips).to_have_count(1)
    expect(chips.first).to_be_focused()

    tab_to(page, page.locator("#filters-add"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Filter row 2")).to_be_visible()
    search_field(page, 2, "type", "Company type")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("How row 2 is joined to the row before")).to_be_focused()
    page.keyboard.type("or")
    expect(page.get_by_role("group", name="One of these has to hold")).to_be_visible()
    tab_to(page, page.locator("#id_filters-1-value"))
    page.keyboard.type("vendor")
    page.keyboard.press("Enter")  # looks, and removes no row
    expect(page.get_by_text("2 companies match.")).to_be_visible()
    expect(page.get_by_role("group", name=re.compile("^Filter row"))).to_have_count(2)
    expect(page.locator("#id_filters-1-value_note")).to_contain_text("7 Vendor")


def test_a_search_that_is_left_changes_nothing(person: Visitor) -> None:
    page = person.page
    open_summary(page, "Company filter")
    button = page.get_by_role("button", name="Search the fields for row 1")
    tab_to(page, button)
    page.keyboard.press("Enter")
    page.keyboard.type("no such field")
    expect(page.get_by_text("No field has this in its name.")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("")
    page.keyboard.press("Enter")
    options = page.get_by_role("listbox", name="Fields").get_by_role("option")
    expect(options.first).to_have_text("Company type")  # the often used ones come first
    page.keyboard.press("Tab")
    expect(page.get_by_role("listbox", name="Fields")).to_have_count(0)
    expect(page.get_by_label("Filter", exact=True)).to_have_value("")


@pytest.mark.without_scripts
def test_alternatives_and_chips_without_scripts(person: Visitor) -> None:
    page = person.page
    assert not page.get_by_role("button", name="Search the fields for row 1").is_visible()
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    page.get_by_role("button", name="Add filter").click()
    page.locator("#id_filters-0-operation").select_option(label="is one of")
    page.get_by_role("button", name="Add filter").click()
    page.get_by_role("group", name="Chosen values, row 1").get_by_label("Vendor").check()
    page.locator("#id_filters-1-field").select_option(label="Company name")
    page.locator("#id_filters-1-join").select_option("or")
    page.get_by_role("button", name="Remove filter row 3").click()
    page.locator("#id_filters-1-operation").select_option(label="is one of")
    page.locator("#id_filters-1-value").fill('"Wickenby, Roofing", Wickenby Roofing')
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 companies match.")).to_be_visible()
    expect(page.get_by_role("group", name="One of these has to hold")).to_be_visible()
    expect(page.get_by_label("Wickenby, Roofing")).to_be_checked()
    page.get_by_label("Wickenby Roofing").uncheck()
    page.locator("#filters").get_by_role("button", name="Preview", exact=True).last.click()
    expect(page.get_by_text("1 company matches.")).to_be_visible()
    expect(page.get_by_label("Wickenby, Roofing")).to_be_checked()


def test_what_the_filter_opens_is_accessible(workshop: Portal, examined: Page) -> None:  # noqa: F811
    page = examined
    page.goto(f"{workshop.url}/{SETUP}?q=Upton")
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_be_enabled()
    page.get_by_label("Operation").select_option(label="is one of")
    expect(page.get_by_role("group", name="Chosen values, row 1")).to_be_visible()
    with page.expect_response("**/filters/edit/"):  # a change is sent a moment later and brings the rows anew
        page.get_by_role("checkbox", name="Vendor").check()
    expect(page.get_by_role("checkbox", name="Vendor")).to_be_checked()
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("How row 2 is joined to the row before").select_option("or")
    expect(page.get_by_role("group", name="One of these has to hold")).to_be_visible()
    found = faults(page, "alternatives and chips")
    page.get_by_role("button", name="Search the fields for row 2").click()
    found += faults(page, "the search over the fields")
    assert found == []
