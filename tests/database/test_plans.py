"""The plans of the queries that people wait for: they go by an index, on the database of the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RecordChange,
    ReviewCase,
)
from integrations.models.drift import Changed
from integrations.services.companies.search import company_choices
from integrations.services.mapping.counts import pending_changes, table_counts
from integrations.services.mapping.rows import TableQuery
from integrations.services.mapping.table import mapping_table
from tests.conftest import make_user
from tests.support.rows import make_instance

pytestmark = pytest.mark.large

ORGANIZATIONS, INSTANCES, COMPANIES = 3000, 10, 1000  # companies of each instance
IS_POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture(scope="module")
def written(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[int, int]]:
    """The rows, made once: the tests only read, each in a savepoint of this transaction."""
    with django_db_blocker.unblock(), transaction.atomic():
        member = make_user("marcus", "Members")
        yield fill(member).pk, member.pk
        transaction.set_rollback(True)


@pytest.fixture
def large(written: tuple[int, int], db: None) -> IntegrationInstance:
    """One of ten configurations that share the organizations; the person has proposals in each."""
    return IntegrationInstance.objects.get(pk=written[0])


@pytest.fixture
def member(written: tuple[int, int], db: None) -> User:
    """The person with the proposals."""
    return User.objects.get(pk=written[1])


def fill(member: User) -> IntegrationInstance:
    """Make ten configurations; returns one of them."""
    now = timezone.now()
    organizations = Organization.objects.bulk_create(
        Organization(name=f"{n * 7919 % ORGANIZATIONS:04} Harbour Dental") for n in range(ORGANIZATIONS)
    )
    instances = [make_instance(f"Configuration {number}") for number in range(INSTANCES)]
    companies = Company.objects.bulk_create(
        Company(instance=instance, remote_id=str(100 + n), name=f"Harbour {n:05}", seen_at=now)
        for instance in instances
        for n in range(COMPANIES)
    )
    by_instance = {instance.pk: companies[n * COMPANIES :] for n, instance in enumerate(instances)}
    OrganizationMapping.objects.bulk_create(
        OrganizationMapping(
            organization=organization, psa="autotask", instance=(home := instances[n % INSTANCES]),
            company=by_instance[home.pk][n % COMPANIES], confirmed_at=now,
        )
        for n, organization in enumerate(organizations[: ORGANIZATIONS // 2])
    )  # fmt: skip
    MappingProposal.objects.bulk_create(
        MappingProposal(
            user=member, instance=instances[n % INSTANCES], organization=organization, kind="suggested",
            tier="none",
        )
        for n, organization in enumerate(organizations[ORGANIZATIONS // 2 :])
    )  # fmt: skip
    RecordChange.objects.record(
        [
            Changed(RecordChange.Kind.RENAMED, company.pk, "Harbor", company.name)
            for company in companies[::500]
        ]
        + [
            Changed(
                RecordChange.Kind.ORGANIZATION_RENAMED, None, "Harbor", organization.name, organization.pk
            )
            for organization in organizations[::200]
        ],
        now,
    )
    ReviewCase.objects.bulk_create(
        ReviewCase(mapping=mapping, mapping_version=mapping.version)
        for mapping in OrganizationMapping.objects.all()[::200]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return instances[3]


def reads_first(sql: str) -> str:
    """The table that the query itself reads first, whatever the queries within it read."""
    depth = 0
    for found in re.finditer(r'[()]| FROM "(\w+)"', sql):
        if found[1] and depth == 0:
            return found[1]
        depth += {"(": 1, ")": -1}.get(found[0], 0)
    return ""


def plans_of(table: str, action: Any) -> list[str]:
    """The plans of the action's queries that read from this table first."""
    sent: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        action()
    explain = "EXPLAIN " if IS_POSTGRESQL else "EXPLAIN QUERY PLAN "
    plans = []
    for sql, params in sent:
        if reads_first(sql) == f"integrations_{table}":
            with connection.cursor() as cursor:
                cursor.execute(explain + sql, params)
                plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    assert plans, table
    return plans


def test_a_page_of_the_table_is_read_in_the_order_of_an_index(
    large: IntegrationInstance, member: User
) -> None:
    plan = plans_of("organization", lambda: list(mapping_table(large, member, TableQuery()).page))[-1]
    assert "organization_name_lower" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan


def test_a_page_looks_up_the_mapping_of_its_rows_alone(large: IntegrationInstance, member: User) -> None:
    plan = plans_of("organization", lambda: list(mapping_table(large, member, TableQuery()).page))[-1]
    if IS_POSTGRESQL:
        # What changed since is a list of its own, read once: few changes, and their mappings.
        assert "Seq Scan on integrations_organizationmapping mapping" not in plan
        assert "organization_id = integrations_organization.id" in plan
    else:
        assert "SEARCH mapping USING INDEX" in plan
        assert "BLOOM FILTER" not in plan  # it is made of all rows
        assert "SEARCH integrations_company USING" in plan


def test_the_counts_read_indexes_and_the_few_rows_that_tell_more(
    large: IntegrationInstance, member: User
) -> None:
    # PostgreSQL is asked for the first in brackets.
    *places, warned, shared = plans_of("organizationmapping", lambda: table_counts(large, member))
    [proposed] = plans_of("organization", lambda: table_counts(large, member))
    [ticked] = plans_of("organization", lambda: pending_changes(large, member))
    if IS_POSTGRESQL:
        assert "Seq Scan on integrations_organizationmapping" not in shared
        assert "Seq Scan on integrations_mappingproposal" not in ticked
    else:
        assert "SCAN integrations_organizationmapping USING COVERING INDEX mapping_and_kept" in places[0]
        assert "integrations_company" not in places[0]
        assert warned.startswith(
            "SEARCH integrations_organizationmapping USING COVERING INDEX mapping_and_kept"
        )
        assert "TEMP B-TREE" not in warned  # nothing is sorted to be counted
        assert "SCAN integrations_organizationmapping" not in warned
        # Who said nothing of a mapping is not looked for among all mappings.
        assert "SCAN V1" not in warned
        assert proposed.startswith("SEARCH proposal USING INDEX")
        assert shared.startswith(
            "SEARCH integrations_organizationmapping USING COVERING INDEX mapping_and_kept"
        )
        assert ticked.startswith("SEARCH proposal USING INDEX")


def test_a_search_of_companies_goes_by_its_index(large: IntegrationInstance) -> None:
    row = Organization.objects.order_by("pk")[0]
    plan = plans_of("company", lambda: company_choices(large, row, "00421"))[0]
    if IS_POSTGRESQL:
        assert "company_searched" in plan
    else:  # SQLite reads the companies of this instance alone
        assert "INDEX" in plan
        assert "instance_id=?" in plan
