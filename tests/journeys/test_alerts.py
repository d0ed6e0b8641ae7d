"""A person mutes an alert that they know of, and hears of it again; each state is accessible."""

from __future__ import annotations

import datetime as dt
import re

from playwright.sync_api import Browser, expect

from tests.journeys.conftest import Portal, join
from tests.journeys.page_checks import faults, violations

# A webhook whose signing key was renewed half a day ago, and a worker's look at that.
RENEWED = """
import datetime as dt
from django.utils import timezone
from integrations.models import Webhook
from integrations.services.alerts import watch
hook = Webhook(name="Muffled desk", events=[])
hook.move_to("https://hooks.example/x")
ends = timezone.now() + dt.timedelta(hours=6)
hook.secret = {"key": "whsec_bmV3", "previous": "whsec_b2xk", "until": ends.isoformat()}
hook.save()
watch()
"""
WHAT = "An API token or a signing key is about to end"


def test_an_alert_is_muted_and_heard_again(workshop: Portal, chromium: Browser) -> None:
    workshop.manage("shell", "--verbosity", "0", "-c", RENEWED)
    context = chromium.new_context(bypass_csp=True, reduced_motion="reduce")
    page, found = join(workshop, context).page, []
    page.locator(".topbar-user summary").click()
    page.get_by_role("link", name="Alerts").click()
    row = page.get_by_role("row").filter(has_text="Muffled desk")
    found += faults(page, "an open alert")
    row.get_by_role("link", name=re.compile("^Mute")).click()
    expect(page.get_by_label("What")).to_have_value("key.ending")
    page.get_by_label("Until").fill("")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_text("Say until when.", exact=True)).to_be_visible()
    found += violations(page, "a mute without an end")
    page.get_by_label("Until").fill(f"{dt.date.today() + dt.timedelta(days=2)}T08:00")  # noqa: DTZ011
    page.get_by_role("button", name="Mute").click()
    expect(row).to_contain_text("Muted until")
    muted = page.get_by_role("region", name="Table of what is muted").get_by_role("row").filter(has_text=WHAT)
    expect(muted).to_contain_text("All")
    found += violations(page, "a muted alert")
    muted.get_by_role("button", name=re.compile("^Unmute")).click()
    expect(row.get_by_role("link", name=re.compile("^Mute"))).to_be_visible()
    expect(muted).to_have_count(0)
    assert found == []
    context.close()
