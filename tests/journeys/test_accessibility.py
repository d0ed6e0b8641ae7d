"""Every page by axe in both themes, also after interactions; and what axe cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import PAINTED, Portal, Visitor, join, tab_to

SETUP = "integrations/autotask/1/"
PAGES = (
    "",
    "glossary/",
    "jobs/",
    "history/",
    "imports/",
    "configurations/import/",
    "organizations/",
    "organizations/add/",
    "organizations/upload/",
    "organizations/1/",
    "organizations/1/delete/",
    "tokens/",
    "tokens/add/",
    "webhooks/",
    "webhooks/add/",
    "integrations/autotask/add/",
    SETUP,
    f"{SETUP}?state=suggested",
    f"{SETUP}?warning=inactive",
    f"{SETUP}?columns=external.type.city.reason.state.updated",
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
    "accounts/2fa/",
    "accounts/password/change/",
    "no/such/page/",
)
# Whatever can be hit is 24 px wide and high, alone or with the label that it stands on (WCAG 2.2, 2.5.8).
SMALL_TARGETS = """() => {
  const covers = (outer, inner) => outer.left <= inner.left + 1 && outer.right >= inner.right - 1
    && outer.top <= inner.top + 4 && outer.bottom >= inner.bottom - 4;
  const area = (target) => {
    const box = target.getBoundingClientRect();
    const labels = [...(target.labels ?? [])].map((label) => label.getBoundingClientRect());
    return labels.find((label) => covers(label, box)) ?? box;
  };
  return [...document.querySelectorAll("button, summary, select, input, textarea, a.btn, nav a, table a")]
    .filter((target) => target.type !== "hidden" && target.checkVisibility())
    .filter((target) => !target.closest(".visually-hidden, .skip-link, .segments"))
    .map((target) => [target, area(target)])
    .filter(([, box]) => box.width > 0 && (box.width < 23.5 || box.height < 23.5))
    .map(([target, { width, height }]) => `${width} x ${height}: ${target.outerHTML.slice(0, 120)}`);
}"""
WIDTHS = (320, 400, 1280)  # 320 px are a window of 1280 px at 400 % zoom
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def show_in(page: Page, theme: str) -> None:
    """Let the system ask for the theme, and wait until the page is seen in it."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    page.evaluate(PAINTED)  # until then elements have colours of both


def violations(page: Page, where: str) -> list[str]:
    """What axe finds on the page as it stands, in both themes; the second look is at the colours alone."""
    show_in(page, "light")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    show_in(page, "dark")
    colours = {"runOnly": ["color-contrast", "link-in-text-block"], "resultTypes": ["violations"]}
    found += page.evaluate("async (options) => (await axe.run(document, options)).violations", colours)
    return [
        f"{where}: {each['id']} {node['html'][:200]} {node.get('failureSummary', '')}"
        for each in found
        for node in each["nodes"][:1]
    ]


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
    found, too_wide, too_small = [], [], []
    for path in PAGES[half::2]:
        examined.goto(f"{workshop.url}/{path}")
        for width in WIDTHS:
            examined.set_viewport_size({"width": width, "height": 800})
            overflow = examined.evaluate(TOO_WIDE)
            too_wide += [f"{path} at {width}: {overflow} px"] if overflow > 0 else []
            too_small += [f"{path} at {width}: {target}" for target in examined.evaluate(SMALL_TARGETS)]
        found += violations(examined, path)
    assert found == []
    assert too_wide == []
    assert too_small == []


def test_what_people_open_is_accessible(workshop: Portal, examined: Page) -> None:
    """Pickers, menus, the list of keys, and forms that were sent back."""
    page, found = examined, []
    page.goto(f"{workshop.url}/{SETUP}")
    page.get_by_role("combobox", name=re.compile("^Autotask company for")).first.click()
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
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_label("Value").fill("x")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".error-summary")).to_be_focused()
    found += violations(page, "fields with errors")
    assert found == []


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
