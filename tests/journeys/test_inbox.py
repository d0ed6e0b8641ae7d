"""A Monday morning: what happened in Autotask over the weekend is settled by keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import Portal, join
from tests.journeys.page_checks import faults, violations

# Thirty mappings of two configurations, of which something changed since they were confirmed; a colleague has
# given all of them to the person, so that nobody else's rows are among them. Four have a better company.
WEEKEND = """
import datetime as dt
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from integrations.models import *
from integrations.models.drift import Changed, RecordChange, ReviewCase
now, person = timezone.now(), User.objects.get(pk={person})
weekend = now - dt.timedelta(days=1)
names = [f"Monday {{number:02}}" for number in range(1, 31)]
changes = []
for side, instance_name in enumerate(("Monday north", "Monday south")):
    instance = IntegrationInstance(psa="autotask", name=instance_name, username=f"{{side}}@monday.example",
                                   status="connected")
    instance.credentials = dict(secret="never sent", tracking_identifier="never sent")
    instance.save()
    for number, name in enumerate(names):
        if number % 2 != side:
            continue
        organization = Organization.objects.create(name=name)
        company = Company.objects.create(
            instance=instance, remote_id=str(number + 1), name=f"{{name}} Ltd", seen_at=now)
        mapping = OrganizationMapping.objects.create(
            organization=organization, psa="autotask", instance=instance, company=company,
            confirmed_by=person, confirmed_at=now - dt.timedelta(days=3), confirmed_name=company.name)
        changes.append(Changed(RecordChange.Kind.RETYPED, company.pk, "1", "7", at=weekend))
        if 8 <= number < 12:
            better = Company.objects.create(
                instance=instance, remote_id=str(number + 101), name=f"{{name}} Incorporated", seen_at=now)
            changes.append(Changed(RecordChange.Kind.BETTER, better.pk, "", better.name, organization.pk))
        ReviewCase.objects.create(mapping=mapping, assigned_to=person, assigned_at=now)
with transaction.atomic():
    RecordChange.objects.record(changes, now)
"""


@pytest.fixture
def monday(workshop: Portal, chromium: Browser) -> Iterator[Page]:
    """The inbox of somebody who was given thirty rows, in a browser that lets axe in."""
    context = chromium.new_context(
        bypass_csp=True, reduced_motion="reduce", viewport={"width": 1280, "height": 900}
    )
    visitor = join(workshop, context)
    person = visitor.page.locator("body").get_attribute("data-person")
    workshop.manage("shell", "--verbosity", "0", "-c", WEEKEND.format(person=person))
    visitor.page.goto(f"{workshop.url}/drift/?mine=1")
    yield visitor.page
    context.close()
    assert visitor.complaints == []


def test_thirty_rows_are_settled_by_keyboard(monday: Page) -> None:
    page, pressed = monday, []
    status, table = page.locator("#messages-status"), page.get_by_role("region", name="Table of mappings")

    def press(*keys: str, says: str = "", on: int | None = None) -> None:
        """Press the keys; what the page says then, and the row that is at hand."""
        for key in keys:
            page.keyboard.press(key)
            pressed.append(key)
        if says:
            expect(status).to_contain_text(says)
        if on is not None:
            expect(page.get_by_role("link", name=f"Monday {on:02}", exact=True)).to_be_focused()

    def left(number: int) -> None:
        expect(page.get_by_role("navigation", name="Pages")).to_contain_text(f"of {number} mappings")

    left(30)
    expect(table).to_contain_text("Monday north")
    expect(table).to_contain_text("Monday south")
    assert faults(page, "a full inbox") == []
    page.goto(page.url)  # as it is met: nothing has the focus but the first row
    press(on=1)
    for row in range(1, 6):
        press("e", says="1 mapping kept.", on=row + 1)
    for row in range(6, 9):
        press("i", says="1 mapping ignored until", on=row + 1)
    press("r", on=10, says="1 mapping remapped.")
    for row in range(10, 13):
        press("r", on=row + 1)
    press("r", says="No company is proposed for this row.", on=13)
    press("d", says="1 mapping unmapped.", on=14)
    press("u", says="1 mapping put back as before.", on=13)
    press("e", says="1 mapping kept.", on=14)
    left(17)

    # Rows are passed over and come to again; a held key decides one row, Enter among people none.
    press("j", on=15)
    press("k", on=14)
    page.keyboard.down("i")
    for _ in range(5):
        page.keyboard.down("i")
    expect(page.get_by_role("link", name="Monday 15", exact=True)).to_be_focused()
    page.keyboard.up("i")
    pressed.append("i")
    left(16)
    press("a")
    people = page.get_by_label("Give to", exact=True)
    expect(people).to_be_focused()
    press("Escape", on=15)
    expect(page.locator("tbody input:checked")).to_have_count(0)
    press("a", "Home", "Enter", says="1 mapping given to nobody.")
    left(15)
    press("x", "j", "x", "j", "x", "e", says="3 mappings kept.", on=19)
    left(12)
    assert violations(page, "what many keys settled") == []
    press("Shift+X", "e", says="12 mappings kept.")
    expect(page.get_by_text("No mapping fits this choice.")).to_be_visible()
    assert faults(page, "an inbox that is settled") == []
    assert len(pressed) < 60, pressed

    # Undo after undo: the step before is taken back, too.
    press("u", says="12 mappings put back as before.", on=19)
    left(12)
    press("u", says="3 mappings put back as before.")
    left(15)
