"""Measure the mapping page as a person sees it on the demo: ``python -m tests.journeys.page_measures``.

For each width: where the first row begins, how many rows are in view (as the page comes, and scrolled to the
table), how many names are cut off, how many presses of Tab lead to the first row, and whether the outcome of
an action is in view. Prints one table, with both densities.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.journeys.screenshots import demo, prepare, sign_in

SIZES = ((1280, 900), (1920, 1080), (400, 860))
FIRST_ROW = "document.querySelector('#mapping-table tbody tr').getBoundingClientRect().top + scrollY"
IN_VIEW = """() => {
  const bar = document.querySelector("#action-bar:not([hidden])")?.getBoundingClientRect().top ?? innerHeight;
  const thead = document.querySelector("#mapping-table thead");
  // On a phone the head is there for screen readers alone, and covers nothing.
  const isSeen = getComputedStyle(thead).position !== "absolute";
  const head = isSeen ? thead.querySelector("th").getBoundingClientRect().bottom : 0;
  return [...document.querySelectorAll("#mapping-table tbody tr")].map((row) => row.getBoundingClientRect())
    .filter((box) => box.bottom <= bar + 1 && box.top >= Math.max(0, head) - 1).length;
}"""
CUT = """() => [...document.querySelectorAll(
    "#mapping-table tbody th > :first-child, .company-link, .combobox input")]
  .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1
    && getComputedStyle(each).display !== "inline").length"""
TO_TABLE = """() => scrollTo({
  top: document.querySelector("#mapping-table table").getBoundingClientRect().top + scrollY,
  behavior: "instant",
})"""
IS_IN_FIRST_ROW = "Boolean(document.activeElement.closest('#mapping-table tbody tr'))"
MESSAGE_IS_SEEN = """() => [...document.querySelectorAll(".messages .alert")].some((each) => {
  const { top, bottom } = each.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
})"""


def tabs_to_first_row(page: Page, most: int = 80) -> int:
    """How often Tab is pressed from the head of the page until the focus is in the first row."""
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        if page.evaluate(IS_IN_FIRST_ROW):
            return presses
    return most + 1


def measured(page: Page, address: str, width: int, height: int) -> list[str]:
    """One line of the table."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address)
    page.evaluate("window.scrollTo(0, 0)")
    first, at_once, cut = page.evaluate(FIRST_ROW), page.evaluate(IN_VIEW), page.evaluate(CUT)
    tabs = tabs_to_first_row(page)
    page.evaluate(TO_TABLE)
    scrolled = page.evaluate(IN_VIEW)
    return [f"{first:.0f}", str(at_once), str(scrolled), str(cut), str(tabs)]


def main() -> None:
    """Print the table."""
    heads = ("first row at", "rows at once", "rows, scrolled", "cut names", "Tabs", "outcome seen")
    sys.stdout.write(f"{'':22}" + "".join(f"{head:>15}" for head in heads) + "\n")
    with tempfile.TemporaryDirectory() as name, demo(Path(name)) as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        sign_in(page, portal, Path(name))
        prepare(page, portal, Path(name))
        address = f"{portal.url}/integrations/autotask/1/"
        for width, height in SIZES:
            for density, columns in (
                ("", "reason.state.updated"),
                (", compact", "reason.state.updated.compact"),
            ):
                line = measured(page, f"{address}?columns={columns}", width, height)
                page.get_by_role("button", name=re.compile("Suggest Values")).click()
                expect(page.get_by_text("Nothing is saved yet.")).to_be_attached()
                line.append("yes" if page.evaluate(MESSAGE_IS_SEEN) else "no")
                sys.stdout.write(
                    f"{width} x {height}{density}".ljust(22) + "".join(f"{each:>15}" for each in line) + "\n"
                )
        browser.close()


if __name__ == "__main__":
    main()
