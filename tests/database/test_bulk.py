"""Many rows at once are the rows that models would have written."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from integrations.database.bulk import MANY_ROWS, insert_rows, renew_statistics, update_rows
from integrations.models import AuditEvent, Organization, OrganizationMapping
from integrations.models.mappings import CHANGING_FIELDS, MappingSource
from tests.support.properties import examples
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db


def values_of(row: models.Model) -> dict[str, Any]:
    """All fields but the id."""
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key
    }


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@examples(60, HealthCheck.function_scoped_fixture)
@given(
    rows=st.lists(
        st.tuples(texts.filter(bool), texts, st.none() | st.dictionaries(texts, json_values, max_size=4))
    )
)
def test_any_values_arrive_as_a_model_would_write_them(
    rows: list[tuple[str, str, dict[str, Any] | None]],
) -> None:
    """Line breaks, tabs, backslashes and quotes of every alphabet, in text and in JSON."""
    at, batch = timezone.now(), uuid.uuid4()
    insert_rows(
        AuditEvent,
        (
            "at",
            "batch",
            "actor_name",
            "target_name",
            "before",
            "origin",
            "action",
            "target_type",
            "target_id",
        ),
        [(at, batch, name, text, before, "", "tried", "nothing", "1") for name, text, before in rows],
    )
    found = list(AuditEvent.objects.filter(batch=batch).order_by("pk"))
    assert [(row.actor_name, row.target_name, row.before) for row in found] == rows
    assert all(row.at == at and row.after is None and row.actor_id is None for row in found)


def test_every_field_of_a_mapping_is_written() -> None:
    """New and changed: what is read back is what was given, with nothing lost to a default."""
    instance = make_instance("Main")
    company, other = make_company(instance, 1, "Abbott"), make_company(instance, 2, "Birchwood")
    moment = dt.datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=dt.UTC)
    new = OrganizationMapping(
        organization=make_organization("Abbott"),
        psa=instance.psa,
        instance=instance,
        company=company,
        confirmed_name="Abbott \\ \t“&”\n",
        source=MappingSource.SUGGESTED,
        confidence=0.25,
        reasons=["the names agree", 'a "quoted" word'],
        matcher_version="3",
        confirmed_by_name="ada",
        confirmed_at=moment,
        version=4,
        removed_at=moment,
        removed_with_instance=True,
    )
    OrganizationMapping.objects.write([new])
    written = OrganizationMapping.objects.get()
    assert values_of(written) == values_of(new)
    assert written.source == "suggested"

    for field, value in {
        "company": other, "source": MappingSource.CHOSEN, "confidence": None, "reasons": [],
        "matcher_version": "", "removed_at": None, "removed_with_instance": False, "version": 5,
    }.items():  # fmt: skip
        setattr(written, field, value)
    untouched = make_mapping(make_organization("Birchwood"), other)
    before = values_of(untouched)
    OrganizationMapping.objects.write([written])
    again = OrganizationMapping.objects.get(pk=written.pk)
    assert values_of(again) == values_of(written)
    untouched.refresh_from_db()
    assert values_of(untouched) == before


def test_no_field_of_a_mapping_is_forgotten() -> None:
    """Whoever adds a field is told that writing many rows has to know it."""
    fields = {field.attname for field in OrganizationMapping._meta.concrete_fields}
    assert fields == {*CHANGING_FIELDS, "id", "organization_id", "psa"}


def test_a_broken_constraint_writes_nothing() -> None:
    instance = make_instance("Main")
    company, organization = make_company(instance, 1, "Abbott"), make_organization("Abbott")
    names = (
        "organization_id", "psa", "instance_id", "company_id", "confirmed_at", "version", "confirmed_name",
        "source", "reasons", "matcher_version", "confirmed_by_name", "removed_with_instance",
    )  # fmt: skip

    def row(version: int) -> tuple[Any, ...]:
        ids = (organization.pk, instance.psa, instance.pk, company.pk)
        return (*ids, timezone.now(), version, "", "chosen", [], "", "", False)

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_rows(OrganizationMapping, names, [row(1), row(2)])  # the same organization twice
    assert not OrganizationMapping.objects.exists()
    insert_rows(OrganizationMapping, names, [row(1)])
    mapping = OrganizationMapping.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        update_rows(OrganizationMapping, ["version"], [(0, mapping.pk)])
    mapping.refresh_from_db()
    assert mapping.version == 1


def test_the_database_learns_of_many_new_rows_and_is_not_asked_for_few(
    django_assert_num_queries: Callable[[int], AbstractContextManager[None]],
) -> None:
    """A plan for ten rows that meets thousands compares each with each."""
    Organization.objects.bulk_create(Organization(name=f"Harbour {number}") for number in range(MANY_ROWS))
    with django_assert_num_queries(0):
        renew_statistics(MANY_ROWS - 1, Organization)
    renew_statistics(MANY_ROWS, Organization)
    assert known_rows(Organization) == MANY_ROWS


def known_rows(model: type[models.Model]) -> int:
    """How many rows the database believes the table to have."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [table])
        else:
            cursor.execute("SELECT stat FROM sqlite_stat1 WHERE tbl = %s LIMIT 1", [table])
        return int(float(str(cursor.fetchone()[0]).split()[0]))
