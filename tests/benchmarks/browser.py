"""How fast the mapping workspace is in Chromium, with the data of a large MSP, and what its pages weigh.

Run from the root of the project (a PostgreSQL database is emptied!)::

    .venv/bin/python -m tests.benchmarks.browser [--database postgres://...] [--times 20]

Web server and browser share the machine. Times are taken in the page, from the event that the person caused
to the frame after the answer stands there. Then review mode is worked through by keyboard alone, 100
suggestions, of which every fifth is rejected and every ninth replaced by its first rival.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.benchmarks import fleet, large
from tests.benchmarks.staff import answers, free_port, session

WORDS = ("dental", "freight", "legal", "church", "roofing", "pharmacy", "school", "hotel")
# From the key to the frame after the answer: the picker's list, or the next row of the review.
CLOCK = """() => {
  window.took = [];
  let began = null;
  const ended = () => requestAnimationFrame(() => setTimeout(() => {
    if (began !== null) { window.took.push(performance.now() - began); began = null; }
  }));
  document.addEventListener("keydown", () => { began = performance.now(); }, true);
  document.addEventListener("htmx:afterSettle", ended);
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => target.matches?.(".combobox-list"))) ended();
  }).observe(document.body, { childList: true, subtree: true });
}"""
NAVIGATION = """() => {
  const [entry] = performance.getEntriesByType("navigation");
  return entry.domContentLoadedEventEnd - entry.startTime;
}"""


@dataclass
class Window:
    """A page that remembers what its browser complained of and what came over the wire."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    weight: int = 0  # bytes on the wire, headers and all

    def took(self) -> float:
        """The time of what was done last, in milliseconds."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:  # waiting in the page would need eval, which the policy forbids
            found = self.page.evaluate("window.took.pop() ?? null")
            if found is not None:
                return float(found)
            self.page.wait_for_timeout(20)
        raise AssertionError("nothing was answered within 30 s")


def open_window(context: BrowserContext) -> Window:
    """A page without cache in which complaints and bytes are counted."""
    window = Window(context.new_page())
    window.page.on("console", lambda message: window.complaints.append(message.text))
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    protocol = context.new_cdp_session(window.page)
    protocol.send("Network.enable")

    def arrived(event: dict[str, Any]) -> None:
        window.weight += int(event["encodedDataLength"])

    protocol.on("Network.loadingFinished", arrived)
    return window


def new_context(browser: Browser, url: str, cookie: str) -> BrowserContext:
    """A browser with an empty cache in which the person is signed in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    # Marked as one that came over TLS: production takes no other, and a browser trusts this machine.
    secure = url.replace("http://", "https://")
    context.add_cookies([{"name": "__Host-sessionid", "value": cookie, "url": secure}])
    return context


def line(what: str, values: list[float], target: float, unit: str = "ms") -> None:
    """Tell the median and the slowest of twenty, beside the target."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    verdict = "met" if p95 < target else "missed"
    large.say(f"{what:44}{statistics.median(values):9.0f}{p95:9.0f} {unit}   target {target:.0f}: {verdict}")


def navigation(browser: Browser, url: str, cookie: str, path: str, times: int) -> tuple[list[float], Window]:
    """How long after the navigation the page can be worked with, each time with an empty cache."""
    taken = []
    window = None
    for _ in range(times):
        context = new_context(browser, url, cookie)
        window = open_window(context)
        response = window.page.goto(f"{url}{path}", wait_until="load")
        assert response is not None
        policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy, policy
        taken.append(float(window.page.evaluate(NAVIGATION)))
        assert window.page.locator("[data-pick]").count() > 0, "there is no company to pick"
        context.close()
    assert window is not None
    return taken, window


def picker(window: Window, url: str, path: str, times: int) -> list[float]:
    """From the last key in a row's picker to its list."""
    page, taken = window.page, []
    page.goto(f"{url}{path}")
    page.evaluate(CLOCK)
    box = page.locator("#mapping-table [role=combobox]")
    for number in range(times):
        page.locator("#mapping-table [data-pick]").first.click()
        box.fill("")
        page.wait_for_timeout(300)
        page.evaluate("window.took.length = 0")
        page.keyboard.type(WORDS[number % len(WORDS)], delay=90)
        page.wait_for_timeout(400)
        taken.append(window.took())
        box.press("Escape")  # the list
        box.press("Escape")  # the picker, which is text again
        expect(box).to_have_count(0)
    return taken


