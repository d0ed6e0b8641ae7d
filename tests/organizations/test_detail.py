"""The page of one organization: where it is mapped, what is known of it, and its last changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations.models import (
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.services.audit import Actor, Batch
from integrations.services.organizations import change_organization, delete_organization

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]


def address(organization: Organization) -> str:
    return reverse("integrations:organization", args=[organization.pk])


@pytest.fixture
def instance() -> IntegrationInstance:
    return IntegrationInstance.objects.create(psa="autotask", name="Main", username="api@example.com")


@pytest.fixture
def acme() -> Organization:
    return Organization.objects.create(name="Acme & Sons <Dental>", external_id="7", city="Lima")


def company(instance: IntegrationInstance, remote_id: str, name: str) -> Company:
    return Company.objects.create(instance=instance, remote_id=remote_id, name=name, seen_at=timezone.now())


def map_to(organization: Organization, to: Company, **values: object) -> OrganizationMapping:
    return OrganizationMapping.objects.create(
        organization=organization, psa="autotask", instance=to.instance, company=to,
        confirmed_at=timezone.now(), **values,
    )  # fmt: skip


def shown(client: Client, organization: Organization) -> str:
    response = client.get(address(organization))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_mapping_comes_first_with_why_it_needs_review(
    reader: User, client_of: Browser, acme: Organization, instance: IntegrationInstance
) -> None:
    to = company(instance, "42", "ACME Dental Group")
    map_to(acme, to, confirmed_name="ACME Dental", confidence=0.97, reasons=["same name"])
    page = shown(client_of(reader), acme)
    assert "Acme &amp; Sons &lt;Dental&gt;" in page
    assert "ACME Dental Group" in page
    assert "Renamed since" in page
    assert "97 %" in page
    assert page.index("Mapped to") < page.index("About") < page.index("Last changes")
    assert f"?q={'Acme%20%26%20Sons%20%3CDental%3E'}#mappings" in page


def test_a_wrong_mapping_is_a_click_from_the_review_that_unmaps_it(
    reader: User, member: User, client_of: Browser, acme: Organization, instance: IntegrationInstance
) -> None:
    map_to(acme, company(instance, "42", "ACME Dental Group"))
    link = f"/review/?organization={acme.pk}"
    page = shown(client_of(member), acme)
    assert link in page
    address = page.split(link)[0].rsplit('"', 1)[1] + link
    assert 'value="unmap"' in client_of(member).get(address).content.decode()
    assert link not in shown(client_of(reader), acme)


def test_what_is_open_says_where_to_choose(
    reader: User, client_of: Browser, acme: Organization, instance: IntegrationInstance
) -> None:
    assert "No company yet. Choose one in the mapping table of" in shown(client_of(reader), acme)
    acme.is_active = False
    acme.save()
    page = shown(client_of(reader), acme)
    assert "being inactive waits for none" in page
    assert "Choose one in" not in page
    assert instance.name not in page.split("<main")[1]


def test_what_was_ignored_and_refused_is_told(
    owner: User, reader: User, client_of: Browser, acme: Organization, instance: IntegrationInstance
) -> None:
    IgnoredOrganization.objects.create(organization=acme, psa="autotask", ignored_by=owner)
    other = company(instance, "43", "Acme Dentures")
    RejectedMatch.objects.create(
        organization=acme, company=other, company_name="Acme Dentures", rejected_by=owner
    )
    page = shown(client_of(reader), acme)
    assert f"by {owner.get_username()}: it stays out of the open work" in page
    assert "“Acme Dentures”" in page


def test_a_deleted_one_can_be_read_and_brought_back(
    member: User, reader: User, client_of: Browser, acme: Organization
) -> None:
    into = Organization.objects.create(name="Acme Holding")
    delete_organization(Batch(Actor("m", "test", member)), acme)
    Organization.objects.filter(pk=acme.pk).update(merged_into=into)
    page = shown(client_of(reader), acme)
    assert "merged into" in page
    assert address(into) in page
    assert "Restore" not in page
    assert "Restore" in shown(client_of(member), acme)
    assert address(acme) in shown(client_of(reader), into)


def test_the_last_changes_with_all_of_them_a_click_away(
    reader: User, member: User, client_of: Browser, acme: Organization
) -> None:
    for number in range(11):
        acme.refresh_from_db()
        values = acme.snapshot() | {"city": f"City {number}"}
        change_organization(Batch(Actor("m", "test", member)), acme, values, acme.updated_at)
    page = shown(client_of(reader), acme)
    assert "City 10" in page
    assert f"{reverse('integrations:history')}?organization={acme.pk}" in page
    assert page.count("organization changed") + page.count("Organization changed") == 10


def test_buttons_lead_where_a_person_may_go(
    owner: User, member: User, reader: User, stranger: User, client_of: Browser, acme: Organization
) -> None:
    edit = reverse("integrations:organization_edit", args=[acme.pk])
    assert edit in shown(client_of(owner), acme)
    assert edit in shown(client_of(member), acme)
    assert edit not in shown(client_of(reader), acme)
    assert client_of(stranger).get(address(acme)).status_code == 404
    assert client_of(owner).post(address(acme)).status_code == 405


def test_many_mappings_cost_no_more_queries(
    reader: User, client_of: Browser, acme: Organization, instance: IntegrationInstance,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    map_to(acme, company(instance, "42", "ACME"))
    for number in range(30):
        into = Organization.objects.create(name=f"Part {number}", deleted_at=timezone.now())
        Organization.objects.filter(pk=into.pk).update(merged_into=acme)
    client = client_of(reader)
    client.get(address(acme))
    with django_assert_max_num_queries(20):
        client.get(address(acme))
