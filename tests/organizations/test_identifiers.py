"""Ids of other tools: written with history, carried along, undone, exported, and asked for suggestions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from integrations.models import (
    AuditEvent,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationIdentifier,
)
from integrations.models.identifiers import KnownId
from integrations.services.audit import Batch
from integrations.services.exports.organizations import export_organizations
from integrations.services.history.differences import Difference, DifferenceRenderer
from integrations.services.history.undo import undo_batch
from integrations.services.organizations.edit import delete_organization, restore_organization
from integrations.services.organizations.identifiers import with_ids, write_ids
from integrations.services.organizations.merge import merge_organizations, plan_merge
from integrations.services.suggestions.suggest import propose_mappings
from tests.support.rows import make_company, make_instance
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db

TENANT = KnownId("tenant_id", "Partner Portal", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
COMPANY = KnownId("autotask_company_id", "Site Tool", "101")


def tell(person: User, organization: Organization, *known: KnownId) -> Batch:
    """Let these be all that is known of it, as an import does."""
    batch = Batch(actor_of(person))
    with transaction.atomic():
        batch.record(write_ids({organization.pk: known}, {organization.pk: organization}))
    return batch


def known(organization: Organization) -> list[KnownId]:
    return OrganizationIdentifier.objects.by_organization([organization.pk]).get(organization.pk, [])


def test_they_are_told_in_history_undone_and_redone(member: User) -> None:
    mill = make_organization("Marsh Mill")
    tell(member, mill, COMPANY)
    other = COMPANY._replace(value="102")
    batch = tell(member, mill, TENANT, other)
    event = AuditEvent.objects.get(batch=batch.key)
    assert event.action == "organization identifiers changed"
    assert DifferenceRenderer([event]).differences(event) == [
        Difference("Autotask company id (Site Tool)", "101", "102"),
        Difference("Microsoft tenant id (Partner Portal)", "", TENANT.value),
    ]
    undone = undo_batch(actor_of(member), batch.key)
    assert (undone.restored, known(mill)) == (1, [COMPANY])
    undo_batch(actor_of(member), undone.batch)
    assert known(mill) == sorted([TENANT, other])
    tell(member, mill, TENANT)
    left = undo_batch(actor_of(member), batch.key)
    assert (left.restored, known(mill)) == (0, [TENANT]), "changed again since: left as it is"


def test_nothing_is_told_where_nothing_differs(member: User) -> None:
    mill = make_organization("Marsh Mill")
    tell(member, mill, COMPANY)
    assert not AuditEvent.objects.filter(batch=tell(member, mill, COMPANY).key).exists()


def test_a_tool_that_tells_another_id_replaces_its_own_and_nobody_elses() -> None:
    elsewhere = COMPANY._replace(source="Other Tool")
    now = with_ids([COMPANY, elsewhere], [COMPANY._replace(value="7")])
    assert now == sorted([elsewhere, COMPANY._replace(value="7")])
    both = with_ids([COMPANY, COMPANY._replace(value="7")], [COMPANY])
    assert len(both) == 2, "one of several, as merging leaves them, is no news"


def test_merging_carries_them_along_and_undo_takes_them_back(owner: User) -> None:
    merged, into = make_organization("Marsh Mill Ltd"), make_organization("Marsh Mill")
    tell(owner, merged, TENANT)
    tell(owner, into, COMPANY)
    batch = Batch(actor_of(owner))
    merge_organizations(batch, merged, into, {}, plan_merge(merged, into).seen)
    assert known(into) == sorted([TENANT, COMPANY])
    undo_batch(actor_of(owner), batch.key)
    assert (known(into), known(merged)) == ([COMPANY], [TENANT])


def test_they_go_with_a_deleted_organization_and_come_back(owner: User) -> None:
    mill = make_organization("Marsh Mill")
    tell(owner, mill, COMPANY)
    delete_organization(Batch(actor_of(owner)), mill)
    assert not OrganizationIdentifier.objects.present().exists()
    assert list(export_organizations()) == []
    restore_organization(Batch(actor_of(owner)), mill)
    [row] = export_organizations()
    assert json.loads(str(row["identifiers"])) == [
        {"kind": "autotask_company_id", "source": "Site Tool", "value": "101"}
    ]


def test_the_organizations_page_and_the_admin_show_them(
    owner: User, client_of: Callable[[User], Client]
) -> None:
    mill = make_organization("Marsh Mill")
    tell(owner, mill, COMPANY)
    page = client_of(owner).get(f"/organizations/{mill.pk}/").content.decode()
    assert "Autotask company id" in page
    assert "Site Tool" in page
    assert ">101<" in page


@pytest.fixture
def main(db: None) -> IntegrationInstance:
    instance = make_instance("Main")
    make_company(instance, 101, "Harbour Bakery LLC")
    make_company(instance, 102, "Quarry Stone Works")
    make_company(instance, 103, "Zenith Opticians")
    return instance


def proposal(member: User, main: IntegrationInstance, organization: Organization) -> Any:
    propose_mappings(member, main)
    return MappingProposal.objects.select_related("company").get(organization=organization)


def test_a_known_company_id_decides_and_an_agreeing_name_makes_it_sure(
    main: IntegrationInstance, member: User
) -> None:
    bakery = make_organization("Harbour Bakery")
    tell(member, bakery, COMPANY)
    found = proposal(member, main, bakery)
    assert (found.company.name, found.tier, found.selected) == ("Harbour Bakery LLC", "sure", True)
    assert found.reasons == ["Site Tool says so"]


def test_with_another_name_it_is_likely_and_never_ticked(main: IntegrationInstance, member: User) -> None:
    painter = make_organization("Falcon Painters")
    tell(member, painter, COMPANY._replace(value="102"))
    found = proposal(member, main, painter)
    assert (found.company.name, found.tier, found.selected) == ("Quarry Stone Works", "likely", False)
    assert found.reasons == [
        "Site Tool says so", 'the names differ: "Falcon Painters" / "Quarry Stone Works"'
    ]  # fmt: skip


def test_an_id_that_the_configuration_does_not_know_says_nothing(
    main: IntegrationInstance, member: User
) -> None:
    bakery = make_organization("Harbour Bakery")
    tell(member, bakery, COMPANY._replace(value="999"))
    found = proposal(member, main, bakery)
    assert (found.company.name, "Site Tool says so" in found.reasons) == ("Harbour Bakery LLC", False)


def test_tools_that_name_different_companies_leave_it_to_a_person(
    main: IntegrationInstance, member: User
) -> None:
    bakery = make_organization("Harbour Bakery")
    tell(member, bakery, COMPANY, KnownId("autotask_company_id", "Wiki", "102"))
    found = proposal(member, main, bakery)
    assert (found.company, found.tier, found.selected) == (None, "ambiguous", False)
    assert found.reasons[1] == "Site Tool and Wiki say so"


def test_the_same_tenant_decides_where_the_configuration_reads_it(
    main: IntegrationInstance, member: User
) -> None:
    main.companies.filter(remote_id="103").update(user_value=TENANT.value.upper())
    painter = make_organization("Falcon Painters")
    tell(member, painter, TENANT)
    found = proposal(member, main, painter)
    assert (found.company.name, found.tier) == ("Zenith Opticians", "likely")
    assert found.reasons[0] == "both records hold the same Microsoft tenant id"
