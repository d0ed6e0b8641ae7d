"""A whole portal on real processes, a simulated Autotask, and a browser in front of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.databases import alone
from tests.support.migrated import copy_migrated_file

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse-battery-staple"
START_PATIENCE = 60.0  # seconds
PAGE_PATIENCE = 15_000  # milliseconds; how fast pages are is measured elsewhere (tests/benchmarks)
expect.set_options(timeout=PAGE_PATIENCE)


# Debian's; the first has no windows to draw and needs half of the processor time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a journey; a machine without Chromium skips them, except in CI."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker("journey")
            if CHROMIUM is None and os.environ.get("CI") != "true":
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed (Debian: chromium)"))


@dataclass
class Portal:
    """A running portal: where it is, and its management commands."""

    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    simulator: Simulator | None = None
    people: list[str] = field(default_factory=list)  # sessions of superusers whom nobody is yet

    def manage(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a management command on the portal's own data; returns what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def company(number: int, name: str, **values: Any) -> dict[str, Any]:
    """A company as the API names its fields."""
    return {"id": number, "companyName": name, "companyType": 1, "isActive": True, **values}


OWN = company(0, "Our Own MSP", companyType=8)
MAIN_COMPANIES = [
    OWN,
    company(101, "Harrow Lane Dental, LLC", city="Dayton", webAddress="www.harrowlanedental.example"),
    company(102, "Mossfield Veterinary Clinic Inc", city="Akron"),
    company(103, "Tidewater Freight & Storage", city="Toledo"),
    company(104, "Copperbeech Accounting Group", city="Lima"),
    company(105, "Old Orchard Bakery", city="Kent", companyType=7),
    company(106, "Pinecrest Legal Partners", companyType=2),
    *(company(200 + n, f"Sample Works {n}", companyType=3) for n in range(40)),
]
SECOND_COMPANIES = [OWN, company(11, "Harrow Lane Dental"), company(12, "Bramblewood Nursery")]
ORGANIZATIONS = """name,domain,city
Harrow Lane Dental,harrowlanedental.example,Dayton
Mossfield Veterinary Clinic,,Akron
Tidewater Freight and Storage,,Toledo
Copper Beech Accountants,,Lima
Bramblewood Nursery,,Medina
"""

Data = tuple[list[dict[str, Any]], list[dict[str, Any]], str]  # the tenants' companies, and the organizations


@contextlib.contextmanager
def simulated_portal(
    folder: Path, common_folder: Path, url: str, data: Data | None = None, **settings: str
) -> Iterator[Portal]:
    """A portal with organizations and one superuser, not started yet, and its simulated Autotask."""
    main, second, organizations = data or (MAIN_COMPANIES, SECOND_COMPANIES, ORGANIZATIONS)
    tenants = [
        Tenant("api@main.example", "main-secret", "MAIN", main),
        Tenant("api@second.example", "second-secret", "SECOND", second),
    ]
    with Simulator(tenants, port=0) as simulator:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "DATA"))},
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_DATA_DIR": str(folder),
            "SECRET_KEY": "journeys-" + "k3y" * 20,
            "PORTAL_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
            "AUTOTASK_EXTRA_HOSTS": simulator.base_url.removeprefix("http://"),
            "AUTOTASK_DISCOVERY_URL": simulator.base_url,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            **settings,
        }  # fmt: skip
        made = Portal(url, environment, simulator=simulator)
        if "DATABASE_URL" in settings:
            fill(made, organizations)
        else:
            shutil.copytree(filled_folder(made, organizations, common_folder), folder, dirs_exist_ok=True)
        yield made


def fill(portal: Portal, organizations: str) -> None:
    """Make a superuser, and the organizations. The server makes the checks when it starts."""
    who = ("--username", "olive", "--email", "olive@msp.example")
    portal.manage("createsuperuser", "--skip-checks", "--noinput", *who)
    portal.manage("import_organizations", "--skip-checks", "-", stdin=organizations)


def filled_folder(portal: Portal, organizations: str, common_folder: Path) -> Path:
    """Data on SQLite to start from, filled once for all processes: it takes longer than some journeys."""
    which = hashlib.sha256(organizations.encode()).hexdigest()[:8]
    folder = common_folder / f"filled-{which}"
    with alone(common_folder / f"filled-{which}.lock"):
        if not (folder / "portal.sqlite3").exists():
            begun = Path(tempfile.mkdtemp(dir=common_folder))
            copy_migrated_file(begun / "portal.sqlite3")
            environment = {**portal.environment, "PORTAL_DATA_DIR": str(begun)}
            fill(replace(portal, environment=environment), organizations)
            begun.rename(folder)  # whole, or not at all
    return folder


@contextlib.contextmanager
def running_portal(
    folder: Path, common_folder: Path, data: Data | None = None, *, host: str = "127.0.0.1", **settings: str
) -> Iterator[Portal]:
    """Web server and worker on SQLite, as ``serve`` starts them on one machine; browsers call it ``host``."""
    port = free_port()
    with simulated_portal(folder, common_folder, f"http://{host}:{port}", data, **settings) as running:
        serve = ["serve", "--bind", f"127.0.0.1:{port}", "--web-processes", "1"]
        with (folder / "serve.log").open("wb") as log:
            running.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), *serve],
                env=running.environment, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(running)
            yield running
        finally:
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(30) == 0, (folder / "serve.log").read_text()


@pytest.fixture
def portal(tmp_path: Path, common_folder: Path) -> Iterator[Portal]:
    """A portal of its own, with a handful of organizations."""
    with running_portal(tmp_path, common_folder) as running:
        yield running


# One organization and company a word; every journey in the shared portal has words of its own, so that the
# order in which they run does not matter.
WORDS = [
    "Alderney", "Barrowby", "Cantley", "Dunholme", "Elsham", "Fillingham",
    "Glentworth", "Haxey", "Ingham", "Kirton", "Laughton", "Messingham",
    "Nettleham", "Owmby", "Pilham", "Roxby", "Scotter", "Thonock",
    "Upton", "Viking", "Wharton", "Yaddlethorpe", "Appleby", "Brigg",
    "Corringham", "Dalby", "Epworth", "Faldingworth", "Gainsby", "Hackthorn",
    "Goxhill", "Grasby", "Hibaldstow", "Horkstow", "Immingham", "Irkley",
    "Irby", "Keelby", "Blyborough", "Conisborough", "Flamborough", "Scarborough",
    "Skellow",
]  # fmt: skip


STRANGE = ("Anvil", "Bellows", "Chisel", "Drill", "Easel")


def shared_companies() -> list[dict[str, Any]]:
    """One customer a word, two that Autotask has twice, a vendor, a lead, and two that are inactive."""
    customers = [
        company(
            1000 + number, f"{word} Dental Care, LLC", city="Lincoln", webAddress=f"{word.lower()}.example"
        )
        for number, word in enumerate(WORDS)
    ]
    twins = [company(2000 + number, "Snarford Dental Care") for number in range(2)]
    others = [
        company(2010, "Thornton Supplies", companyType=7),
        company(2011, "Wickenby Roofing", companyType=2),
        company(2012, "Closed Dental Care", isActive=False),
        company(2013, "Shut Dental Care", isActive=False),
    ]
    others += [
        company(2020 + n, word, isActive=False) for n, word in enumerate(("Goxfold", "Horkfold", "Irkfold"))
    ]
    # Whoever maps an organization to another customer's company has one of their own for that.
    strange = [company(2100 + n, f"Strangeways {word}", companyType=2) for n, word in enumerate(STRANGE)]
    return [OWN, *customers, *twins, *others, *strange]


SHARED_ORGANIZATIONS = "name,domain,city\n" + "".join(
    f"{word} Dental Care,{word.lower()}.example,Lincoln\n" for word in (*WORDS, "Snarford")
)


# Connected, read, and with people who are signed in, all at once: in a browser that takes longer than many
# a journey, and has journeys of its own. Prints the keys of their sessions.
FURNISH = """
import io, os
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from integrations.services.audit import Actor, Batch
from integrations.services.instances.connect import ConnectionDetails, connect_instance
secrets = {"secret": "main-secret", "tracking_identifier": "MAIN"}
details = ConnectionDetails("autotask", "Main", "api@main.example", secrets=secrets)
connect_instance(Batch(Actor("olive", "a journey", User.objects.get(username="olive"))), details)
call_command("refresh_options", "Main", stdout=io.StringIO(), stderr=io.StringIO())
password = make_password(os.environ["DJANGO_SUPERUSER_PASSWORD"])
for number in range(150):
    name, client = f"person-{number}", Client()
    client.force_login(User.objects.create(
        username=name, email=f"{name}@msp.example", password=password, is_staff=True, is_superuser=True
    ))
    print(client.session.session_key)
