"""What refreshes changed is forgotten after a time, but for what a mapping still has to be looked at for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import (
    IntegrationInstance,
    OrganizationMapping,
    RecordChange,
    RefreshSummary,
    ReviewCase,
)
from integrations.models.review_reasons import needs_review
from integrations.services.drift import retention
from integrations.services.operations import delete_expired
from tests.drift.test_inbox import drift
from tests.support.rows import make_company, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
LONG_AGO = dt.timedelta(days=500)


@pytest.fixture
def old(main: IntegrationInstance, owner: User) -> OrganizationMapping:
    """Changes of long ago: of a mapping that was confirmed before, of one that was kept since, of no mapping.

    The first one is still to be looked at.
    """
    then, rows = timezone.now() - LONG_AGO, []
    summary = RefreshSummary.objects.create(instance=main, at=then, compared=True)
    for number, name in enumerate(("Ash", "Birch", "Cedar"), start=1):
        company = make_company(main, number, f"{name} Ltd")
        drift(company)
        if name != "Cedar":
            rows.append(make_mapping(make_organization(name), company, owner, confirmed_name=company.name))
    RecordChange.objects.update(at=then, refresh=summary)
    before = then - dt.timedelta(days=1)
    OrganizationMapping.objects.filter(pk=rows[0].pk).update(confirmed_at=before)
    return rows[0]


def open_ones() -> list[OrganizationMapping]:
    return list(OrganizationMapping.objects.in_tables().filter(needs_review()))


def test_what_no_mapping_needs_is_forgotten_and_the_rest_stays_with_its_refresh(
    old: OrganizationMapping, main: IntegrationInstance, settings: Any
) -> None:
    empty = RefreshSummary.objects.create(instance=main, at=timezone.now() - LONG_AGO, compared=True)
    young = RefreshSummary.objects.create(instance=main, at=timezone.now(), compared=True)
    settings.REFRESH_SUMMARY_DAYS = 0
    assert delete_expired() == 0
    settings.REFRESH_SUMMARY_DAYS = 400
    assert delete_expired() == 3
    assert [change.company_id for change in RecordChange.objects.all()] == [old.company_id]
    assert open_ones() == [old]
    assert not RefreshSummary.objects.filter(pk=empty.pk).exists()
    assert RefreshSummary.objects.count() == 2
    assert RefreshSummary.objects.filter(pk=young.pk).exists()
    old.confirm(None, timezone.now())
    old.save()
    assert delete_expired() == 2, "nothing needs it any more"
    assert list(RefreshSummary.objects.all()) == [young]


def test_what_was_ignored_and_changed_again_stays_open(old: OrganizationMapping, settings: Any) -> None:
    ignored = timezone.now() - LONG_AGO - dt.timedelta(hours=1)
    ReviewCase.objects.create(mapping=old, ignored_at=ignored, mapping_version=old.version)
    assert open_ones() == [old]
    delete_expired()
    assert open_ones() == [old]


def test_it_goes_on_in_steps(
    old: OrganizationMapping, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "MOST_STEPS", 1)
    assert [delete_expired() for _ in range(3)] == [1, 1, 0]
