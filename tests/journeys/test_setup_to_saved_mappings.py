"""The main job, as staff do it: from credentials to saved mappings, in two configurations."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.journeys.conftest import Visitor, company_box, open_summary


def add_configuration(page: Page, name: str, username: str, secret: str, identifier: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("API Username").fill(username)
    page.get_by_role("textbox", name="API User Password").fill(secret)
    page.get_by_role("textbox", name="API Tracking Identifier").fill(identifier)
    page.get_by_role("button", name="Save", exact=True).click()


def choose(page: Page, organization: str, text: str, company: str) -> None:
    """Search in the row's combobox and take an option by keyboard."""
    box = company_box(page, f"{organization}")
    box.click()
    box.fill(text)
    expect(page.get_by_role("option", name=re.compile(company), selected=True)).to_be_visible()
    box.press("Enter")
    expect(page.get_by_role("row").filter(has_text=organization)).to_contain_text("Unsaved")


def wait_for_companies(page: Page, sentence: str) -> None:
    expect(page.locator("#job")).to_contain_text(sentence, timeout=30_000)


def test_from_credentials_to_saved_mappings(visitor: Visitor) -> None:
    page, portal = visitor.page, visitor.portal
    visitor.sign_in("olive")
    expect(page.get_by_text("Connect your first Autotask")).to_be_visible()
    page.get_by_role("link", name="Add configuration").first.click()

    # A wrong secret: said on the page with its likely causes, and nothing is stored.
    add_configuration(page, "Main", "api@main.example", "wrong-secret", "MAIN")
    expect(page.get_by_text("Nothing was saved")).to_be_visible()
    failed = page.locator(".check-failed")
    expect(failed).to_contain_text("Credentials accepted")
    expect(failed).to_contain_text("tracking identifier")
    expect(failed).to_contain_text("five minutes")
    assert "wrong-secret" not in page.content()
    page.goto(portal.url)
    expect(page.get_by_text("Connect your first Autotask")).to_be_visible()
    assert portal.simulator is not None
    refused = [request for request in portal.simulator.requests if request.status == 401]
    assert len(refused) == 1

    # The right one: every step is shown.
    page.get_by_role("link", name="Add configuration").first.click()
    add_configuration(page, "Main", "api@main.example", "main-secret", "MAIN")
    expect(page.get_by_role("heading", name="Main", level=1)).to_be_visible()
    page.get_by_role("heading", name="Connection").click()
    expect(page.locator(".check-passed")).to_have_count(5)
    for secret in ("main-secret", 'MAIN"'):
        assert secret not in page.content()
    expect(page.get_by_text("Autotask counts 47 companies.")).to_be_visible()

    # The company filter, with a preview before saving, and before anything is read.
    page.get_by_role("link", name="Choose a filter first").click()
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    value = page.get_by_label("Value")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    value.fill("1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("4 companies match.")).to_be_visible()
    page.get_by_role("button", name="Save filter").click()
    expect(page.get_by_text("The company filter was saved")).to_be_visible()
    wait_for_companies(page, "All 4 companies of the filter were read: 4 new.")
    expect(page.get_by_text("Which companies count?")).to_have_count(0)

    # Refresh Options with progress that survives a reload.
    portal.simulator.inject("latency", seconds=0.8)
    page.get_by_role("button", name="Refresh Options").click()
    expect(page.locator("#job progress")).to_be_visible()
    page.reload()
    expect(page.locator("#job progress")).to_be_visible()
    portal.simulator.clear()
    wait_for_companies(page, "companies of the filter were read")

    # The progress is drawn anew each second, and takes neither the focus nor a slow click away.
    portal.simulator.inject("latency", seconds=4)
    page.get_by_role("button", name="Refresh Options").click()
    cancel = page.get_by_role("button", name="Cancel")
    cancel.focus()
    with page.expect_response(re.compile("/job/")):
        pass
    expect(cancel).to_be_focused()
    cancel.hover()
    page.mouse.down()
    with page.expect_response(re.compile("/job/")) as drawn:
        pass
    drawn.value.finished()
    page.mouse.up()
    expect(page.get_by_role("button", name="Stopping…")).to_be_visible()
    portal.simulator.clear()
    expect(page.locator("#job")).to_contain_text("Cancelled.", timeout=30_000)

    # Suggest, change one by searching, save.
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    harrow = page.get_by_role("row").filter(has_text="Harrow Lane Dental")
    expect(harrow).to_contain_text("sure")
    expect(harrow.get_by_role("checkbox")).to_be_checked()
    choose(page, "Copper Beech Accountants", "copperbeech", "Copperbeech Accounting Group")
    expect(page.locator("#action-bar")).to_contain_text("4 new")
    page.reload()  # unsaved work is still there
    expect(page.locator("#action-bar")).to_contain_text("4 new")
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text("Mappings saved: 4 new.")).to_be_visible()
    page.reload()
    for organization in ("Harrow Lane Dental", "Copper Beech Accountants"):
        expect(page.get_by_role("row").filter(has_text=organization)).to_contain_text("Mapped")

    # A second configuration: what is mapped in the first is locked, named, and can be moved.
    page.get_by_role("group").filter(has_text="Main").locator("summary").first.click()
    page.get_by_role("link", name="Add configuration").click()
    # A name in use is told before anything leaves the page: what was typed as a secret is still there.
    portal.simulator.requests.clear()
    add_configuration(page, "main", "api@second.example", "second-secret", "SECOND")
    expect(page.locator(".errorlist")).to_contain_text("Another configuration has this name.")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_role("textbox", name="API User Password")).to_have_value("second-secret")
    assert not list(portal.simulator.requests)
    page.get_by_label("Name", exact=True).fill("Second")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Read all 3 companies").click()
    wait_for_companies(page, "All 3 companies were read: 3 new.")
    locked = page.get_by_role("row").filter(has_text="Harrow Lane Dental")
    expect(locked).to_contain_text("Elsewhere")
    expect(locked.get_by_role("link", name="Main")).to_be_visible()
    expect(locked.get_by_role("combobox")).to_have_count(0)
    locked.get_by_role("link", name="Move here").click()
    page.get_by_role("button", name="Choose Harrow Lane Dental").click()
    expect(page.locator("#action-bar")).to_contain_text("1 moved here")
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text("Mappings saved: 1 moved here.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Harrow Lane Dental")).to_contain_text("Mapped")

    # Undo takes the move back.
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Harrow Lane Dental")).to_contain_text("Elsewhere")
