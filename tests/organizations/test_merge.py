"""Two organizations that are the same customer become one, with all that is known of them; and back."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.services.audit import Batch
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.history.undo import undo_batch
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import Outcome
from integrations.services.organizations import edit as organizations
from integrations.services.organizations.merge import (
    CompanyUndecided,
    alike,
    merge_organizations,
    merged_external_ids,
    plan_merge,
)
from integrations.services.read_api.resolve import Ambiguous, By, Question, Unresolved, resolve
from integrations.services.read_api.scope import Scope
from integrations.services.suggestions.decisions import reject_match
from tests.support.rows import choose, make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]
KEPT = ("pk", "company_id", "instance_id", "removed_at", "confirmed_name", "source", "confirmed_by_id")


@pytest.fixture
def dental(main: IntegrationInstance) -> Company:
    return make_company(main, 101, "Abbott Dental Care, LLC")


@pytest.fixture
def legal(main: IntegrationInstance) -> Company:
    return make_company(main, 102, "Abbott Legal")


@pytest.fixture
def twice() -> Organization:
    """The organization that goes."""
    return make_organization("ABBOTT DENTAL", external_id="B-7", phone="614-555-0100", city="Columbus")


@pytest.fixture
def abbott() -> Organization:
    """The organization that stays."""
    return make_organization("Abbott Dental Care", external_id="A-1", city="Dayton")


def merge(user: User, merged: Organization, into: Organization, **companies: int) -> AuditEvent:
    """Merge as things stand; returns the event of the one that went."""
    merged.refresh_from_db()
    into.refresh_from_db()
    merge_organizations(Batch(actor_of(user)), merged, into, companies, plan_merge(merged, into).seen)
    return AuditEvent.objects.filter(action="organization merged").latest("pk")


def everything() -> dict[str, list[Any]]:
    """What a merge may change, without the versions, which only grow, and the moments of writing."""
    return {
        "organizations": list(
            Organization.objects.order_by("pk").values("pk", "deleted_at", *Organization.EDITABLE)
        ),
        "mappings": list(OrganizationMapping.objects.filter(removed_at=None).order_by("pk").values(*KEPT)),
        "rejected": list(RejectedMatch.objects.order_by("pk").values("organization", "company")),
    }


def resolved(by: By, value: object, scope: Scope | None = None) -> tuple[str, str]:
    found = resolve(scope or Scope(None), Question(by, str(value)))
    assert found.company is not None
    return found.organization.name, found.company.name


# --- what goes along ----------------------------------------------------------------------------------------


def test_mapping_values_and_rejections_go_along_and_come_back(
    member: User, twice: Organization, abbott: Organization, dental: Company, legal: Company
) -> None:
    make_mapping(twice, dental, member, confirmed_name="Abbott Dental Care, LLC", confidence=0.9)
    reject_match(Batch(actor_of(member)), legal.instance, twice, legal)
    choose(member, twice, legal)
    before = everything()

    event = merge(member, twice, abbott)

    abbott.refresh_from_db()
    twice.refresh_from_db()
    assert (abbott.name, abbott.external_id, abbott.city, abbott.phone) == (
        "Abbott Dental Care", "A-1", "Dayton", "614-555-0100",
    )  # fmt: skip
    assert twice.deleted_at is not None
    assert twice.merged_into == abbott
    [mapping] = OrganizationMapping.objects.present()
    assert (mapping.organization, mapping.company, mapping.confidence) == (abbott, dental, 0.9)
    assert mapping.confirmed_by == member
    assert [row.company for row in RejectedMatch.objects.filter(organization=abbott)] == [legal]
    assert not MappingProposal.objects.exists()
    assert {each.actor_name for each in AuditEvent.objects.filter(batch=event.batch)} == {member.username}

    after = everything()
    undone = undo_batch(actor_of(member), event.batch)
    assert undone.rows_left == []
    assert everything() == before
    again = undo_batch(actor_of(member), undone.batch)
    assert again.rows_left == []
    changed = everything()
    assert changed["mappings"] == after["mappings"]
    assert [row["deleted_at"] is None for row in changed["organizations"]] == [False, True]
    assert resolved(By.EXTERNAL_ID, "B-7") == ("Abbott Dental Care", "Abbott Dental Care, LLC")


def test_one_company_of_both_stays_with_the_one_that_stays(
    member: User, twice: Organization, abbott: Organization, dental: Company
) -> None:
    make_mapping(twice, dental)
    kept = make_mapping(abbott, dental)
    merge(member, twice, abbott)
    assert list(OrganizationMapping.objects.present()) == [kept]
    kept.refresh_from_db()
    assert kept.version == 1


@pytest.mark.parametrize("is_ours", [True, False])
def test_of_two_companies_a_person_says_which_is_right(
    member: User, twice: Organization, abbott: Organization, dental: Company, legal: Company, *, is_ours: bool
) -> None:
    make_mapping(twice, dental)
    make_mapping(abbott, legal)
    before = everything()
    for companies in ({}, {"autotask": 0}, {"other": dental.pk}):
        with pytest.raises(CompanyUndecided):
            merge(member, twice, abbott, **companies)
    assert everything() == before
    right = legal if is_ours else dental
    event = merge(member, twice, abbott, autotask=right.pk)
    [mapping] = OrganizationMapping.objects.present()
    assert (mapping.organization, mapping.company) == (abbott, right)
    undo_batch(actor_of(member), event.batch)
    assert everything() == before


def test_a_cleared_mapping_of_the_one_that_stays_is_taken_up_again(
    member: User, twice: Organization, abbott: Organization, dental: Company, legal: Company
) -> None:
    make_mapping(twice, dental)
    cleared = make_mapping(abbott, legal, version=4, removed_at=abbott.created_at)
    merge(member, twice, abbott)
    cleared.refresh_from_db()
    assert (cleared.company, cleared.removed_at, cleared.version) == (dental, None, 5)


def test_what_the_one_that_stays_is_mapped_to_is_not_rejected(
    member: User, twice: Organization, abbott: Organization, dental: Company
) -> None:
    reject_match(Batch(actor_of(member)), dental.instance, twice, dental)
    make_mapping(abbott, dental)
    merge(member, twice, abbott)
    assert not RejectedMatch.objects.filter(organization=abbott).exists()


# --- what stands in the way ---------------------------------------------------------------------------------


def test_nothing_is_merged_that_changed_since_it_was_seen(
    member: User, twice: Organization, abbott: Organization, dental: Company
) -> None:
    seen = plan_merge(twice, abbott).seen
    mapping = make_mapping(twice, dental)
    with pytest.raises(ChangedMeanwhile):
        merge_organizations(Batch(actor_of(member)), twice, abbott, {}, seen)
    seen = plan_merge(twice, abbott).seen
    OrganizationMapping.objects.filter(pk=mapping.pk).update(version=2)
    with pytest.raises(ChangedMeanwhile):
        merge_organizations(Batch(actor_of(member)), twice, abbott, {}, seen)
    seen = plan_merge(twice, abbott).seen
    organizations.change_organization(Batch(actor_of(member)), abbott, {"city": "Lima"}, abbott.updated_at)
    with pytest.raises(ChangedMeanwhile):
        merge_organizations(Batch(actor_of(member)), twice, abbott, {}, seen)
    assert not AuditEvent.objects.filter(action="organization merged").exists()


def test_two_who_merge_the_same_pair_both_ways_merge_once(
    member: User, twice: Organization, abbott: Organization
) -> None:
    there, back = plan_merge(twice, abbott).seen, plan_merge(abbott, twice).seen
    merge_organizations(Batch(actor_of(member)), twice, abbott, {}, there)
    with pytest.raises(ChangedMeanwhile):
        merge_organizations(Batch(actor_of(member)), abbott, twice, {}, back)
    assert list(Organization.objects.present()) == [abbott]


def test_an_organization_is_not_merged_into_itself(member: User, abbott: Organization) -> None:
    with pytest.raises(ChangedMeanwhile):
        merge_organizations(Batch(actor_of(member)), abbott, abbott, {}, plan_merge(abbott, abbott).seen)
    assert Organization.objects.present().count() == 1


# --- who asks for the one that went -------------------------------------------------------------------------


def test_other_tools_are_told_what_it_became(
    member: User, twice: Organization, abbott: Organization, dental: Company
) -> None:
    make_mapping(twice, dental)
    last = make_organization("Abbott Group")
    merge(member, twice, abbott)
    merge(member, abbott, last)
    for gone in (twice, abbott):
        for by, value in ((By.EXTERNAL_ID, gone.external_id), (By.ID, gone.pk)):
            assert resolved(by, value) == ("Abbott Group", "Abbott Dental Care, LLC")
    with pytest.raises(Unresolved, match="No organization fits"):
        resolved(By.NAME, "ABBOTT DENTAL")
    elsewhere = make_instance("Second")
    with pytest.raises(Unresolved, match="No organization fits"):
        resolved(By.EXTERNAL_ID, "B-7", Scope(frozenset({elsewhere.pk})))
    organizations.delete_organization(Batch(actor_of(member)), last)
    with pytest.raises(Unresolved, match="No organization fits"):
        resolved(By.EXTERNAL_ID, "B-7")


def test_an_id_that_was_used_again_is_answered_with_its_new_holder(
    member: User, twice: Organization, abbott: Organization, dental: Company, legal: Company
) -> None:
    make_mapping(twice, dental)
    merge(member, twice, abbott)
    holder = make_organization("Newcomer", external_id="B-7")
    make_mapping(holder, legal)
    assert resolved(By.EXTERNAL_ID, "B-7") == ("Newcomer", "Abbott Legal")
    merge(member, holder, make_organization("Somebody Else"))
    with pytest.raises(Ambiguous):
        resolved(By.EXTERNAL_ID, "B-7")


def test_merged_in_a_circle_by_undos_there_is_an_end(
    member: User, twice: Organization, abbott: Organization
) -> None:
    merge(member, twice, abbott)
    organizations.restore_organization(Batch(actor_of(member)), twice)
    restored = AuditEvent.objects.latest("pk")
    merge(member, abbott, twice)
    undo_batch(actor_of(member), restored.batch)
    assert not Organization.objects.present().exists()
    assert merged_external_ids() == {}
    with pytest.raises(Unresolved):
        resolved(By.ID, twice.pk)


def test_deleted_later_it_is_nobody(member: User, twice: Organization, abbott: Organization) -> None:
    merge(member, twice, abbott)
    organizations.restore_organization(Batch(actor_of(member)), twice)
    organizations.delete_organization(Batch(actor_of(member)), twice)
    assert merged_external_ids() == {}


def test_the_next_import_does_not_make_it_again(
    member: User, twice: Organization, abbott: Organization
) -> None:
    merge(member, twice, abbott)
    merge(member, abbott, make_organization("Abbott Group"))
    file = io.BytesIO(b"name,external id\nABBOTT DENTAL,B-7\nAbbott Dental Care,A-1\nCedar,C-1\n")
    report = import_organizations(Batch(actor_of(member)), file)
    assert [(row.outcome, row.message) for row in report.rows] == [
        (Outcome.SKIPPED, "was merged into “Abbott Group”"),
        (Outcome.SKIPPED, "was merged into “Abbott Group”"),
        (Outcome.IMPORTED, "new organization"),
    ]


# --- the pages ----------------------------------------------------------------------------------------------


def test_those_that_look_the_same_are_offered_first(
    twice: Organization, abbott: Organization, member: User
) -> None:
    same = [
        make_organization("Abbott dental"),
        make_organization("Dr. Abbott", phone="614-555-0100"),
    ]
    make_organization("Gone Abbott", phone="614-555-0100", deleted_at=abbott.created_at)
    visible = Organization.objects.visible_to(member)
    assert set(alike(visible, twice, "")) == set(same)
    assert alike(visible, twice, "dental care") == [abbott]


def test_a_person_merges_and_takes_it_back(
    member: User,
    client_of: Signed,
    twice: Organization,
    abbott: Organization,
    dental: Company,
    legal: Company,
) -> None:
    make_mapping(twice, dental)
    make_mapping(abbott, legal)
    browser, address = client_of(member), reverse("integrations:organization_merge", args=[twice.pk])
    assert address in browser.get(reverse("integrations:organization", args=[twice.pk])).content.decode()
    found = browser.get(address, {"q": "Abbott Dental Care"}).content.decode()
    assert f'href="?into={abbott.pk}"' in found
    page = browser.get(address, {"into": abbott.pk}).content.decode()
    assert "Which company is right?" in page
    assert "614-555-0100 <span" in page
    [seen] = re.findall(r'name="seen" value="(\w+)"', page)

    refused = browser.post(address, {"into": abbott.pk, "seen": seen})
    assert refused.status_code == 422
    assert "Choose the company that is right" in refused.content.decode()
    stale = browser.post(address, {"into": abbott.pk, "seen": "x", "company-autotask": dental.pk})
    assert stale.status_code == 422
    assert "has changed since you saw it" in stale.content.decode()
    assert Organization.objects.present().count() == 2

    values = {"into": abbott.pk, "seen": seen, "company-autotask": dental.pk}
    done = browser.post(address, values, follow=True).content.decode()
    assert "“ABBOTT DENTAL” was merged into “Abbott Dental Care”." in done
    deleted = browser.get(reverse("integrations:organizations"), {"status": "deleted"}).content.decode()
    assert "merged into Abbott Dental Care" in deleted
    event = AuditEvent.objects.get(action="organization merged")
    told = browser.get(reverse("integrations:history_batch", args=[event.batch])).content.decode()
    assert "Merged into" in told
    [undo] = re.findall(r'action="(/undo/[^"]*)"', done)
    browser.post(undo)
    assert Organization.objects.present().count() == 2
    assert {row.company for row in OrganizationMapping.objects.present()} == {dental, legal}


def test_what_is_not_there_is_not_merged(
    member: User, client_of: Signed, twice: Organization, abbott: Organization
) -> None:
    browser, address = client_of(member), reverse("integrations:organization_merge", args=[twice.pk])
    for into in (twice.pk, 10**12, ""):
        assert browser.post(address, {"into": into}).status_code == 404
    assert browser.get(address, {"into": twice.pk}).status_code == 404
    merge(member, abbott, make_organization("Other"))
    assert browser.get(address, {"into": abbott.pk}).status_code == 404


def test_restored_it_is_told_without_what_went_along(
    member: User, client_of: Signed, twice: Organization, abbott: Organization
) -> None:
    merge(member, twice, abbott)
    restore = reverse("integrations:organization_restore", args=[twice.pk])
    page = client_of(member).post(restore, follow=True).content.decode()
    assert "“ABBOTT DENTAL” is back, without what was merged into “Abbott Dental Care”." in page
