"""Warnings about saved mappings: each is counted, is a filter, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import IntegrationInstance, RecordChange
from integrations.models.drift import NO, OF_COMPANY, OF_ORGANIZATION, YES, Changed
from integrations.models.review_reasons import SINCE_CONFIRMED, ReviewReason
from integrations.services.companies.duplicates import flag_duplicate_names
from integrations.services.mapping.rows import TableQuery
from integrations.services.mapping.table import mapping_table
from integrations.services.mapping.warnings import NEXT_STEPS, WARNING_LABELS
from integrations.simulators.autotask.tenant import Tenant
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization, refresh

Signed = Callable[[User], Client]


@pytest.fixture
def warned(db: None) -> IntegrationInstance:
    """One mapping for each warning, named after it, and one without."""
    main = make_instance("Main")
    companies = {
        "gone": make_company(main, 101, "Gone", missing_since=timezone.now()),
        "inactive": make_company(main, 102, "Inactive", is_active=False),
        "outside": make_company(main, 103, "Outside", in_filter=False),
        "renamed": make_company(main, 104, "New name"),
        "twin": make_company(main, 105, "Twice Ltd"),
        "fine": make_company(main, 106, "Fine"),
    }
    make_company(main, 107, "Twice, Inc.")
    shared = make_company(main, 108, "Shared")
    for name, company in companies.items():
        known_as = "Old name" if name == "renamed" else company.name
        make_mapping(make_organization(name), company, confirmed_name=known_as)
    for name in ("shared", "shared too"):
        make_mapping(make_organization(name), shared)
    flag_duplicate_names(main)
    changes = list(_changed_since(main))
    with transaction.atomic():
        RecordChange.objects.record(changes, timezone.now())
    return main


def _changed_since(main: IntegrationInstance) -> Iterator[Changed]:
    """One mapping for each warning that is about what changed since it was confirmed."""
    for place, reason in enumerate(SINCE_CONFIRMED, start=200):
        company, organization = make_company(main, place, reason.warning), make_organization(reason.warning)
        make_mapping(organization, company, confirmed_name=company.name)
        match reason:
            case ReviewReason.TWINNED | ReviewReason.ORGANIZATION_INACTIVE:
                before, after = NO, YES
            case ReviewReason.JOINED:
                newcomer = make_organization("newcomer")
                make_mapping(newcomer, company, confirmed_name=company.name)
                before, after, organization = "", "newcomer", newcomer
            case ReviewReason.BETTER:
                company, before, after = make_company(main, 301, "Better yet"), "", "Better yet"
            case _:
                before, after = "was", "is"
        ours = reason.change in OF_ORGANIZATION or reason is ReviewReason.JOINED
        theirs = reason.change in OF_COMPANY or reason is ReviewReason.BETTER
        yield Changed(
            reason.change or "",
            company.pk if theirs else None,
            before,
            after,
            organization.pk if ours else None,
        )


@pytest.mark.parametrize("warning", WARNING_LABELS)
def test_every_warning_is_counted_is_a_filter_and_says_what_to_do(
    warned: IntegrationInstance, member: User, client_of: Signed, warning: str
) -> None:
    names = {"shared", "shared too", "joined", "newcomer"} if warning == "shared" else {warning}
    table = mapping_table(warned, member, TableQuery(warning=warning))
    assert {row.name for row in table.page.object_list} == names
    assert table.warnings[warning] == len(names)

    address = reverse("integrations:setup", args=[warned.psa, warned.pk])
    page = client_of(member).get(address, {"warning": warning}).content.decode()
    assert NEXT_STEPS[warning] in page
    assert WARNING_LABELS[warning] in page


def test_without_a_warning_nothing_warns(db: None, member: User, client_of: Signed) -> None:
    main = make_instance("Main")
    make_mapping(make_organization("Fine"), make_company(main, 101, "Fine"))
    assert mapping_table(main, member, TableQuery()).warnings == {}
    address = reverse("integrations:setup", args=[main.psa, main.pk])
    assert 'aria-label="Warnings"' not in client_of(member).get(address).content.decode()


def test_a_refresh_notes_twins_and_that_they_are_none_any_more(
    refreshed: IntegrationInstance, tenant: Tenant
) -> None:
    assert not refreshed.companies.filter(has_twin=True).exists()
    tenant.companies.put({"id": 901, "companyName": "EASTGATE pharmacy LLC", "companyType": 1})
    refresh(refreshed, full=True)
    twins = refreshed.companies.filter(has_twin=True)
    assert sorted(twins.values_list("remote_id", flat=True)) == ["105", "901"]
    tenant.companies.change(901, {"companyName": "Westgate Pharmacy"})
    refresh(refreshed, full=True)
    assert not twins.all().exists()


def test_a_company_that_is_gone_is_nobodys_twin(warned: IntegrationInstance) -> None:
    warned.companies.filter(remote_id="107").update(missing_since=timezone.now())
    flag_duplicate_names(warned)
    assert not warned.companies.filter(has_twin=True, remote_id="105").exists()
