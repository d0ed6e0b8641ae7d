"""Rows that need review, many rows at once, and several organizations on one company, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import (
    AuditEvent,
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.services.audit import Actor, Batch
from integrations.services.mapping import SeenTable, set_mapping
from tests.support.markup import tree_of
from tests.support.rows import seen_of

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


@pytest.fixture
def client(client_of: Browser, owner: User) -> Client:
    return client_of(owner)


def mapped(owner: User, instance: IntegrationInstance, number: int, **company: object) -> list[Organization]:
    """Organizations that are mapped to companies of their own, which are then changed."""
    companies = list(instance.companies.exclude(remote_id="0").order_by("pk")[:number])
    found = []
    for place, each in enumerate(companies):
        organization = Organization.objects.create(name=f"Quill {place}", is_active=True)
        set_mapping(Batch(Actor.person(owner, "a test")), organization, each, seen_version=0)
        found.append(organization)
    Company.objects.filter(pk__in=[each.pk for each in companies]).update(**company)
    return found


def messages_of(client: Client, instance: IntegrationInstance) -> str:
    return client.get(instance.get_absolute_url()).content.decode()


def test_a_row_that_needs_review_says_why_and_is_kept_with_history(
    refreshed: IntegrationInstance, owner: User, client: Client
) -> None:
    first, *_ = mapped(owner, refreshed, 1, is_active=False)
    review = f"{refreshed.get_absolute_url()}review/"
    page = client.get(review, {"state": "review"}).content.decode()
    assert "company is inactive" in page
    assert 'value="keep" data-key="accept"' in page  # Enter
    assert 'value="unmap" data-key="reject"' in page  # R
    mapping = OrganizationMapping.objects.get(organization=first)
    for form in ({"decision": "keep"}, {"decision": "accept", "company": mapping.company_id}):
        before = AuditEvent.objects.filter(action="mapping confirmed").count()
        answer = client.post(f"{review}{first.pk}/?state=review", {**form, "seen": seen_of(first)})
        assert f"Quill 0 stays mapped to {mapping.company.name}." in answer.content.decode()
        assert AuditEvent.objects.filter(action="mapping confirmed").count() == before + 1
    answer = client.post(f"{review}{first.pk}/?state=review", {"decision": "unmap", "seen": seen_of(first)})
    assert "Quill 0 is no longer mapped." in answer.content.decode()
    assert not OrganizationMapping.objects.present().filter(organization=first).exists()


@pytest.mark.parametrize("decision", ["keep", "unmap", "ignore"])
def test_many_rows_are_decided_by_one_press_and_taken_back_by_one(
    refreshed: IntegrationInstance, owner: User, client: Client, decision: str
) -> None:
    organizations = mapped(owner, refreshed, 3, is_active=False)
    lonely = [Organization.objects.create(name=f"Quill alone {n}", is_active=True) for n in range(3)]
    state = "unmapped" if decision == "ignore" else "review"
    table = client.get(refreshed.get_absolute_url(), {"state": state, "q": "Quill"}).content.decode()
    assert f"{decision.capitalize()} all 3" in table
    assert "Select all" not in table
    address = f"{refreshed.get_absolute_url()}mappings/decide-all/"
    form = {"decision": decision, "chosen": f"state={state}&q=Quill", "table": "q=Quill"}
    form["seen"] = str(SeenTable.now())
    before, asked = AuditEvent.objects.count(), ""
    for number in ({}, {"number": "2"}):  # not asked yet; one more than the answer was about
        asked = client.post(address, form | number, follow=True).content.decode()
        assert f"{decision.capitalize()} 3 rows of " in asked
        assert ("in every configuration" in asked) is (decision == "ignore")
    assert AuditEvent.objects.count() == before
    client.post(address, sent_by_the_only_form(asked) | {"decision": decision})
    kept = OrganizationMapping.objects.present().filter(organization__in=organizations).count()
    assert kept == (0 if decision == "unmap" else 3)
    ignored = IgnoredOrganization.objects.filter(organization__in=lonely)
    assert ignored.count() == (3 if decision == "ignore" else 0)
    page = messages_of(client, refreshed)
    assert "3 rows are " in page
    batch = AuditEvent.objects.order_by("-pk").values_list("batch", flat=True)[0]
    assert AuditEvent.objects.filter(batch=batch).count() == 3
    client.post(f"/undo/{batch}/")
    assert OrganizationMapping.objects.present().filter(organization__in=organizations).count() == 3
    assert not ignored.exists()


def sent_by_the_only_form(page: str) -> dict[str, Any]:
    """What the form of the page's main area sends, but for its button."""
    main = tree_of(page).first("main")
    assert main is not None
    form = main.first("form", where=lambda each: each["method"] == "post")
    assert form is not None
    return {each["name"]: each["value"] for each in form.all("input")}


def test_what_nobody_knows_is_not_done(refreshed: IntegrationInstance, client: Client) -> None:
    address = f"{refreshed.get_absolute_url()}mappings/decide-all/"
    assert client.post(address, {"decision": "delete", "chosen": "state=review"}).status_code == 404


def test_two_organizations_on_one_company_are_asked_about_once(
    refreshed: IntegrationInstance, owner: User, client: Client
) -> None:
    first, *_ = mapped(owner, refreshed, 1)
    company = OrganizationMapping.objects.get(organization=first).company
    second = Organization.objects.create(name="Quill branch", is_active=True)
    page = refreshed.get_absolute_url()
    client.post(f"{page}mappings/{second.pk}/company/", {"company": company.pk})
    ticks: dict[str, object] = {"shown": second.pk, "ticked": second.pk}
    answer: Any = client.post(f"{page}mappings/save/", ticks)
    assert answer.status_code == 302  # Back and reload send nothing again
    asked = client.get(answer["Location"])
    assert "Quill 0, Quill branch" in asked.content.decode()
    assert "1 ticked row waits for your answer; the button saves it." in asked.content.decode()
    assert not OrganizationMapping.objects.filter(organization=second).exists()
    client.post(f"{page}mappings/save/", sent_by_the_only_form(asked.content.decode()))
    assert OrganizationMapping.objects.present().filter(company=company).count() == 2

    # What is shared already is asked about no more; what becomes shared in the review is.
    third = Organization.objects.create(name="Quill other", is_active=True)
    elsewhere = refreshed.companies.exclude(remote_id="0").exclude(pk=company.pk)[0]
    client.post(f"{page}mappings/{third.pk}/company/", {"company": elsewhere.pk})
    client.post(f"{page}mappings/save/", {"shown": third.pk, "ticked": third.pk})
    assert OrganizationMapping.objects.present().filter(organization=third).exists()
    fourth = Organization.objects.create(name="Quill fourth", is_active=True)
    step = f"{page}review/{fourth.pk}/"
    form: dict[str, object] = {"decision": "accept", "company": company.pk}
    assert "Save: both are this company" in client.post(step, form).content.decode()
    assert not OrganizationMapping.objects.filter(organization=fourth).exists()
    client.post(step, form | {"shared": "1"})
    assert OrganizationMapping.objects.present().filter(company=company).count() == 3
