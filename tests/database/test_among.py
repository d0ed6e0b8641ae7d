"""Ids that go to the database as one text choose the rows that Django's own ``__in`` chooses."""

from __future__ import annotations

import pytest

from integrations.database.among import Among
from integrations.models import Organization, OrganizationMapping
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db


def test_ids_choose_the_same_rows_by_key_and_by_relation() -> None:
    """Twice, none, and tens of thousands of them, too."""
    company = make_company(make_instance(), 100, "Abbott Dental")
    rows = [make_mapping(make_organization(f"A{n}"), company) for n in range(3)]
    wanted = [rows[0].organization_id, rows[2].organization_id]
    chosen = Organization.objects.filter(pk__in=wanted)
    assert set(Organization.objects.filter(Among("pk", [*wanted, *wanted]))) == set(chosen)
    mapped = OrganizationMapping.objects.filter(Among("organization", wanted))
    assert {each.pk for each in mapped} == {rows[0].pk, rows[2].pk}
    assert set(Organization.objects.exclude(Among("pk", wanted))) == {rows[1].organization}
    assert not Organization.objects.filter(Among("pk", [])).exists()
    assert Organization.objects.exclude(Among("pk", [])).count() == 3
    many = range(min(wanted), min(wanted) + 300_000)  # more than SQLite takes as parameters
    assert Organization.objects.filter(Among("pk", many), Among("pk", wanted)).count() == 2
    assert Organization.objects.filter(Among("pk", wanted)).update(is_active=False) == 2


def test_what_is_no_number_is_refused() -> None:
    """It would be a part of the statement."""
    with pytest.raises(ValueError, match="invalid literal"):
        Among("pk", ["1) OR (1=1"])  # type: ignore[list-item]
