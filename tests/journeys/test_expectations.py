"""An expectation is broken and holds again, with mail; a refresh that waits is left, and then taken."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import ORGANIZATIONS, OWN, Portal, company, join, running_portal
from tests.journeys.page_checks import faults, tab_to, violations
from tests.journeys.test_setup_to_saved_mappings import wait_for_companies

FIRMS = ("Harrow Lane Dental", "Mossfield Veterinary Clinic", "Tidewater Freight", "Copper Beech")
MAIN = [OWN, *(company(100 + n, f"{name}, LLC") for n, name in enumerate(FIRMS, 1))]
MAIN += [company(200 + n, f"Nobody Knows {n}") for n in range(10)]
SECOND = [OWN, *(company(300 + n, f"Second Hand {n}") for n in range(14))]
# Both are connected and read; the first firms are mapped in the one, a firm of its own in the other.
FURNISH = """
import io
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from integrations.models import *
from integrations.services.audit import Actor, Batch
from integrations.services.instances.connect import ConnectionDetails, connect_instance
batch = Batch(Actor("olive", "a journey", User.objects.get(username="olive")))
for name in ("Main", "Second"):
    low = name.lower()
    secrets = {"secret": f"{low}-secret", "tracking_identifier": name.upper()}
    connect_instance(batch, ConnectionDetails("autotask", name, f"api@{low}.example", secrets=secrets))
call_command("refresh_options", "--all", stdout=io.StringIO(), stderr=io.StringIO())
for name, remote_id in (("Harrow", 101), ("Mossfield", 102), ("Tidewater", 103), ("Bramblewood", 301)):
    organization = Organization.objects.get(name__startswith=name)
    company = Company.objects.get(remote_id=remote_id)
    OrganizationMapping.objects.create(
        organization=organization, psa="autotask", instance=company.instance, company=company,
        confirmed_name=company.name, confirmed_at=timezone.now(),
    )
for number in range(4):
    client = Client()
    client.force_login(User.objects.create_superuser(f"person-{number}", f"person-{number}@msp.example", "x"))
    print(client.session.session_key)
"""
LOOK = "from integrations.services.alerts import watch, work; watch(); work(1)"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, common_folder: Path) -> Iterator[Portal]:
    """A portal with two configurations, whose mail goes into a folder."""
    folder = tmp_path_factory.mktemp("yard")
    (folder / "mail").mkdir()
    address = f"filemail://{folder / 'mail'}"
    settings: dict[str, Any] = {"EMAIL_URL": address, "EMAIL_FROM": "portal@msp.example"}
    with running_portal(folder, common_folder, (MAIN, SECOND, ORGANIZATIONS), **settings) as running:
        running.people = running.manage("shell", "--verbosity", "0", "-c", FURNISH).split()
        yield running


def mails(portal: Portal) -> str:
    """All that was sent."""
    folder = Path(portal.environment["PORTAL_DATA_DIR"]) / "mail"
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.iterdir()))


def wait_for_mail(portal: Portal, subject: str) -> None:
    """Have people told, by this look or by the worker's own."""
    portal.manage("shell", "--verbosity", "0", "-c", LOOK)
    ends = time.monotonic() + 20
    while f"Subject: [Portal] {subject}" not in mails(portal):
        assert time.monotonic() < ends, mails(portal)[-3000:]
        time.sleep(0.2)


def refresh(page: Page, sentence: str) -> None:
    page.get_by_role("button", name="Refresh Options").click()
    wait_for_companies(page, sentence)


def stands(page: Page, kind: str, words: str) -> None:
    expect(page.locator(f"#expect-{kind}")).to_contain_text(words)