"""


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, common_folder: Path) -> Iterator[Portal]:
    """A portal that many journeys share: connected, read, with an organization a word, and people to be."""
    folder = tmp_path_factory.mktemp("workshop")
    second = [OWN, company(11, "Gainford Dental Care")]
    with running_portal(folder, common_folder, (shared_companies(), second, SHARED_ORGANIZATIONS)) as running:
        running.people = running.manage("shell", "--verbosity", "0", "-c", FURNISH).split()
        yield running


@pytest.fixture
def person(workshop: Portal, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Somebody new in the shared portal, whose browser must not complain. ``scripts=False`` by a marker."""
    scripts = request.node.get_closest_marker("without_scripts") is None
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=scripts)
    visitor = join(workshop, context)
    yield visitor
    context.close()
    assert visitor.complaints == []


def join(portal: Portal, context: BrowserContext) -> Visitor:
    """A new superuser in a browser, signed in, on the page with the mappings."""
    context.add_cookies([{"name": "sessionid", "value": portal.people.pop(), "url": portal.url}])
    visitor = open_visitor(context, portal)
    visitor.page.goto(f"{portal.url}/integrations/autotask/1/")
    return visitor


def wait_for(portal: Portal) -> None:
    """Until the web server answers."""
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{portal.url}/accounts/login/", timeout=5).close()  # noqa: S310  # our own
        except OSError:  # not listening yet, or too busy to answer
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"The portal did not answer within {START_PATIENCE:.0f} s.")


