"""Whatever opens over a page lies in the window, above the rest, and has a ground of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.conftest import Portal, Visitor, join, open_summary
from tests.journeys.page_checks import PAINTED, TOO_WIDE

SETUP = "integrations/autotask/1/"
PAGES = ("", "organizations/", "history/", SETUP, f"{SETUP}review/", f"{SETUP}missing/?q=care")
SIZES = ((320, 700), (400, 860), (1280, 900), (1920, 1080))

# What is wrong with an open panel: outside of the window, under something else, or without a ground.
WRONG = """(panel) => {
  const box = panel.getBoundingClientRect(), { innerWidth: width, innerHeight: height } = window;
  const style = getComputedStyle(panel), wrong = [];
  if (!box.width || !box.height) return ["it has no size"];
  if (box.left < 0 || box.right > width) wrong.push(`${box.left} to ${box.right} of ${width} px wide`);
  if (box.top < 0 || box.bottom > height) wrong.push(`${box.top} to ${box.bottom} of ${height} px high`);
  if (!["absolute", "fixed"].includes(style.position)) wrong.push("it stands in the flow: " + style.position);
  const ground = style.backgroundColor;
  if (ground === "transparent" || /, 0\\)$/.test(ground)) wrong.push("it has no ground");
  for (const [across, down] of [[.02, .02], [.98, .02], [.5, .5], [.02, .98], [.98, .98]]) {
    const x = box.left + box.width * across, y = box.top + box.height * down;
    const top = document.elementFromPoint(x, y);
    if (!panel.contains(top)) wrong.push(`at ${x}, ${y} lies ${top?.outerHTML.slice(0, 80)}`);
  }
  return wrong;
}"""


def wrong_with(page: Page, panel: Locator, where: str) -> list[str]:
    """What is wrong with the panel that was just opened."""
    expect(panel).to_be_visible()
    page.evaluate(PAINTED)
    return [f"{where}: {what}" for what in panel.evaluate(WRONG)]


@pytest.fixture
def looking(workshop: Portal, chromium: Browser) -> Iterator[Visitor]:
    """Somebody at the mapping page, who asks for no movement."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    visitor = join(workshop, context)
    yield visitor
    context.close()
    assert visitor.complaints == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_menu_lies_in_the_window_and_above_the_rest(looking: Visitor, width: int, height: int) -> None:
    page, found, menus = looking.page, [], 0
    page.set_viewport_size({"width": width, "height": height})
    for path in PAGES:
        page.goto(f"{looking.portal.url}/{path}")
        for menu in page.locator("details.menu").all():
            menus += 1
            summary, panel = menu.locator("> summary"), menu.locator("> .menu-panel")
            for block in ("start", "end"):  # at the head of the window, and at its foot
                summary.evaluate(f"element => element.scrollIntoView({{ block: '{block}' }})")
                summary.click()
                found += wrong_with(page, panel, f"{path} at {width}: {summary.inner_text()!r} at {block}")
                page.keyboard.press("Escape")
                expect(panel).to_be_hidden()
    assert menus >= len(PAGES) + 3
    assert found == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_dialog_and_every_list_lies_in_the_window(looking: Visitor, width: int, height: int) -> None:
    page, found = looking.page, []
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{looking.portal.url}/{SETUP}")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    found += wrong_with(page, page.get_by_role("dialog"), f"the keys at {width}")
    page.keyboard.press("Escape")
    texts = page.get_by_role("link", name=re.compile("^Autotask company for"))
    for which, text in (("first", texts.first), ("last", texts.last)):
        text.click()
        found += wrong_with(
            page, page.get_by_role("listbox", name="Companies"), f"the {which} list at {width}"
        )
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(page.locator("tr .combobox")).to_have_count(0)
    assert found == []


LONG = "Wolfeschlegelsteinhausenbergerdorff-O’Brien-" + "Montgomery" * 12


def test_a_long_name_pushes_nothing_out(looking: Visitor) -> None:
    """A name without a space leaves every column of history and lists in sight, and its own page narrow."""
    page = looking.page
    page.goto(f"{looking.portal.url}/organizations/add/")
    page.get_by_label("Name", exact=True).fill(LONG)
    page.get_by_role("button", name=re.compile("^(Save|Add)")).first.click()
    expect(page.get_by_role("heading", name="Mapped to")).to_be_visible()
    own = page.url.removeprefix(f"{looking.portal.url}/")
    inside = "wrap => wrap.scrollWidth - wrap.clientWidth"
    for width in (400, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        for path in (own, "history/", "organizations/?q=Wolfe", f"{SETUP}?q=Wolfe"):
            page.goto(f"{looking.portal.url}/{path}")
            expect(page.get_by_text(LONG).first).to_be_visible()
            assert page.evaluate(TOO_WIDE) <= 0, (path, width)
            assert page.locator(".table-wrap").first.evaluate(inside) <= 0, (path, width)


def test_rows_of_the_filter_are_swapped_without_a_style_of_somebody_else(looking: Visitor) -> None:
    """A password manager puts styles on fields; copying them would break the content security policy."""
    page = looking.page
    page.goto(f"{looking.portal.url}/{SETUP}")
    open_summary(page, "Company filter")
    page.evaluate(
        """() => { for (const field of document.querySelectorAll("#filter-form [id]"))
             field.style.backgroundSize = "1px"; }"""
    )
    page.locator("#filters-add").evaluate("button => button.click()")
    expect(page.get_by_role("group", name="Filter row 2")).to_have_count(1)


def test_times_are_those_of_the_clock_on_the_wall(workshop: Portal, chromium: Browser) -> None:
    """A browser tells its zone on the first page; from the next on times are shown there."""
    context = chromium.new_context(timezone_id="America/St_Johns")
    visitor = join(workshop, context)
    visitor.page.goto(f"{workshop.url}/history/")
    expect(visitor.page.get_by_text("Times are those of St Johns.")).to_be_visible()
    assert visitor.complaints == []
    context.close()
