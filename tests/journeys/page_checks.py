"""What is asked of every page that journeys see: a focus in sight, room for all, nothing for axe to find."""

from __future__ import annotations

import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

FOCUS_PATIENCE = 5.0  # seconds; movements take a tenth, but frames are rare on a busy machine
# Two frames later what was to change has been painted.
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def tab_to(page: Page, target: Locator, most: int = 250) -> None:
    """Press Tab until the control has the focus; every stop on the way is one that people can see."""
    page.wait_for_load_state()
    page.evaluate(PAINTED)  # the window is moved to the address's fragment with the first frame after loading
    for _ in range(most):
        page.keyboard.press("Tab")
        seen_by = time.monotonic() + FOCUS_PATIENCE
        while not page.evaluate(FOCUS_IS_SEEN):  # the window may still be on its way to it
            unseen = page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
            assert time.monotonic() < seen_by, f"the focus is not seen on {unseen}"
            page.wait_for_timeout(50)
        if target.evaluate("element => element === document.activeElement"):
            return
        for _ in range(target.evaluate(PLACES_IN_GROUP)):  # one stop: the arrow keys go through it
            page.keyboard.press("ArrowRight")
            if target.evaluate("element => element === document.activeElement"):
                return
    raise AssertionError(f"{target} cannot be reached by Tab")


PLACES_IN_GROUP = """(target) => {
  const group = document.activeElement.closest("[data-roving]");
  const isInside = group && target.tabIndex === -1 && target.closest("[data-roving]") === group;
  return isInside ? group.querySelectorAll("a, button, summary").length : 0;
}"""

# The focused control is in the window, not covered by what sticks to an edge, and carries a ring.
FOCUS_IS_SEEN = """() => {
  const control = document.activeElement;
  const box = control.getBoundingClientRect();
  if (control === document.body || !box.width) return control === document.body;
  const style = getComputedStyle(control);
  const ring = getComputedStyle(control.closest("label") ?? control);
  const isRinged = [style, ring].some(
    (each) => each.outlineStyle !== "none" && parseFloat(each.outlineWidth) >= 2);
  const x = Math.min(Math.max(box.left + Math.min(box.width, 20) / 2, 1), innerWidth - 1);
  const y = box.top + box.height / 2;
  const top = document.elementFromPoint(x, Math.min(Math.max(y, 1), innerHeight - 1));
  const isOnTop = control.contains(top) || top?.contains(control);
  return isRinged && Boolean(isOnTop) && box.bottom > 0 && box.top < innerHeight;
}"""

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
WIDTHS = (320, 400, 1920, 1280)  # 320 px are a window of 1280 px at 400 % zoom
# What people may do to text without losing any of it (WCAG 2.2, 1.4.12), and the text that is lost by it.
WIDE_TEXT = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
p { margin-bottom: 2em !important }"""
CUT_OFF = """() => [...document.querySelectorAll("a, button, summary, label, th, td, dd, p, h1, h2, li")]
  .filter((each) => each.checkVisibility() && !each.closest(".visually-hidden, thead, .skip-link"))
  .filter((each) => getComputedStyle(each).overflow !== "visible")
  .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
  .map((each) => each.outerHTML.slice(0, 160))"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

# From a phone over a tablet and 200 % zoom to a desk: at none of these widths may a page break.
ALL_WIDTHS = (320, 400, 640, 768, 1024, 1100, 1200, 1280, 1920)
# What a narrow box does to a page: words of headings, numbers and buttons are torn, and things lie on one
# another. Text counts with its lines as far as they are seen, a pill, a button or a field with its box; what
# sticks to an edge may cover.
SQUEEZED = """() => {
  const BOXED = ".badge-state, .tag, .btn, .count, input, select, textarea, meter";
  const shown = new Map();
  const window_ = { left: -1e6, top: -1e6, right: 1e6, bottom: 1e6 };
  const cut = (a, b) => ({ left: Math.max(a.left, b.left), top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom) });
  // The part of the page in which what is in the element is seen; null where nothing is.
  const clip = (element) => {
    if (!element || element === document.body) return window_;
    if (!shown.has(element)) {
      const style = getComputedStyle(element), above = clip(element.parentElement);
      const isAway = style.position === "fixed" || style.position === "sticky" || style.clipPath !== "none"
        || style.display === "none" || style.visibility === "hidden" || style.opacity === "0";
      shown.set(element, isAway || !above ? null
        : style.overflowX === "visible" ? above : cut(above, element.getBoundingClientRect()));
    }
    return shown.get(element);
  };
  const isClosed = (element) => !element.checkVisibility()
    || (element.closest("details:not([open])") && !element.closest("summary"));
  const things = [], torn = [];
  const add = (boxes, owner, name) => {
    const limit = clip(owner.parentElement) && clip(owner);
    if (!limit) return;
    for (const box of boxes) {
      const { left, top, right, bottom } = cut(box, limit);
      if (right - left > 2 && bottom - top > 2) things.push({ left, top, right, bottom, owner, name });
    }
  };
  for (const each of document.querySelectorAll(BOXED)) {
    if (isClosed(each) || each.parentElement.closest(BOXED)) continue;
    add([each.getBoundingClientRect()], each, each.outerHTML.slice(0, 70));
  }
  const range = document.createRange();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const owner = text.parentElement;
    if (!text.data.trim() || isClosed(owner)) continue;
    if (owner.closest("script, style, option, svg, noscript")) continue;
    if (owner.closest("h1, h2, h3, .count, .badge-state, .btn") && clip(owner)) {
      for (const { 0: word, index } of text.data.matchAll(/[^\\s\\-\\/]+/g)) {
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        const lines = new Set([...range.getClientRects()].map((each) => Math.round(each.top)));
        if (lines.size > 1) torn.push(`torn: ${word}`);
      }
    }
    if (owner.closest(BOXED)) continue;
    range.selectNodeContents(text);
    add(range.getClientRects(), owner, text.data.trim().slice(0, 40));
  }
  things.sort((a, b) => a.top - b.top);
  const over = [];
  things.forEach((a, at) => {
    for (let next = at + 1; next < things.length && things[next].top < a.bottom - 2; next += 1) {
      const b = things[next];
      const isOne = a.owner === b.owner || a.owner.contains(b.owner) || b.owner.contains(a.owner);
      if (!isOne && b.left < a.right - 1 && a.left < b.right - 1) over.push(`${a.name} lies on ${b.name}`);
    }
  });
  return [...torn, ...over.slice(0, 5)];
}"""


def squeezed(page: Page, where: str) -> list[str]:
    """At which widths the page is broken: it scrolls sideways, tears words of headings, or things overlap."""
    found = []
    for width in ALL_WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        overflow = page.evaluate(TOO_WIDE)
        found += [f"{where} at {width}: {overflow} px too wide"] if overflow > 0 else []
        found += [f"{where} at {width}: {each}" for each in page.evaluate(SQUEEZED)]
    return found


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


def faults(page: Page, where: str) -> list[str]:
    """What is wrong: at some width it scrolls sideways or a target is small, or axe finds something."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        overflow = page.evaluate(TOO_WIDE)
        found += [f"{where} at {width}: {overflow} px too wide"] if overflow > 0 else []
        found += [f"{where} at {width}: {target}" for target in page.evaluate(SMALL_TARGETS)]
    return found + violations(page, where)
