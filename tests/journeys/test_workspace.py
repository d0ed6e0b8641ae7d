"""Working through the mapping table: by keyboard, with remembered decisions, without scripts, for all."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.journeys.conftest import Portal, Visitor, connect_main, find, open_visitor, wait_for_job


def test_review_by_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("olive")
    connect_main(visitor)
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.get_by_role("link", name="Review one by one").click()
    expect(page.get_by_text("1 of 5 open rows")).to_be_visible()
    expect(page.get_by_role("button", name="Accept and save")).to_be_focused()

    # Enter accepts and saves this one row, and the next one is there.
    first = page.get_by_role("region", name="Our organization").get_by_role("heading").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 4 open rows")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text=first)).to_be_visible()

    # R remembers that this is the wrong company; J and K go on and back; I ignores.
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
    page.keyboard.press("i")
    expect(page.get_by_text("is ignored from now on.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Organization mapping")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Ignored"))).to_contain_text("1")
    expect(page.get_by_role("link", name=re.compile("^Mapped"))).to_contain_text("1")


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


def test_why_a_company_is_missing(visitor: Visitor) -> None:
    page, portal = visitor.page, visitor.portal
    visitor.sign_in("olive")
    connect_main(visitor)
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_label("Value").fill("1")
    page.get_by_role("button", name="Save filter").click()
    expect(page.get_by_text("The company filter was saved")).to_be_visible()
    wait_for_job(page)
    address = f"{portal.url}/integrations/autotask/1/missing/"
    for text, answer in (
        ("Harrow", "It is among the options and can be chosen."),
        ("Pinecrest", re.compile("outside the company filter|the company filter leaves it out")),
        ("106", re.compile("outside the company filter|the company filter leaves it out")),
        ("Nobody Knows It", "neither among the companies that were read nor in Autotask"),
    ):
        page.goto(address)
        page.get_by_label("Company name or id").fill(text)
        page.get_by_role("button", name="Find out").click()
        expect(page.get_by_text(answer).first).to_be_visible()
    assert portal.simulator is not None


def test_the_job_without_scripts(portal: Portal, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    visitor = open_visitor(context, portal)
    page = visitor.page
    visitor.sign_in("olive")
    connect_main(visitor)
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    page.get_by_role("button", name="Add filter").click()  # the operations of the field appear
    expect(page.get_by_label("Operation").first).to_have_value("eq")
    page.get_by_label("Value").first.fill("1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("4 companies match.")).to_be_visible()
    page.get_by_role("button", name="Suggest Values").click()
    row = page.get_by_role("row").filter(has_text="Copper Beech Accountants")
    row.get_by_role("searchbox").or_(row.get_by_role("textbox")).fill("copperbeech")
    row.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Choose Copperbeech Accounting Group").click()
    expect(page.get_by_role("row").filter(has_text="Copper Beech Accountants")).to_contain_text("Changed")
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text(re.compile(r"Mappings saved: \d new\."))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("put back as before")).to_be_visible()
    context.close()
