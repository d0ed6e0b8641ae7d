"""What refreshes changed is kept for a while, and as long as a mapping has to be looked at because of it."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from integrations.database.transactions import free_rows
from integrations.models import OrganizationMapping, RecordChange, RefreshSummary
from integrations.services.expectations import LONGEST_DAYS

AT_ONCE = 1_000
MOST_STEPS = 20  # of one look; the rest goes an hour later
COUNTED_FOR = dt.timedelta(days=LONGEST_DAYS + 1)  # that an organization is unmapped


def forget_changes(now: dt.datetime) -> int:
    """Delete changes and refreshes older than REFRESH_SUMMARY_DAYS that no mapping needs; how many rows.

    A change stays as long as a mapping of its company or organization, in force or taken back, was confirmed
    before it: by it people are told that something changed since, and what was ignored is no longer. So does
    when an organization became active again, as long as an expectation may count its days since then.
    """
    if not settings.REFRESH_SUMMARY_DAYS:
        return 0
    before = now - dt.timedelta(days=settings.REFRESH_SUMMARY_DAYS)
    changes = _in_steps(_unneeded(before, now))
    empty = RefreshSummary.objects.filter(at__lt=before, compared=True)
    return changes + _in_steps(empty.exclude(Exists(RecordChange.objects.filter(refresh=OuterRef("pk")))))


def _unneeded(before: dt.datetime, now: dt.datetime) -> QuerySet[RecordChange]:
    earlier = OrganizationMapping.objects.filter(confirmed_at__lt=OuterRef("at"))
    old = RecordChange.objects.filter(at__lt=before)
    old = old.exclude(Exists(earlier.filter(company=OuterRef("company"))))
    old = old.exclude(kind=RecordChange.Kind.ORGANIZATION_INACTIVE, at__gte=now - COUNTED_FOR)
    return old.exclude(Exists(earlier.filter(organization=OuterRef("organization"))))


def _in_steps(rows: QuerySet[RecordChange] | QuerySet[RefreshSummary]) -> int:
    """Delete them in transactions of a bounded size, so that nobody waits long; how many."""
    forgotten = 0
    for _ in range(MOST_STEPS):
        with transaction.atomic():
            number = free_rows(rows, AT_ONCE).delete()[0]
        forgotten += number
        if number < AT_ONCE:
            break
    return forgotten