@dataclass
class Visitor:
    """A person with a browser; what the browser complains of is kept."""

    page: Page
    portal: Portal
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, username: str) -> None:
        """Through the sign-in page."""
        self.page.goto(f"{self.portal.url}/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.portal.url}/")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def open_visitor(context: BrowserContext, portal: Portal) -> Visitor:
    """A new page whose console messages and script errors count as complaints."""
    page = context.new_page()
    page.set_default_timeout(PAGE_PATIENCE)
    visitor = Visitor(page, portal)

    def complain(message: ConsoleMessage) -> None:
        visitor.complaints.append(f"{message.type}: {message.text}")

    page.on("console", complain)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    return visitor


@pytest.fixture
def visitor(portal: Portal, chromium: Browser) -> Iterator[Visitor]:
    """A person whose browser must not complain: no script error, nothing that the CSP had to block."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    person = open_visitor(context, portal)
    yield person
    context.close()
    assert person.complaints == []


def connect_main(visitor: Visitor) -> None:
    """Add the first configuration and wait until its companies are read."""
    page = visitor.page
    page.goto(f"{visitor.portal.url}/integrations/autotask/add/")
    page.get_by_label("Name", exact=True).fill("Main")
    page.get_by_label("API Username").fill("api@main.example")
    page.get_by_role("textbox", name="API User Password").fill("main-secret")
    page.get_by_role("textbox", name="API Tracking Identifier").fill("MAIN")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Main", level=1)).to_be_visible()
    page.get_by_role("button", name=re.compile("Read all .* companies")).click()
    wait_for_job(page)


def wait_for_job(page: Page) -> None:
    """Until the setup page tells that the last read has ended; works without scripts too."""
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        if page.locator("#job").get_by_text("companies were read").count():
            return
        page.wait_for_timeout(300)
        page.reload()
    raise AssertionError("The companies were not read in time.")


def company_box(page: Page, organization: str) -> Locator:
    """The picker of an organization's row, opened from the text that it stands in for."""
    name = re.compile(f"^Autotask company for {organization}")
    page.get_by_role("link", name=name).click()
    return page.get_by_role("combobox", name=name)


def open_summary(page: Page, heading: str) -> None:
    """Open a summary of the setup page in place, unless it is open; works without scripts too."""
    details = page.locator(".summaries details").filter(has=page.get_by_role("heading", name=heading))
    if details.count() and not details.evaluate("details => details.open"):
        details.locator("> summary").click()
    later = details.locator("[data-form-later]")  # comes when it is opened, or by its link
    if later.count() and not page.locator("html.js").count():
        later.get_by_role("link").click()
    expect(later).to_have_count(0)


def find(visitor: Visitor, text: str) -> Page:
    """Search the mapping table, as Enter in its field does; works without scripts too."""
    page = visitor.page
    page.wait_for_load_state()  # a page that is still to come would take away what is typed
    page.get_by_label("Search organizations and companies").fill(text)
    page.keyboard.press("Enter")
    # The address tells that the answer is there: what was typed stands in the field before, too.
    expect(page).to_have_url(re.compile(rf"[?&]q={text}(&|#|$)"))
    expect(page.locator("#table-q")).to_have_value(text)
    return page
