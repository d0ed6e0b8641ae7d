"""Suggest Values: proposals for one person, and nothing else."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import (
    AuditEvent,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.services.suggestions.suggest import free_companies, propose_mappings, suggest_mappings
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import make_organization, table_contents


@pytest.fixture
def main(db: None) -> IntegrationInstance:
    """A configuration with five companies, two of them alike."""
    instance = make_instance("Main")
    make_company(instance, 0, "Northwind Managed IT")
    make_company(instance, 101, "Abbott Dental Care, LLC")
    make_company(instance, 102, "Birchwood Veterinary Clinic")
    make_company(instance, 103, "Summit Group North")
    make_company(instance, 104, "Summit Group South")
    return instance


@pytest.fixture
def rows(main: IntegrationInstance) -> dict[str, Organization]:
    """Four organizations: two sure, one ambiguous, one without a company."""
    names = {
        "dental": "Abbott Dental Care",
        "clinic": "Birchwood Veterinary Clinic Inc.",
        "summit": "Summit Group",
        "balloons": "Zephyr Balloon Tours",
    }
    return {key: make_organization(name) for key, name in names.items()}


def test_sure_suggestions_are_ticked_and_nothing_is_saved(
    main: IntegrationInstance, rows: dict[str, Organization], member: User
) -> None:
    before = table_contents(OrganizationMapping, AuditEvent, Organization)

    summary = propose_mappings(member, main)

    assert table_contents(OrganizationMapping, AuditEvent, Organization) == before
    assert summary.open == 4
    assert sum(summary.tiers.values()) == 4
    assert summary.sentence().endswith("Nothing is saved yet.")
    proposals = {row.organization_id: row for row in MappingProposal.objects.select_related("company")}
    for key, company in (("dental", "Abbott Dental Care, LLC"), ("clinic", "Birchwood Veterinary Clinic")):
        proposal = proposals[rows[key].pk]
        assert proposal.company is not None
        assert (proposal.company.name, proposal.tier, proposal.selected) == (company, "sure", True)
        assert proposal.confidence is not None
        assert 0 < proposal.confidence <= 1
        assert proposal.reasons
        assert proposal.matcher_version
    assert all(row.selected == (row.tier == "sure") for row in proposals.values())
    assert not proposals[rows["summit"].pk].selected


def test_saving_after_suggesting_takes_only_what_is_ticked(
    main: IntegrationInstance, rows: dict[str, Organization], member: User
) -> None:
    propose_mappings(member, main)
    assert save(member, main).created == 2
    mapped = OrganizationMapping.objects.values_list("organization_id", flat=True)
    assert set(mapped) == {rows["dental"].pk, rows["clinic"].pk}


def test_what_was_chosen_by_hand_stays(
    main: IntegrationInstance, rows: dict[str, Organization], member: User
) -> None:
    other = main.companies.get(remote_id="104")
    choose(member, rows["dental"], other)

    propose_mappings(member, main)
    propose_mappings(member, main)

    kept = MappingProposal.objects.get(organization=rows["dental"])
    assert (kept.company, kept.kind) == (other, "chosen")


def test_suggesting_again_replaces_ones_own_suggestions_and_nobody_elses(
    main: IntegrationInstance, rows: dict[str, Organization], member: User, owner: User
) -> None:
    propose_mappings(owner, main)
    theirs = list(MappingProposal.objects.filter(user=owner).values())
    propose_mappings(member, main)
    main.companies.filter(remote_id="102").update(missing_since=timezone.now())

    propose_mappings(member, main)

    assert list(MappingProposal.objects.filter(user=owner).values()) == theirs
    assert not MappingProposal.objects.filter(user=member, company__remote_id="102").exists()


def test_only_open_organizations_and_free_companies_take_part(
    main: IntegrationInstance, rows: dict[str, Organization], member: User
) -> None:
    elsewhere = make_company(make_instance("Other"), 900, "Elsewhere")
    make_mapping(rows["dental"], elsewhere)
    make_mapping(make_organization("Taken"), main.companies.get(remote_id="102"))
    Organization.objects.filter(pk=rows["summit"].pk).update(is_active=False)
    make_organization("Gone", deleted_at=timezone.now())

    asked = {suggestion.organization_id for suggestion in suggest_mappings(main)}

    assert asked == {str(rows["clinic"].pk), str(rows["balloons"].pk)}
    assert set(free_companies(main).values_list("remote_id", flat=True)) == {"101", "103", "104"}


@pytest.mark.parametrize(
    "state",
    [{"missing_since": timezone.now()}, {"in_filter": False}, {"is_pending": True}],
    ids=["missing", "outside the filter", "pending"],
)
def test_companies_that_are_no_option_are_never_suggested(
    main: IntegrationInstance, rows: dict[str, Organization], member: User, state: dict[str, object]
) -> None:
    main.companies.filter(remote_id="101").update(**state)
    propose_mappings(member, main)
    assert not MappingProposal.objects.filter(company__remote_id="101").exists()


def test_a_company_of_a_deleted_organization_is_free(
    main: IntegrationInstance, rows: dict[str, Organization]
) -> None:
    gone = make_organization("Abbott", deleted_at=timezone.now())
    make_mapping(gone, main.companies.get(remote_id="101"))
    assert free_companies(main).filter(remote_id="101").exists()


def test_with_everything_mapped_there_is_nothing_to_suggest(main: IntegrationInstance, member: User) -> None:
    assert "nothing to suggest" in propose_mappings(member, main).sentence()