def steps(window: Window, url: str, path: str, key: str, times: int) -> list[float]:
    """From a key in review mode to the next row."""
    page, taken = window.page, []
    page.goto(f"{url}{path}review/?state=suggested")
    page.evaluate(CLOCK)
    for _ in range(times):
        expect(page.locator('[data-key="accept"]')).to_be_focused()
        page.keyboard.press(key)
        page.wait_for_timeout(400)  # asking the page meanwhile would cost what is measured
        taken.append(window.took())
    return taken


def hundred(window: Window, url: str, path: str) -> None:
    """Work through 100 suggestions by keyboard alone, and count."""
    page = window.page
    page.goto(f"{url}{path}review/?state=suggested")
    heading = page.locator("#review h2").first
    presses: list[int] = []
    began = time.perf_counter()
    for number in range(1, 101):
        before = heading.inner_text()
        keys = ["r", "j"] if number % 5 == 0 else ["Enter"]
        if number % 9 == 0 and page.locator('[data-key="2"]').count():
            keys = ["2", "Enter"]
        for key in keys:
            page.keyboard.press(key)
        presses.append(len(keys))
        expect(heading).not_to_have_text(before)
    taken = time.perf_counter() - began
    large.say(
        f"100 suggestions in review mode: {taken:.0f} s, {sum(presses)} key presses, "
        f"at most {max(presses)} for one (target 3: {'met' if max(presses) <= 3 else 'missed'})"
    )


def served_alone(path: str, times: int = 10) -> None:
    """What the server's part costs in processor time, which other work on the machine does not stretch."""
    from django.test import Client

    client = Client()
    client.force_login(large.person())
    for what, address in (
        ("setup page", path),
        ("a step of the review", f"{path}review/?state=suggested"),
        ("the picker's list", f"{path}mappings/1/company/?q=dental"),
    ):
        taken = []
        for _ in range(times):
            began = time.process_time()
            response = client.get(address, headers={"HX-Request": "true"})
            taken.append(1000 * (time.process_time() - began))
            assert response.status_code == 200, (address, response.status_code)
        large.say(f"{'server alone: ' + what:44}{statistics.median(taken):9.0f}{'':9} ms of processor time")


@contextmanager
def running(options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """A filled portal behind its web server: its address, a session, and the path of the setup page."""
    folder = Path(tempfile.mkdtemp(prefix="portal-browser-"))
    keys = {"SECRET_KEY": secrets.token_urlsafe(50), "PORTAL_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    large.settings(options.database, folder, **keys)
    _, instance = large.load(options.organizations, options.companies, 1)
    cookie = session("bench")
    served_alone(instance.get_absolute_url())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # As it is served: with the compressed files of production. Only TLS is left out.
    served = {**os.environ, "PORTAL_ENVIRONMENT": "production", "SECURE_SSL_REDIRECT": "0"}
    manage = [sys.executable, str(fleet.ROOT / "manage.py")]
    subprocess.run([*manage, "collectstatic", "--noinput", "--verbosity", "0"], env=served, check=True)
    web = subprocess.Popen(
        [*manage, "web", "--bind", f"127.0.0.1:{port}"], env=served, start_new_session=True
    )
    try:
        fleet.wait_for(lambda: answers(url), 60)
        yield url, cookie, instance.get_absolute_url()
    finally:
        web.terminate()
        web.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Fill, start, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--organizations", type=int, default=5000)
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with running(options) as (url, cookie, path), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        large.say(f"{'':44}{'median':>9}{'p95':>9}")
        taken, window = navigation(browser, url, cookie, path, options.times)
        line("setup page usable, empty cache", taken, 1000)
        complaints = window.complaints
        line("setup page, weight without cache", [window.weight / 1024], 250, "KB")
        taken, window = navigation(browser, url, cookie, f"{path}review/?state=suggested", options.times)
        line("review mode usable, empty cache", taken, 1000)
        complaints = complaints + window.complaints
        context = new_context(browser, url, cookie)
        window = open_window(context)
        line("picker, last key to list", picker(window, url, path, options.times), 150)
        line("review, next (J)", steps(window, url, path, "j", options.times), 100)
        line("review, accept and save (Enter)", steps(window, url, path, "Enter", options.times), 100)
        hundred(window, url, path)
        complaints = complaints + window.complaints
        large.say(f"console messages: {len(complaints)} {complaints[:3]}")
        browser.close()


if __name__ == "__main__":
    main()
