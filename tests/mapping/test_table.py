"""The mapping table: which state a row is in, what it counts, finds and sorts, and what it costs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import Company, IntegrationInstance, MappingProposal, Organization
from integrations.services.mapping.proposals import choose_company
from integrations.services.mapping.rows import SORTS, RowState, TableQuery
from integrations.services.mapping.table import mapping_table, one_row
from tests.support.rows import choose, make_company, make_instance, make_mapping
from tests.support.simulated import make_organization


@pytest.fixture
def company(main: IntegrationInstance) -> Company:
    """One company of it."""
    return make_company(main, 101, "Abbott Dental Care, LLC", city="Dayton")


def states(instance: IntegrationInstance, user: User, query: TableQuery | None = None) -> dict[str, str]:
    found = mapping_table(instance, user, query or TableQuery(size=200))
    return {row.name: row.mapping_state for row in found.page.object_list}  # type: ignore[attr-defined]


def suggestion(user: User, organization: Organization, company: Company, **values: object) -> None:
    MappingProposal.objects.create(
        user=user,
        instance=company.instance,
        organization=organization,
        company=company,
        kind="suggested",
        **({"tier": "sure", "confidence": 0.9} | values),
    )


def test_every_state_is_told_and_counted(main: IntegrationInstance, company: Company, member: User) -> None:
    gone = make_company(main, 102, "Gone", missing_since=timezone.now())
    inactive = make_company(main, 103, "Inactive", is_active=False)
    outside = make_company(main, 104, "Outside", in_filter=False)
    there = make_company(make_instance("Other"), 900, "There")
    names = [
        "unmapped",
        "suggested",
        "changed",
        "cleared",
        "mapped",
        "gone",
        "inactive",
        "outside",
        "elsewhere",
        "moving",
    ]
    rows = {name: make_organization(name) for name in names}
    suggestion(member, rows["suggested"], company)
    choose(member, rows["changed"], company)
    for name, target in (
        ("cleared", company), ("mapped", company), ("gone", gone), ("inactive", inactive),
        ("outside", outside), ("elsewhere", there), ("moving", there),
    ):  # fmt: skip
        make_mapping(rows[name], target)
    choose_company(member, main, rows["cleared"], None)
    choose(member, rows["moving"], company, moves=True)

    assert states(main, member) == {
        "unmapped": RowState.UNSUGGESTED,
        "suggested": RowState.SUGGESTED,
        "changed": RowState.CHANGED,
        "cleared": RowState.CHANGED,
        "mapped": RowState.MAPPED,
        "gone": RowState.REVIEW,
        "inactive": RowState.REVIEW,
        "outside": RowState.REVIEW,
        "elsewhere": RowState.ELSEWHERE,
        "moving": RowState.CHANGED,
    }
    table = mapping_table(main, member, TableQuery(state="review"))
    assert table.counts["review"] == 3
    assert table.total == 10
    assert table.counts["unmapped"] == 3  # one has a suggestion, one a choice that is not saved
    assert {row.name for row in table.page.object_list} == {"gone", "inactive", "outside"}
    assert table.pending == {"all": 3, "new": 1, "changed": 0, "moved": 1, "removed": 1}


def test_what_others_propose_is_not_shown(
    main: IntegrationInstance, company: Company, member: User, owner: User
) -> None:
    row = make_organization("Abbott")
    choose(owner, row, company)
    assert states(main, member) == {"Abbott": RowState.UNSUGGESTED}
    assert mapping_table(main, member, TableQuery()).pending["all"] == 0


def test_inactive_organizations_show_only_where_they_are_mapped(
    main: IntegrationInstance, company: Company, member: User
) -> None:
    make_organization("Open", is_active=False)
    make_mapping(make_organization("Mapped", is_active=False), company)
    make_organization("Deleted", deleted_at=timezone.now())
    assert states(main, member) == {"Mapped": RowState.MAPPED}
    with pytest.raises(Organization.DoesNotExist):
        one_row(main, member, Organization.objects.get(name="Open").pk)


def test_a_removed_mapping_is_no_mapping(main: IntegrationInstance, company: Company, member: User) -> None:
    make_mapping(make_organization("Abbott"), company, removed_at=timezone.now())
    assert states(main, member) == {"Abbott": RowState.UNSUGGESTED}
    row = one_row(main, member, Organization.objects.get().pk)
    assert row.mapping is None
    assert row.proposal is None


@pytest.mark.parametrize("text", ["abbott", "ACME-7", "abbott.example", "dental care, llc"])
def test_the_search_finds_names_ids_domains_and_companies(
    main: IntegrationInstance, company: Company, member: User, text: str
) -> None:
    row = make_organization("Abbott", external_id="ACME-7", domain="abbott.example")
    make_mapping(row, company)
    make_organization("Birchwood")
    found = mapping_table(main, member, TableQuery(text=text))
    assert [row.name for row in found.page.object_list] == ["Abbott"]
    assert found.total == 1


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_every_order_is_total_and_reversible(
    main: IntegrationInstance, company: Company, member: User, sort: str, descending: bool
) -> None:
    for number in range(7):
        row = make_organization("Same name" if number < 3 else f"Name {number}")
        if number % 2:
            suggestion(member, row, company, confidence=number / 10)
    pages = [
        [row.pk for row in mapping_table(
            main, member, TableQuery(sort=sort, descending=descending, page=page, size=3)
        ).page.object_list]
        for page in (1, 2, 3)
    ]  # fmt: skip
    ids = [pk for page in pages for pk in page]
    assert sorted(ids) == sorted(Organization.objects.values_list("pk", flat=True))
    whole = mapping_table(main, member, TableQuery(sort=sort, descending=not descending))
    assert [row.pk for row in whole.page.object_list] == ids[::-1]


def test_a_page_beyond_the_last_is_the_last(main: IntegrationInstance, member: User) -> None:
    make_organization("Abbott")
    assert len(mapping_table(main, member, TableQuery(page=99)).page.object_list) == 1
