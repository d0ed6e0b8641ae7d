"""Working through the mapping table: by keyboard, with remembered decisions, without scripts, for all."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.journeys.conftest import Portal, Visitor, connect_main, find, open_summary, open_visitor


def test_review_by_keyboard_alone(person: Visitor) -> None:
    page = person.page
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    find(person, "borough").get_by_role("link", name="Review one by one").click()
    expect(page.get_by_text("1 of 4 open rows")).to_be_visible()
    expect(page.get_by_role("button", name="Accept and save")).to_be_focused()

    # Enter accepts and saves this one row, and the next one is there.
    first = page.get_by_role("region", name="Our organization").get_by_role("heading").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 3 open rows")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=first)).to_be_visible()

    # R remembers that this is the wrong company; J and K go on and back; I ignores; U takes that back.
    expect(page.get_by_role("button", name="Accept and save")).to_be_focused()
    second = page.get_by_role("region", name="Our organization").get_by_role("heading").inner_text()
    page.keyboard.press("r")
    expect(page.get_by_text(f"will not be proposed for {second} again")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("region", name="Our organization")).not_to_contain_text(second)
    page.keyboard.press("k")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name=re.compile("Another company for"))).to_be_focused()
    page.keyboard.press("Escape")
    third = page.get_by_role("region", name="Our organization").get_by_role("heading").inner_text()
    page.keyboard.press("i")
    expect(page.get_by_text(f"{third} is ignored from now on")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("1 change put back as before.")).to_be_visible()
    expect(page.get_by_role("region", name="Our organization")).to_contain_text(third)
    # What was suggested is there again.
    expect(page.get_by_role("button", name="Accept and save")).to_be_focused()
    page.keyboard.press("i")
    expect(page.get_by_text(f"{third} is ignored from now on")).to_be_visible()
    # The last row has nothing suggested: a company can be picked, and the field can be left.
    page.keyboard.press("j")
    expect(page.get_by_role("combobox", name=re.compile("Another company for"))).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Back to the table")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Organization mapping")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=third)).to_contain_text("Ignored")
    expect(page.get_by_role("row").filter(has_text=first)).to_contain_text("Mapped")


def test_a_rejected_company_is_not_proposed_again(person: Visitor) -> None:
    page = person.page
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    find(person, "Faldingworth").get_by_role("link", name="Faldingworth Dental Care", exact=True).click()
    page.get_by_role("button", name="Not this one").click()
    expect(page.get_by_text("will not be proposed for Faldingworth Dental Care again")).to_be_visible()
    page.get_by_role("link", name="Back to the table").click()
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    row = find(person, "Faldingworth").get_by_role("row").filter(has_text="Faldingworth")
    expect(row).to_contain_text("Unmapped")
    expect(row.get_by_role("checkbox")).to_have_count(0)


def test_a_configuration_is_made_and_filtered_without_scripts(portal: Portal, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    visitor = open_visitor(context, portal)
    page = visitor.page
    visitor.sign_in("olive")
    connect_main(visitor)
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    page.get_by_role("button", name="Add filter").click()  # the operations of the field appear
    expect(page.get_by_label("Operation").first).to_have_value("eq")
    page.get_by_label("Value").first.fill("1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("4 companies match.")).to_be_visible()
    context.close()
