"""Take the README's screenshots anew from the demo data, and all of them on one sheet: ``make screenshots``.

``python -m tests.journeys.screenshots FOLDER SHEET`` puts the pictures of a folder on a sheet: those of
a commit are had by ``git archive COMMIT docs/screenshots | tar x -C FOLDER``. sheet-before.png is of 9fa95d2.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.journeys.conftest import ROOT, Portal, free_port, wait_for

FOLDER = ROOT / "docs" / "screenshots"
SIZES = {"desktop": (1280, 900), "phone": (400, 860)}
TITLES = ("home", "setup", "mappings", "review")
LOOKS = {"": "light", "-dark": "dark", "-phone": "phone"}
SHEET = "sheet.png"


@contextmanager
def demo(folder: Path) -> Iterator[Portal]:
    """The demo on free ports, with its data in the folder."""
    port, simulator_port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DATA"))},
        "PORTAL_ENVIRONMENT": "demo",
        "PORTAL_DATA_DIR": str(folder),
        "SECRET_KEY": "screenshots-" + "k3y" * 20,
        "PORTAL_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "AUTOTASK_EXTRA_HOSTS": f"127.0.0.1:{simulator_port}",
        "AUTOTASK_DISCOVERY_URL": f"http://127.0.0.1:{simulator_port}",
    }
    portal = Portal(f"http://127.0.0.1:{port}", environment)
    portal.manage("prepare", "--verbosity", "0")
    portal.manage("load_demo")
    command = [
        sys.executable, str(ROOT / "manage.py"), "serve", "--bind", f"127.0.0.1:{port}",
        "--simulator", str(folder / "demo" / "tenants.json"), "--simulator-port", str(simulator_port),
    ]  # fmt: skip
    portal.process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(portal)
        yield portal
    finally:
        portal.process.send_signal(signal.SIGTERM)
        portal.process.wait(30)


def sign_in(page: Page, portal: Portal, folder: Path) -> None:
    """As the demo's superuser."""
    person = json.loads((folder / "demo" / "sign-in.json").read_text(encoding="utf-8"))
    page.goto(portal.url)
    page.get_by_label("Username").fill(person["username"])
    page.get_by_label("Password", exact=True).fill(person["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{portal.url}/")


def prepare(page: Page, portal: Portal, folder: Path) -> None:
    """Connect both tenants, and map what the matcher is sure of in the first hundred rows."""
    tenants = json.loads((folder / "demo" / "tenants.json").read_text(encoding="utf-8"))
    for name, tenant in zip(("Main", "Pellam Valley"), tenants, strict=True):
        page.goto(f"{portal.url}/integrations/autotask/add/")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("API Username").fill(tenant["username"])
        page.get_by_role("textbox", name="API User Password").fill(tenant["secret"])
        page.get_by_role("textbox", name="API Tracking Identifier").fill(tenant["tracking_identifier"])
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("button", name=re.compile("Read all .* companies")).click()
        expect(page.locator("#job")).to_contain_text("companies were read", timeout=60_000)
    page.goto(f"{portal.url}/integrations/autotask/1/?q=co")
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text("Mappings saved")).to_be_visible()


def main() -> None:
    """Write docs/screenshots/*.png; given a folder and a file, a sheet of the pictures that are there."""
    if len(sys.argv) == 3:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            put_on_a_sheet(browser, Path(sys.argv[1]), Path(sys.argv[2]))
            browser.close()
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, demo(Path(name)) as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shoot(browser, portal, Path(name))
        put_on_a_sheet(browser, FOLDER, FOLDER / SHEET)
        browser.close()


def shoot(browser: Browser, portal: Portal, folder: Path) -> None:
    """One sign-in for each look; the work is done in the first."""
    first = True
    for scheme, size in (("light", "desktop"), ("dark", "desktop"), ("light", "phone")):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        sign_in(page, portal, folder)
        if first:
            prepare(page, portal, folder)
            first = False
        suffix = "" if (scheme, size) == ("light", "desktop") else "-dark" if scheme == "dark" else "-phone"
        for title, path in (
            ("home", ""),
            ("setup", "integrations/autotask/1/"),
            ("mappings", "integrations/autotask/1/?sort=updated#mappings"),
            ("review", "integrations/autotask/1/review/?tier=likely"),
        ):
            page.goto(f"{portal.url}/{path}")
            page.wait_for_timeout(300)
            page.screenshot(path=FOLDER / f"{title}{suffix}.png")
        context.close()


def put_on_a_sheet(browser: Browser, folder: Path, sheet: Path) -> None:
    """The pictures of the folder side by side: a row a page, a column a look."""
    rows = []
    for title in TITLES:
        cells = []
        for suffix, look in LOOKS.items():
            data = base64.b64encode((folder / f"{title}{suffix}.png").read_bytes()).decode()
            cells.append(
                f"<td><p>{title}, {look}</p><img height=430 src='data:image/png;base64,{data}'></td>"
            )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    style = "body { font: 14px sans-serif; margin: 12px } td { padding: 6px } p { margin: 0 0 4px }"
    page = browser.new_page(viewport={"width": 1480, "height": 900})
    page.set_content(f"<style>{style}</style><table>{''.join(rows)}</table>")
    page.screenshot(path=sheet, full_page=True)
    page.close()


if __name__ == "__main__":
    main()