def test_an_expectation_is_broken_and_holds_again(yard: Portal, chromium: Browser) -> None:
    simulator, found = yard.simulator, []
    assert simulator is not None
    companies = simulator.tenants["api@main.example"].companies
    context = chromium.new_context(bypass_csp=True, reduced_motion="reduce")
    page = join(yard, context).page
    page.get_by_role("link", name="Change the expectations").click()
    tab_to(page, page.get_by_label("At least", exact=True))
    page.keyboard.press("Control+A")
    page.keyboard.type("500")
    page.keyboard.press("Tab")
    page.keyboard.type("If not, warn")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.get_by_label("At least", exact=True).press("Enter")
    expect(page.get_by_text("Enter a whole number from 1 to 100.")).to_be_visible()
    found += violations(page, "a number that is too large")
    page.get_by_label("At least", exact=True).fill("70")
    page.get_by_role("button", name="Save expectations").click()
    expect(page.get_by_text("The expectations were saved.")).to_be_visible()
    stands(page, "mapped", "3 of 4 organizations (75.0 %)")
    stands(page, "mapped", "Holds")
    found += faults(page, "expectations")

    companies.remove(103)
    page.goto(f"{yard.url}/integrations/autotask/1/")
    refresh(page, "1 no longer there")
    page.get_by_role("link", name="Change the expectations").click()
    stands(page, "mapped", "Warns")
    stands(page, "mapped", "2 of 4 organizations (50.0 %)")
    wait_for_mail(yard, "Main: an expectation is broken")
    page.goto(f"{yard.url}/alerts/")
    rows = page.get_by_role("row").filter(has_text="an expectation is broken")
    expect(rows.first).to_contain_text("At least 70 % of the organizations are mapped")
    expect(rows.filter(has_text="Delivered").first).to_be_visible()  # the mail, among those that were sent

    companies.put(MAIN[3])
    page.goto(f"{yard.url}/integrations/autotask/1/")
    refresh(page, "15 companies were read")
    page.get_by_role("link", name="Change the expectations").click()
    stands(page, "mapped", "Holds")
    wait_for_mail(yard, "Over: Main: an expectation is broken")
    page.goto(f"{yard.url}/alerts/")
    expect(rows.filter(has_text="Over:").first).to_contain_text("Delivered")
    found += violations(page, "an expectation that holds again")
    assert found == []
    context.close()


def test_a_braked_refresh_is_left_and_then_taken(yard: Portal, chromium: Browser) -> None:
    simulator, found = yard.simulator, []
    assert simulator is not None
    companies, setup = (
        simulator.tenants["api@second.example"].companies,
        f"{yard.url}/integrations/autotask/2/",
    )
    for number in range(300, 306):
        companies.remove(number)

    plain = chromium.new_context(java_script_enabled=False)  # the first person has no scripts
    page = join(yard, plain).page
    page.goto(setup)
    page.get_by_role("button", name="Refresh Options").click()
    told, ends = (
        page.locator("#job").get_by_text("6 of 15 companies were not returned"),
        time.monotonic() + 30,
    )
    while not told.count():
        assert time.monotonic() < ends
        page.goto(setup)
    wait_for_mail(yard, "Second: a refresh waits for you")
    page.get_by_role("link", name="See what would go").click()
    expect(page.get_by_role("heading", name="6 companies would go")).to_be_visible()
    expect(page.get_by_text("1 mapping leads to them")).to_be_visible()
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("Second Hand 1")
    expect(first.get_by_role("link", name="Bramblewood Nursery")).to_be_visible()
    page.get_by_role("button", name="Leave it").press("Enter")
    expect(page.get_by_text("The result was left: nothing changed")).to_be_visible()
    expect(page.get_by_role("heading", name="A refresh that was left")).to_be_visible()
    plain.close()

    context = chromium.new_context(bypass_csp=True, reduced_motion="reduce")
    page = join(yard, context).page
    page.goto(setup)
    page.get_by_role("link", name="See what would go").first.click()
    expect(page.get_by_text(re.compile("by person-"))).to_be_visible()
    found += faults(page, "a refresh that was left")
    page.get_by_role("button", name="Take it").click()
    wait_for_companies(page, "6 no longer there")
    expect(page.get_by_role("row").filter(has_text="Bramblewood Nursery")).to_contain_text("Needs review")
    expect(page.locator("#expectations")).to_contain_text("Holds")
    page.goto(f"{setup}held/")
    expect(page.get_by_text("No refresh waits")).to_be_visible()
    found += violations(page, "no refresh that waits")
    wait_for_mail(yard, "Over: Second: a refresh waits for you")
    assert found == []
    context.close()
