"""Every page by axe in both themes, also after interactions; and what axe cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import PASSWORD, Portal, Visitor, find, join, open_summary
from tests.journeys.page_checks import CUT_OFF, TOO_WIDE, WIDE_TEXT, faults, squeezed, tab_to, violations

SETUP = "integrations/autotask/1/"
PAGES = (
    "",
    "?q=nothing+like+it",
    "glossary/",
    "jobs/",
    "history/",
    "imports/",
    "sources/",
    "sources/add/",
    "configurations/import/",
    "organizations/",
    "organizations/add/",
    "organizations/upload/",
    "organizations/1/",
    "organizations/1/edit/",
    "organizations/1/delete/",
    "organizations/1/merge/?q=care",
    "organizations/1/merge/?into=2",
    "tokens/",
    "tokens/add/",
    "webhooks/",
    "webhooks/add/",
    "drift/",
    "drift/?reason=company_inactive",
    "drift/refreshes/",
    "drift/refreshes/1/",
    "alerts/",
    "alerts/mute/",
    "alerts/settings/",
    "alerts/channels/",
    "alerts/channels/add/",
    "integrations/autotask/add/",
    SETUP,
    f"{SETUP}?state=suggested&q=ton",
    f"{SETUP}?warning=inactive",
    f"{SETUP}?q=ton&columns=external.type.city.reason.state.updated",
    f"{SETUP}?q=nothing+like+it",
    f"{SETUP}review/",
    f"{SETUP}review/?q=nothing+like+it",
    f"{SETUP}missing/?q=dental",
    f"{SETUP}missing/?q=nothing+like+it",
    f"{SETUP}mappings/1/company/",
    f"{SETUP}mappings/1/explain/2/",
    f"{SETUP}mappings/upload/",
    f"{SETUP}companies/import/",
    f"{SETUP}as-of/",
    f"{SETUP}delete/",
    f"{SETUP}catch-all/?q=care",
    "people/",
    "people/add/",
    "people/1/",
    "people/log/",
    "accounts/browsers/",
    "accounts/log/",
    "accounts/2fa/",
    "accounts/password/change/",
    "no/such/page/",
)

# What people work on all day, and where most stands side by side.
MAIN_PAGES = {
    "",
    "jobs/",
    "history/",
    "organizations/",
    "organizations/1/",
    "drift/",
    "alerts/",
    "integrations/autotask/add/",
    SETUP,
    f"{SETUP}?q=ton&columns=external.type.city.reason.state.updated",
    f"{SETUP}review/",
}


@pytest.fixture
def examined(workshop: Portal, chromium: Browser) -> Iterator[Page]:
    """The mapping page with suggestions, in a browser that lets axe in past the content security policy."""
    context = chromium.new_context(bypass_csp=True, reduced_motion="reduce")
    page = join(workshop, context).page
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    yield page
    context.close()


@pytest.mark.parametrize("half", [0, 1])  # two workers share them
def test_every_page_is_accessible(workshop: Portal, examined: Page, half: int) -> None:
    """No violation in either theme; nothing scrolls sideways, and what can be hit is large enough."""
    found = []
    for path in PAGES[half::2]:
        examined.goto(f"{workshop.url}/{path}")
        found += faults(examined, path)
        found += squeezed(examined, path) if path in MAIN_PAGES else []
    assert found == []


def test_what_people_open_is_accessible(workshop: Portal, examined: Page) -> None:
    """Pickers, menus, the list of keys, and forms that were sent back."""
    page, found = examined, []
    page.goto(f"{workshop.url}/{SETUP}?q=Upton")  # few rows: axe takes its time with every one
    page.get_by_role("link", name=re.compile("^Autotask company for")).first.click()
    expect(page.get_by_role("listbox")).to_be_visible()
    found += violations(page, "an open picker")
    page.keyboard.press("Escape")
    page.get_by_text("View", exact=True).click()
    found += violations(page, "an open menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    found += violations(page, "the list of keys")
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Connection").click()
    page.get_by_text("Replace", exact=True).first.click()
    page.get_by_role("textbox", name="API User Password").fill("********")
    page.get_by_label("Name", exact=True).focus()
    expect(page.locator("#id_connection-secret_error")).to_be_visible()
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_label("Value").fill("x")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".error-summary")).to_be_focused()
    found += violations(page, "fields with errors")
    assert found == []


def test_what_an_action_brings_is_accessible(workshop: Portal, examined: Page, chromium: Browser) -> None:
    """A message with Undo, a conflict, a preview beside a new row, a refused check, rows that failed."""
    page, found = examined, []
    page.goto(f"{workshop.url}/{SETUP}review/?q=Yaddlethorpe")
    page.get_by_role("button", name="Accept and save").click()
    expect(page.get_by_text("Yaddlethorpe Dental Care = Yaddlethorpe Dental Care, LLC")).to_be_visible()
    found += violations(page, "a message with Undo")

    context = chromium.new_context(java_script_enabled=False)
    colleague = find(join(workshop, context), "Dunholme")
    colleague.get_by_role("row").filter(has_text="Dunholme").locator(".company-link").click()
    colleague.get_by_label("Search companies").fill("drill")
    colleague.keyboard.press("Enter")
    colleague.get_by_role("button", name="Choose Strangeways Drill").click()
    colleague.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(colleague.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    page.goto(f"{workshop.url}/{SETUP}?q=Dunholme")
    expect(page.locator(".conflict")).to_be_visible()
    found += violations(page, "a conflict")
    colleague.get_by_role("button", name="Undo").click()
    context.close()

    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_label("Value").fill("1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("companies match.")).to_be_visible()
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("group", name="Filter row 2")).to_be_visible()
    found += violations(page, "a preview and a new row")

    page.goto(f"{workshop.url}/{SETUP}?q=Upton")
    page.get_by_role("heading", name="Connection").click()
    page.get_by_text("Replace", exact=True).first.click()
    page.get_by_role("textbox", name="API User Password").fill("not-the-right-one")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator("ol.check-next > li")).to_have_count(4)
    expect(page.get_by_role("textbox", name="API User Password")).to_have_value("")
    found += violations(page, "a refused check")

    page.goto(f"{workshop.url}/organizations/upload/")
    rows = b"name,domain\nScotter Dental Care,not a domain\n"
    file = {"name": "rows.csv", "mimeType": "text/csv", "buffer": rows}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_text("In one step, without looking").click()
    page.get_by_role("button", name="Check only").click()
    expect(page.get_by_text("Domain must look like example.com")).to_be_visible()
    found += faults(page, "a report with rows that failed")
    assert found == []


def test_what_asks_for_the_password_again_is_accessible(workshop: Portal, examined: Page) -> None:
    """The forms behind it, a token that is shown once, and a webhook with its key."""
    page, found = examined, []
    page.goto(f"{workshop.url}/tokens/add/")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New token")).to_be_visible()
    found += faults(page, "a form of a token")
    page.get_by_label("Name").fill("Looked at")
    page.get_by_label("Resolve an organization to its company").check()
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_text("it cannot be shown again")).to_be_visible()
    found += faults(page, "a new token")
    page.goto(f"{workshop.url}/webhooks/add/")
    expect(page.get_by_role("heading", name="Add webhook")).to_be_visible()
    found += faults(page, "a form of a webhook")
    page.get_by_label("Name").fill("Looked at")
    page.get_by_label("A mapping needs review").check()
    page.get_by_label("Address").fill("https://hooks.example/portal")
    page.get_by_role("button", name="Add webhook").click()
    expect(page.get_by_text("it cannot be shown again")).to_be_visible()
    found += faults(page, "a new webhook")
    assert found == []


def test_at_400_percent_and_with_wide_text_nothing_is_lost(workshop: Portal, examined: Page) -> None:
    """A window of 1280 x 1024 at 400 % (1.4.10), and text as far apart as people may set it (1.4.12)."""
    page = examined
    page.set_viewport_size({"width": 320, "height": 256})
    page.goto(f"{workshop.url}/{SETUP}?q=Upton")
    tab_to(page, page.locator("#action-bar").get_by_role("button", name="Save Mappings"))
    page.get_by_role("button", name="Keyboard shortcuts").click()
    tab_to(page, page.get_by_role("dialog").get_by_role("button", name="Close"))
    for path in (f"{SETUP}?q=Upton", f"{SETUP}review/?q=Upton", f"{SETUP}missing/?q=upton"):
        page.goto(f"{workshop.url}/{path}")
        page.add_style_tag(content=WIDE_TEXT)
        assert page.evaluate(TOO_WIDE) <= 0, path
        assert page.evaluate(CUT_OFF) == [], path


def test_the_focus_goes_the_way_people_read_and_is_always_seen(person: Visitor) -> None:
    """Down the page, never under the bar that sticks to the bottom, and out at the end."""
    page = person.page
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.locator("#action-bar")).to_be_visible()
    page.goto(f"{person.portal.url}/{SETUP}?state=suggested&size=25")
    order = [
        page.get_by_role("link", name="Skip to the content"),
        page.get_by_role("button", name="Test connection"),
        page.get_by_role("button", name="Refresh Options"),
        page.locator("#table-q"),
        page.get_by_role("link", name="Review one by one"),
        page.get_by_role("checkbox", name=re.compile("^Save ")).first,
        page.get_by_role("button", name=re.compile("^Discard")).last,
        page.locator("#action-bar").get_by_role("button", name="Save Mappings"),
    ]
    for control in order:
        tab_to(page, control)


def test_what_happens_is_said_to_screen_readers(person: Visitor) -> None:
    """Messages, the bar and the progress are status messages: heard without taking the focus (4.1.3)."""
    page = person.page
    for place in ("#messages-status", "#announcer", "#action-bar"):
        expect(page.locator(place)).to_have_role("status")
    expect(page.locator("#messages-alert")).to_have_role("alert")
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.locator("#messages-status")).to_contain_text("Nothing is saved yet.")
