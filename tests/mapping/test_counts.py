"""The counts above the mapping table, against the state of every single row."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import (
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.services.mapping.counts import pending_changes, table_counts
from integrations.services.mapping.rows import SORTS, SUGGESTED_TIERS, RowState, TableQuery
from integrations.services.mapping.table import mapping_table, row_states
from tests.conftest import make_user
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

ORGANIZATIONS = 60


def disorder(seed: int, users: list[User]) -> IntegrationInstance:
    """An instance among three, with organizations, mappings, ignores and proposals in every combination."""
    dice = random.Random(seed)
    now = timezone.now()
    instances = [make_instance(name) for name in ("Main", "Second", "Other")]
    IntegrationInstance.objects.filter(name="Other").update(psa="other")
    instances[2].refresh_from_db()
    companies = [
        make_company(
            instance,
            100 + number,
            f"Company {number}",
            is_active=dice.random() < 0.8,
            in_filter=dice.random() < 0.8,
            has_twin=dice.random() < 0.2,
            missing_since=now if dice.random() < 0.2 else None,
        )
        for instance in instances
        for number in range(12)
    ]
    for number in range(ORGANIZATIONS):
        organization = make_organization(
            f"Organization {number}",
            is_active=dice.random() < 0.8,
            deleted_at=now if dice.random() < 0.1 else None,
        )
        if dice.random() < 0.5:
            company = dice.choice(companies)
            make_mapping(
                organization,
                company,
                removed_at=now if dice.random() < 0.2 else None,
                confirmed_name=dice.choice(("", company.name, "Formerly")),
            )
        if dice.random() < 0.2:
            psa = dice.choice(("autotask", "other"))
            IgnoredOrganization.objects.create(organization=organization, psa=psa)
        for user in users:
            if dice.random() < 0.6:
                propose(dice, user, organization, dice.choice(companies))
    return instances[0]


def propose(dice: random.Random, user: User, organization: Organization, company: Company) -> None:
    """Some proposal of the user for the organization, in the company's instance."""
    kind = dice.choice(MappingProposal.Kind.values)
    is_suggested = kind == MappingProposal.Kind.SUGGESTED
    tier = dice.choice((*SUGGESTED_TIERS, "none")) if is_suggested else ""
    has_company = kind == MappingProposal.Kind.CHOSEN or (is_suggested and tier in {"sure", "likely"})
    MappingProposal.objects.create(
        user=user,
        instance=company.instance,
        organization=organization,
        company=company if has_company else None,
        kind=kind,
        tier=tier,
        selected=dice.random() < 0.5,
    )


def state_of(instance: IntegrationInstance, user: User, organization: Organization) -> str:
    """The state of one organization by the words of the trade; "" when the table does not show it."""
    mapping = OrganizationMapping.objects.filter(
        organization=organization, psa=instance.psa, removed_at=None
    ).first()
    is_here = mapping is not None and mapping.instance_id == instance.pk
    if organization.deleted_at or not (organization.is_active or is_here):
        return ""
    proposal = MappingProposal.objects.filter(user=user, instance=instance, organization=organization).first()
    if proposal and proposal.kind in {"chosen", "cleared"}:
        return RowState.CHANGED
    if mapping is not None:
        company = mapping.company
        is_renamed = mapping.confirmed_name not in {"", company.name}
        is_sound = company.is_active and company.in_filter and not company.missing_since and not is_renamed
        if not is_here:
            return RowState.ELSEWHERE
        return RowState.MAPPED if is_sound else RowState.REVIEW
    if IgnoredOrganization.objects.filter(organization=organization, psa=instance.psa).exists():
        return RowState.IGNORED
    return RowState.SUGGESTED if proposal and proposal.tier in SUGGESTED_TIERS else RowState.UNSUGGESTED


def unmapped_in(instance: IntegrationInstance) -> set[int]:
    """The unmapped organizations by the words of the trade, whatever anybody has before them."""
    mapped = OrganizationMapping.objects.filter(psa=instance.psa, removed_at=None).values("organization")
    ignored = IgnoredOrganization.objects.filter(psa=instance.psa).values("organization")
    rows = Organization.objects.filter(deleted_at=None, is_active=True)
    return {row.pk for row in rows.exclude(pk__in=mapped).exclude(pk__in=ignored)}


