"""What the database itself refuses, and what rows and querysets know about themselves."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.apps import MEMBER, OWNER, READER
from integrations.models import (
    Company,
    CompanyFilter,
    FilterOption,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
)
from tests.support.rows import make_company, make_instance
from tests.support.simulated import make_organization


def refused(make: object) -> bool:
    """Whether the database refuses what a callable makes."""
    assert callable(make)
    try:
        with transaction.atomic():
            make()
    except IntegrityError:
        return True
    return False


# --- constraints --------------------------------------------------------------------------------------


def test_names_of_configurations_are_unique_whatever_their_case_until_they_are_deleted(db: None) -> None:
    first = make_instance("Main")
    assert refused(lambda: make_instance("MAIN"))
    IntegrationInstance.objects.filter(pk=first.pk).update(deleted_at=timezone.now())
    assert not refused(lambda: make_instance("MAIN"))
    assert refused(lambda: IntegrationInstance.objects.filter(pk=first.pk).update(deleted_at=None))
    assert refused(lambda: make_instance(""))


def test_one_configuration_of_a_psa_is_the_default(db: None) -> None:
    make_instance("Main", is_default=True)
    other = make_instance("Other")
    assert refused(lambda: IntegrationInstance.objects.filter(pk=other.pk).update(is_default=True))


def test_external_ids_are_unique_where_given(db: None) -> None:
    first = make_organization("A", external_id="7")
    assert refused(lambda: make_organization("B", external_id="7"))
    assert not refused(lambda: [make_organization("C"), make_organization("C")])
    Organization.objects.filter(pk=first.pk).update(deleted_at=timezone.now())
    assert not refused(lambda: make_organization("B", external_id="7"))
    assert refused(lambda: make_organization(""))


def test_rows_of_a_configuration_are_told_apart(db: None, owner: User) -> None:
    instance = make_instance("Main")
    company = make_company(instance, 1, "A")
    assert refused(lambda: make_company(instance, 1, "Again"))
    values = {"instance": instance, "field": "companyType", "operation": "eq", "value": 1}
    CompanyFilter.objects.create(position=0, **values)
    assert refused(lambda: CompanyFilter.objects.create(position=0, **values))
    FilterOption.objects.create(instance=instance, field="companyType", value="1", label="Customer")
    assert refused(
        lambda: FilterOption.objects.create(instance=instance, field="companyType", value="1", label="x")
    )
    row = make_organization("A")
    proposal = {"user": owner, "instance": instance, "organization": row}
    assert refused(lambda: MappingProposal.objects.create(kind="chosen", **proposal))
    MappingProposal.objects.create(kind="chosen", company=company, **proposal)
    assert refused(lambda: MappingProposal.objects.create(kind="cleared", **proposal))


# --- querysets ----------------------------------------------------------------------------------------


def test_only_complete_reads_make_options(db: None) -> None:
    instance = make_instance("Main")
    make_company(instance, 0, "The MSP itself")
    make_company(instance, 1, "Here")
    make_company(instance, 2, "Gone", missing_since=timezone.now())
    make_company(instance, 3, "Outside", in_filter=False)
    make_company(instance, 4, "Half read", is_pending=True)
    assert {company.name for company in Company.objects.present()} == {"The MSP itself", "Here"}
    assert [company.name for company in Company.objects.offered()] == ["Here"]


@pytest.mark.parametrize("text", ["abb", "ABBOTT", "C-77", "abbott.example", "dayton", "101"])
def test_companies_are_found_by_name_number_address_city_and_id(db: None, text: str) -> None:
    instance = make_instance("Main")
    make_company(instance, 101, "Abbott Dental", number="C-77", web_address="abbott.example", city="Dayton")
    make_company(instance, 202, "Birchwood")
    assert [company.name for company in instance.companies.search(text)] == ["Abbott Dental"]


def test_strangers_see_no_row(stranger: User, reader: User) -> None:
    make_instance("Main")
    make_organization("A")
    for nobody in (stranger, AnonymousUser()):
        assert not IntegrationInstance.objects.visible_to(nobody).exists()
        assert not Organization.objects.visible_to(nobody).exists()
    assert IntegrationInstance.objects.visible_to(reader).count() == 1
    assert Organization.objects.visible_to(reader).count() == 1


def test_a_running_job_without_a_fresh_lease_is_stalled() -> None:
    now = timezone.now()
    running = Job(state=Job.State.RUNNING, lease_until=now + dt.timedelta(seconds=5))
    assert running.is_open
    assert not running.stalled
    assert Job(state=Job.State.RUNNING, lease_until=now - dt.timedelta(seconds=5)).stalled
    assert Job(state=Job.State.RUNNING).stalled
    assert not Job(state=Job.State.WAITING).stalled
    assert not Job(state=Job.State.DONE).is_open


# --- roles --------------------------------------------------------------------------------------------


def rights_of(role: str) -> set[str]:
    return set(
        Permission.objects.filter(group__name=role, content_type__app_label="integrations").values_list(
            "codename", flat=True
        )
    )


def test_a_migration_makes_the_roles_and_keeps_what_an_admin_added(db: None) -> None:
    assert rights_of("Readers") == set(READER)
    assert rights_of("Members") == set(MEMBER)
    assert rights_of("Owners") == set(OWNER)
    extra = Permission.objects.get(codename="add_organization")
    Group.objects.get(name="Readers").permissions.add(extra)
    Group.objects.get(name="Owners").permissions.clear()

    call_command("migrate", verbosity=0)

    assert rights_of("Readers") == {*READER, "add_organization"}
    assert rights_of("Owners") == set(OWNER)


def test_no_role_may_change_history_or_credentials_behind_the_portals_back(db: None) -> None:
    for role in ("Readers", "Members", "Owners"):
        assert not rights_of(role) & {
            "add_auditevent", "change_auditevent", "delete_auditevent", "change_organizationmapping",
            "delete_organizationmapping", "delete_company",
        }  # fmt: skip
