"""Each kind of drift, from the change in Autotask to the settled row: in the inbox, in history, undoable."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import (
    AuditEvent,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RefreshSummary,
)
from integrations.models.audit import Action
from integrations.models.review_reasons import Finding, ReviewReason, needs_review
from integrations.services.audit import Batch
from integrations.services.drift import occurrences_after
from integrations.services.history.undo import undo_batch
from integrations.services.mapping.rows import TableQuery
from integrations.services.mapping.save import confirm_mappings
from integrations.services.mapping.table import mapping_table
from integrations.services.organizations.edit import change_organization
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import actor_of, company_of, make_organization, map_to, refresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def mapped(
    refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> OrganizationMapping:
    """Abbott, mapped to the company 101."""
    return map_to(owner, refreshed, organizations["Abbott"], 101)


def read(instance: IntegrationInstance) -> None:
    """Refresh Options, everything."""
    job = refresh(instance, full=True)
    assert job.state == "done", job.error


def found(mapping: OrganizationMapping) -> list[Finding]:
    """Why it has to be looked at; the same for one row, for many, and for the counts of the table."""
    fresh = OrganizationMapping.objects.with_names().get(pk=mapping.pk)
    reasons = [finding.reason for finding in fresh.findings]
    told = OrganizationMapping.objects.filter(needs_review(), pk=mapping.pk).exists()
    assert told is bool(reasons)
    counted = mapping_table(fresh.instance, User.objects.get(username="olivia"), TableQuery())
    for reason in ReviewReason:
        assert (reason in reasons) is OrganizationMapping.objects.filter(reason.q(), pk=mapping.pk).exists()
        assert (counted.warnings.get(reason.warning, 0) > 0) is (reason in reasons), reason
    assert counted.counts.get("review", 0) == bool(reasons)
    return fresh.findings


CHANGES: dict[ReviewReason, tuple[dict[str, object], tuple[str, str]]] = {
    ReviewReason.RENAMED: ({"companyName": "Zenith Dental"}, ("Abbott Dental Care, LLC", "Zenith Dental")),
    ReviewReason.INACTIVE: ({"isActive": False}, ("", "")),
    ReviewReason.RETYPED: ({"companyType": 7}, ("1", "7")),
    ReviewReason.READDRESSED: (
        {"webAddress": "https://zen.example"},
        ("abbott.example", "zen.example"),
    ),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_a_changed_company_is_found_until_it_is_as_before(
    tenant: Tenant, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User,
    reason: ReviewReason,
) -> None:  # fmt: skip
    tenant.companies.change(101, {"webAddress": "http://www.abbott.example"})
    read(refreshed)
    mapped = map_to(owner, refreshed, organizations["Abbott"], 101)
    row = tenant.companies.snapshot().find(101)
    assert row is not None
    values, texts = CHANGES[reason]
    version = mapped.version
    began = timezone.now()
    tenant.companies.change(101, values)
    read(refreshed)
    (finding,) = found(mapped)
    assert (finding.reason, (finding.before, finding.after)) == (reason, texts)
    assert finding.since is not None
    assert began <= finding.since <= timezone.now()
    assert (AuditEvent.objects.of(Action.REVIEW_NEEDED).get().after or {})["reasons"] == [reason.value]
    told = occurrences_after(0)[0]
    assert (told.kind, told.details["kinds"]) == ("drift.found", {reason.value: 1})

    tenant.companies.change(101, {name: row[name] for name in values})
    read(refreshed)
    assert found(mapped) == []
    assert len(occurrences_after(0)) == 1, "what is as it was is no news"
    assert AuditEvent.objects.of(Action.REVIEW_SETTLED).count() == 1
    mapped.refresh_from_db()
    assert mapped.version == version, "nobody but people changes a mapping"


@pytest.mark.parametrize("reason", [ReviewReason.RENAMED, ReviewReason.RETYPED, ReviewReason.READDRESSED])
def test_keeping_settles_a_change_until_the_next_one_and_undo_brings_it_back(
    tenant: Tenant, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User,
    reason: ReviewReason,
) -> None:  # fmt: skip
    tenant.companies.change(101, {"webAddress": "http://www.abbott.example"})
    read(refreshed)
    mapped = map_to(owner, refreshed, organizations["Abbott"], 101)
    tenant.companies.change(101, CHANGES[reason][0])
    read(refreshed)
    batch = Batch(actor_of(owner))
    confirm_mappings(batch, refreshed, [mapped.organization_id])
    assert found(mapped) == []
    undo_batch(actor_of(owner), batch.key)
    assert [finding.reason for finding in found(mapped)] == [reason]


def test_what_was_confirmed_in_between_is_compared_with_what_was_then(
    tenant: Tenant, refreshed: IntegrationInstance, mapped: OrganizationMapping, owner: User
) -> None:
    tenant.companies.change(101, {"companyType": 2})
    read(refreshed)
    confirm_mappings(Batch(actor_of(owner)), refreshed, [mapped.organization_id])
    tenant.companies.change(101, {"companyType": 1})
    read(refreshed)
    (finding,) = found(mapped)
    assert (finding.before, finding.after) == ("2", "1"), "it was confirmed as a lead"
    tenant.companies.change(101, {"companyType": 2})
    read(refreshed)
    assert found(mapped) == []


def test_a_company_that_is_gone_names_what_it_probably_became(
    tenant: Tenant, refreshed: IntegrationInstance, mapped: OrganizationMapping
) -> None:
    tenant.companies.remove(101)
    tenant.companies.put({"id": 400, "companyName": "Abbott Dental Care Inc", "companyType": 1})
    read(refreshed)
    gone, better = found(mapped)
    assert (gone.reason, better.reason) == (ReviewReason.GONE, ReviewReason.BETTER)
    assert better.company == company_of(refreshed, 400).pk
    assert RefreshSummary.objects.latest("pk").counts == {"new": 1, "gone": 1}


def test_a_better_company_appears_and_goes(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    quill = make_organization("Quillfeather Bookshop")
    mapped = map_to(owner, refreshed, quill, 108)
    tenant.companies.put({"id": 401, "companyName": "Quillfeather Bookshop", "companyType": 1})
    read(refreshed)
    (finding,) = found(mapped)
    assert (finding.reason, finding.company) == (ReviewReason.BETTER, company_of(refreshed, 401).pk)
    tenant.companies.remove(401)
    read(refreshed)
    assert found(mapped) == []


def test_a_twin_appears_and_goes(
    tenant: Tenant, refreshed: IntegrationInstance, mapped: OrganizationMapping, owner: User
) -> None:
    tenant.companies.put({"id": 402, "companyName": "Abbott Dental Care", "companyType": 1})
    read(refreshed)
    assert ReviewReason.TWINNED in [finding.reason for finding in found(mapped)]
    confirm_mappings(Batch(actor_of(owner)), refreshed, [mapped.organization_id])
    assert found(mapped) == [], "kept: both are known"
    tenant.companies.remove(402)
    read(refreshed)
    assert found(mapped) == [], "nobody looks again because a twin went"


def test_a_company_outside_the_filter_says_since_when(
    tenant: Tenant, refreshed: IntegrationInstance, mapped: OrganizationMapping
) -> None:
    refreshed.filters.create(position=0, field="companyType", operation="eq", value=1)
    tenant.companies.change(101, {"companyType": 2})
    read(refreshed)
    by_reason = {finding.reason: finding for finding in found(mapped)}
    assert by_reason.keys() == {ReviewReason.OUTSIDE, ReviewReason.RETYPED}
    assert by_reason[ReviewReason.OUTSIDE].since is not None
    tenant.companies.change(101, {"companyType": 1})
    read(refreshed)
    assert found(mapped) == []


def test_another_person_maps_the_same_company(
    refreshed: IntegrationInstance, mapped: OrganizationMapping, member: User, owner: User
) -> None:
    zephyr = make_organization("Zephyr Balloon Tours")
    own = Batch(actor_of(owner))
    theirs = map_to(member, refreshed, zephyr, 101)
    (finding,) = found(mapped)
    assert (finding.reason, finding.organization) == (ReviewReason.JOINED, zephyr.pk)
    assert OrganizationMapping.objects.filter(needs_review()).get() == mapped, "not the one who came"
    confirm_mappings(own, refreshed, [mapped.organization_id])
    assert not OrganizationMapping.objects.filter(needs_review()).exists()
    undo_batch(actor_of(owner), own.key)
    assert found(mapped)
    undo_batch(actor_of(owner), AuditEvent.objects.filter(target_id=str(zephyr.pk)).latest("pk").batch)
    assert not OrganizationMapping.objects.filter(needs_review()).exists(), "it is no longer shared"
    assert theirs.organization_id == zephyr.pk


OURS: dict[ReviewReason, tuple[dict[str, object], tuple[str, str]]] = {
    ReviewReason.ORGANIZATION_RENAMED: ({"name": "Zenith"}, ("Abbott Dental Care", "Zenith")),
    ReviewReason.ORGANIZATION_INACTIVE: ({"is_active": False}, ("no", "yes")),
    ReviewReason.ORGANIZATION_READDRESSED: (
        {"domain": "zen.example"},
        ("abbott.example", "zen.example"),
    ),
}


@pytest.mark.parametrize("reason", OURS)
def test_a_changed_organization_is_found_until_it_is_as_before(
    refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User, reason: ReviewReason
) -> None:
    abbott = organizations["Abbott"]
    Organization.objects.filter(pk=abbott.pk).update(domain="abbott.example")
    mapped = map_to(owner, refreshed, abbott, 101)
    abbott.refresh_from_db()
    before = abbott.snapshot()
    batch = Batch(actor_of(owner))
    values, texts = OURS[reason]
    change_organization(batch, abbott, before | values, abbott.updated_at)
    (finding,) = found(mapped)
    assert (finding.reason, (finding.before, finding.after)) == (reason, texts)
    undo_batch(actor_of(owner), batch.key)
    assert found(mapped) == []


def test_a_change_that_a_killed_refresh_had_stored_is_in_the_next_summary(
    tenant: Tenant, refreshed: IntegrationInstance, mapped: OrganizationMapping
) -> None:
    tenant.companies.change(101, {"companyName": "Zenith Dental"})
    read(refreshed)
    latest = RefreshSummary.objects.latest("pk")
    latest.changes.update(refresh=None)
    latest.delete()
    read(refreshed)
    assert RefreshSummary.objects.latest("pk").counts == {"renamed": 1}
    assert dt.timedelta() <= timezone.now() - RefreshSummary.objects.latest("pk").at