def pending_of(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What saving would do, proposal by proposal: of those that a row shows and that say something."""
    pending = dict.fromkeys(("all", "new", "changed", "moved", "removed"), 0)
    for proposal in MappingProposal.objects.filter(user=user, instance=instance, selected=True):
        mapping = OrganizationMapping.objects.filter(
            organization=proposal.organization, psa=instance.psa, removed_at=None
        ).first()
        is_empty = proposal.kind == "suggested" and proposal.company is None
        if is_empty or state_of(instance, user, proposal.organization) in {"", "elsewhere", "ignored"}:
            continue
        if proposal.company is None:
            change = "removed"
        elif mapping is None:
            change = "new"
        else:
            change = "changed" if mapping.instance_id == instance.pk else "moved"
        pending["all"] += 1
        pending[change] += 1
    return pending


def tiers_of(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """How many rows are suggested with each tier."""
    proposals = MappingProposal.objects.filter(user=user, instance=instance)
    suggested = [each for each in proposals if state_of(instance, user, each.organization) == "suggested"]
    return dict(Counter(each.tier for each in suggested))


def warnings_of(instance: IntegrationInstance) -> dict[str, int]:
    """The warnings, mapping by mapping."""
    found: Counter[str] = Counter()
    mappings = list(instance.mappings.filter(removed_at=None, organization__deleted_at=None))
    for mapping in mappings:
        company = mapping.company
        found["gone"] += company.missing_since is not None
        found["inactive"] += not company.is_active
        found["twin"] += company.has_twin
        found["outside"] += not company.in_filter
        found["renamed"] += mapping.confirmed_name not in {"", company.name}
        found["shared"] += [other.company_id for other in mappings].count(company.pk) > 1
    return dict(+found)


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(2, 8))]
)
def test_the_counts_are_those_of_every_single_row(db: None, seed: int) -> None:
    users = [make_user("marcus", "Members"), make_user("olivia", "Owners")]
    instance = disorder(seed, users)
    for user in users:
        counted = table_counts(instance, user)
        states = Counter(state_of(instance, user, row) for row in Organization.objects.all())
        del states[""]
        assert counted.states == dict(states)
        found = row_states(instance, user, TableQuery())
        assert counted.states == Counter(row.state for row in found)
        assert counted.unmapped == sum(row.unmapped for row in found) == len(unmapped_in(instance))
        assert counted.pending == pending_changes(instance, user) == pending_of(instance, user)
        assert counted.warnings == warnings_of(instance)
        assert counted.tiers == tiers_of(instance, user)


@pytest.mark.parametrize("seed", range(2))
def test_every_state_lists_as_many_rows_as_it_counts(db: None, member: User, seed: int) -> None:
    instance = disorder(seed, [member])
    counted = table_counts(instance, member)
    counts = counted.states | {RowState.UNMAPPED.value: counted.unmapped}
    for state in RowState:
        table = mapping_table(instance, member, TableQuery(state=state, size=200))
        assert len(table.page.object_list) == table.page.paginator.count == counts.get(state, 0)
        if state == RowState.UNMAPPED:
            assert {row.pk for row in table.page.object_list} == unmapped_in(instance)
        else:
            assert {row.mapping_state for row in table.page.object_list} <= {state}  # type: ignore[attr-defined]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_pages_hold_every_row_once_in_the_order_of_one_large_page(
    db: None, member: User, sort: str, descending: bool
) -> None:
    """The first page, later ones, those of a state and those of a search are read in different ways."""
    instance = disorder(1, [member])
    states = {row.pk: state_of(instance, member, row) for row in Organization.objects.all()}
    for state, text in [("", ""), *((state, "") for state in RowState), ("", "a"), (RowState.UNMAPPED, "a")]:
        query = TableQuery(state=state, text=text, sort=sort, descending=descending, size=200)
        whole = [row.pk for row in mapping_table(instance, member, query).page]
        parts = [
            row.pk
            for page in range(1, len(whole) // 25 + 2)
            for row in mapping_table(instance, member, replace(query, size=25, page=page)).page
        ][: len(whole)]
        assert parts == whole
        if not text:
            hidden = {"", "" if state else RowState.IGNORED}
            chosen = {pk for pk, at in states.items() if at not in hidden and state in {"", at}}
            assert set(whole) == (unmapped_in(instance) if state == RowState.UNMAPPED else chosen)
