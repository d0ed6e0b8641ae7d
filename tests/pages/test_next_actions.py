"""What a page leads on to: the company in Autotask, what a job did, what support asks for, what was sent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import Company, IntegrationInstance, Job, WebhookDelivery, WebhookEvent
from integrations.psa.registry import provider_for
from integrations.services.audit import Batch
from integrations.services.webhooks.edit import WebhookSpec, create_webhook
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import SECRETS, actor_of, make_organization

Signed = Callable[[User], Client]


@pytest.mark.parametrize("web_url", ["https://ww5.autotask.net", "https://ww5.autotask.net/"])
def test_a_company_is_opened_in_autotask_by_its_id(web_url: str) -> None:
    address = provider_for("autotask").company_address(web_url, "101&x=1")
    assert address == (
        "https://ww5.autotask.net/Autotask/AutotaskExtend/ExecuteCommand.aspx"
        "?Code=OpenAccount&AccountID=101%26x%3D1"
    )
    assert provider_for("autotask").company_address("", "101") == ""


def test_the_review_and_the_missing_page_lead_to_autotask(
    refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    company = Company.objects.get(name__startswith="Abbott")
    make_mapping(make_organization("Abbott"), company)
    address = provider_for("autotask").company_address(refreshed.web_url, company.remote_id)
    assert address.startswith("https://ww")
    client = client_of(member)
    review = reverse("integrations:review", args=[refreshed.psa, refreshed.pk])
    missing = reverse("integrations:missing", args=[refreshed.psa, refreshed.pk])
    for page in (client.get(f"{review}?state=mapped"), client.get(f"{missing}?q=Abbott")):
        link = page.content.decode().split("open-company")[1].split("</a>")[0]
        assert f'href="{address.replace("&", "&amp;")}" target="_blank" rel="noopener noreferrer"' in link
        assert company.name in link


def test_without_an_address_no_link_is_drawn(db: None, member: User, client_of: Signed) -> None:
    instance = make_instance("Main")
    make_mapping(make_organization("Abbott"), make_company(instance, 101, "Abbott"))
    review = reverse("integrations:review", args=[instance.psa, instance.pk])
    assert "open-company" not in client_of(member).get(f"{review}?state=mapped").content.decode()


def test_a_job_leads_to_what_it_did(db: None, member: User, reader: User, client_of: Signed) -> None:
    """Suggestions belong to who asked for them: nobody else is sent to look for them."""
    instance, now = make_instance("Main"), timezone.now()
    done = {"instance": instance, "state": Job.State.DONE, "finished_at": now}
    Job.objects.create(kind=Job.Kind.SUGGEST_MAPPINGS, created_by=member, **done)
    report = str(uuid.uuid4())
    Job.objects.create(kind=Job.Kind.IMPORT_ORGANIZATIONS, result={"report": report}, **done)
    own = client_of(member).get("/jobs/").content.decode()
    other = client_of(reader).get("/jobs/").content.decode()
    suggested = f'href="{instance.get_absolute_url()}?state=suggested#mappings"'
    assert suggested in own
    assert suggested not in other
    assert f'href="/imports/{report}/"' in own


def test_what_support_asks_for_can_be_copied_and_holds_no_secret(
    instance: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    page = client_of(owner).get(instance.get_absolute_url()).content.decode()
    told = page.split('<pre id="diagnostics">')[1].split("</pre>")[0]
    assert f"API Username: {instance.username}" in told
    assert f"Zone: {instance.zone_name}, {instance.api_url}" in told
    assert told.count("passed: ") == 5
    for secret in SECRETS:
        assert secret not in told


def test_a_message_is_shown_as_the_json_that_is_sent(owner: User, client_of: Signed) -> None:
    spec = WebhookSpec("Wallboard", "https://board.example/", [WebhookEvent.MAPPING_CHANGED])
    webhook, _ = create_webhook(Batch(actor_of(owner)), spec)
    sent = {"changes": [{"organization_name": "Café “Nord”", "confidence": None}]}
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, event=WebhookEvent.MAPPING_CHANGED, payload=sent, next_attempt_at=timezone.now()
    )
    address = reverse("integrations:delivery", args=[webhook.pk, delivery.pk])
    page = client_of(owner).get(address).content.decode()
    assert json.loads(unescape(page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])) == sent
