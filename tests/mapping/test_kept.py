"""A mapping that somebody keeps leaves the review until what asks for one has ceased and comes back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations import tasks
from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
)
from integrations.models.review_reasons import needs_review
from integrations.services.history import undo as undoing
from integrations.services.webhooks.review_notices import note_reviews
from integrations.simulators.autotask.server import Simulator
from tests.support.rows import make_mapping, seen_of
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(refreshed: IntegrationInstance) -> Company:
    """One of the simulator's, that is inactive."""
    found = refreshed.companies.exclude(remote_id="0").order_by("pk")[0]
    Company.objects.filter(pk=found.pk).update(is_active=False)
    found.refresh_from_db()
    return found


@pytest.fixture
def organization(company: Company) -> Organization:
    row = make_organization("Quillfeather")
    make_mapping(row, company, confirmed_name=company.name)
    return row


def to_review(instance: IntegrationInstance, client: Client) -> int:
    """How many rows the review has, which the table and the database must say, too."""
    page = client.get(f"{instance.get_absolute_url()}review/", {"state": "review"}).content.decode()
    [number] = re.findall(r"of (\d+) open rows", page) or ["0"]
    table = client.get(instance.get_absolute_url(), {"state": "review"}).content.decode()
    assert re.findall(r'aria-current="page">Needs review <span class="count">(\d+)<', table) == [number]
    mappings = list(OrganizationMapping.objects.present())
    asking = [mapping for mapping in mappings if mapping.review_reasons]
    assert len(asking) == OrganizationMapping.objects.filter(needs_review()).count() == int(number)
    return int(number)


def keep(instance: IntegrationInstance, organization: Organization, client: Client) -> str:
    address = f"{instance.get_absolute_url()}review/{organization.pk}/?state=review"
    return client.post(address, {"decision": "keep", "seen": seen_of(organization)}).content.decode()


def read_all(instance: IntegrationInstance, client: Client) -> None:
    client.post(reverse("integrations:refresh", args=[instance.psa, instance.pk]), {"full": "1"})
    tasks.run_job.func(str(Job.objects.open().get().key))


def test_what_is_kept_leaves_the_review_with_history_and_comes_back_with_undo(
    refreshed: IntegrationInstance, organization: Organization, owner: User, client_of: Callable[..., Client]
) -> None:
    client = client_of(owner)
    assert to_review(refreshed, client) == 1
    said = keep(refreshed, organization, client)
    assert "Quillfeather stays mapped to" in said
    assert "It is not asked about again for what was seen: company is inactive." in said
    assert to_review(refreshed, client) == 0
    note_reviews()
    assert not AuditEvent.objects.filter(action="review.needed").exists()  # nor is anybody told of one

    event = AuditEvent.objects.latest("pk")
    history = client.get(f"/history/{event.batch}/").content.decode()
    assert "Kept although" in history
    assert "company is inactive" in history
    page = client.get(f"{refreshed.get_absolute_url()}review/", {"organization": organization.pk})
    assert "although: company is inactive" in page.content.decode()

    client.post(f"/undo/{event.batch}/")
    assert to_review(refreshed, client) == 1


def test_another_reason_asks_anew(
    refreshed: IntegrationInstance,
    company: Company,
    organization: Organization,
    owner: User,
    client_of: Callable[..., Client],
) -> None:
    client = client_of(owner)
    keep(refreshed, organization, client)
    for change in ({"in_filter": False}, {"name": "Another name"}):
        Company.objects.filter(pk=company.pk).update(**change)
        assert to_review(refreshed, client) == 1
        keep(refreshed, organization, client)
        assert to_review(refreshed, client) == 0
    warned = client.get(refreshed.get_absolute_url(), {"warning": "inactive"}).content.decode()
    assert "Quillfeather" not in re.findall(r'class="row-link"[^>]*>([^<]*)<', warned)


def test_a_reason_that_ceased_and_comes_back_asks_anew(
    simulator: Simulator,
    refreshed: IntegrationInstance,
    company: Company,
    organization: Organization,
    owner: User,
    client_of: Callable[..., Client],
) -> None:
    client = client_of(owner)
    keep(refreshed, organization, client)
    mapping = OrganizationMapping.objects.get(organization=organization)
    assert mapping.kept_despite == "inactive"
    read_all(refreshed, client)  # there it is active
    assert to_review(refreshed, client) == 0
    Company.objects.filter(pk=company.pk).update(is_active=False)
    assert to_review(refreshed, client) == 1


def test_another_company_is_not_kept_because_the_one_before_was(
    refreshed: IntegrationInstance, organization: Organization, owner: User, client_of: Callable[..., Client]
) -> None:
    client = client_of(owner)
    keep(refreshed, organization, client)
    other = refreshed.companies.exclude(remote_id="0").order_by("-pk")[0]
    client.post(
        f"{refreshed.get_absolute_url()}review/{organization.pk}/",
        {"decision": "accept", "company": other.pk, "seen": seen_of(organization)},
    )
    Company.objects.filter(pk=other.pk).update(is_active=False)
    assert to_review(refreshed, client) == 1
    undoing.undo_batch(actor_of(owner), AuditEvent.objects.latest("pk").batch)
    assert to_review(refreshed, client) == 0  # the one before is, as it was
