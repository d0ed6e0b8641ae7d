"""Broken constraints are told by name, on whichever database the tests run; transactions are asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from integrations.database.bulk import insert_rows, update_rows
from integrations.database.integrity import broken_constraint, refine_integrity_error
from integrations.database.transactions import TransactionRequired
from integrations.models import IntegrationInstance, Job, Organization, OrganizationMapping
from integrations.services.audit import serialize_followed_events
from integrations.services.history.register import REGISTER
from integrations.services.imports.organizations import wait_for_other_imports
from tests.support.rows import make_company, make_instance, make_mapping


class Meant(Exception):
    """What the constraint means."""


def same_name() -> None:
    make_instance("Main")
    make_instance("MAIN")


def two_defaults() -> None:
    make_instance("Main", is_default=True)
    make_instance("Other", is_default=True)


def two_jobs() -> None:
    instance = make_instance()
    for _ in range(2):
        Job.objects.create(kind=Job.Kind.REFRESH_OPTIONS, instance=instance)


def two_mappings() -> None:
    organization, company = Organization.objects.create(name="Acme"), make_company(make_instance(), 1, "Acme")
    for _ in range(2):
        make_mapping(organization, company)


def same_external_id() -> None:
    for name in ("Acme", "Dental"):
        Organization.objects.create(name=name, external_id="7")


def no_name() -> None:
    Organization.objects.create(name="")


BREAKING = {
    "instance_name_is_unique": same_name,
    "one_default_instance_per_psa": two_defaults,
    "one_open_job_per_kind_and_instance": two_jobs,
    "one_mapping_per_organization_and_psa": two_mappings,
    "organization_external_id_is_unique": same_external_id,
    "organization_has_a_name": no_name,
}


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "break_it"), BREAKING.items(), ids=list(BREAKING))
def test_the_broken_constraint_is_told_by_its_name(name: str, break_it: Callable[[], None]) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        break_it()
    assert broken_constraint(caught.value) == name


@pytest.mark.django_db
def test_only_what_is_meant_is_refined() -> None:
    """A name that holds the words of another constraint's message changes nothing."""
    meanings = {"instance_name_is_unique": Meant()}
    with pytest.raises(Meant) as caught, refine_integrity_error(meanings), transaction.atomic():
        same_name()
    assert isinstance(caught.value.__cause__, IntegrityError)
    with pytest.raises(IntegrityError), refine_integrity_error(meanings), transaction.atomic():
        two_jobs()
    assert broken_constraint(IntegrityError("lower instance_name_is_unique")) == ""


@pytest.mark.django_db(transaction=True)
def test_what_belongs_into_a_transaction_refuses_to_run_without() -> None:
    organization = Organization.objects.create(name="Acme")
    calls: list[Callable[[], object]] = [
        serialize_followed_events,
        wait_for_other_imports,
        lambda: insert_rows(Organization, ["name"], []),
        lambda: update_rows(Organization, ["name"], [("New", organization.pk)]),
        lambda: OrganizationMapping.objects.write(
            [OrganizationMapping(organization=organization, psa="autotask", confirmed_at=timezone.now())]
        ),
        *(model.objects.locked for model in (IntegrationInstance, Organization, OrganizationMapping)),
        lambda: Organization.objects.rewrite([organization]),
    ]
    for call in calls:
        with pytest.raises(TransactionRequired):
            call()
    for put_back in {undoing.put_back for undoing in REGISTER.values()}:
        with pytest.raises(TransactionRequired):
            put_back(None, [])  # type: ignore[arg-type]  # refused before it looks
    assert Organization.objects.get().name == "Acme"
    assert not IntegrationInstance.objects.exists()
    assert not connection.in_atomic_block
