"""Forgetting old reports of imports. The history keeps what they changed, and undo works without them."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.models import ImportReport
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change

CHUNK = 100  # a report of 100,000 rows has a hundred parts of some kilobytes


def forget_reports(batch: Batch, days: int | None = None, *, dry_run: bool = False) -> int:
    """Delete the reports that are older than so many days (None: as the setting says); returns how many.

    0 days in the setting keep them for ever. Audited, once. Can be stopped and repeated at any moment.
    """
    days = settings.IMPORT_REPORT_DAYS or None if days is None else days
    if days is None:
        return 0
    before = timezone.now() - dt.timedelta(days=days)
    old = ImportReport.objects.filter(at__lt=before).order_by("pk")
    if dry_run:
        return old.count()
    forgotten = 0
    while keys := list(old.values_list("pk", flat=True)[:CHUNK]):
        ImportReport.objects.filter(pk__in=keys).delete()
        forgotten += len(keys)
    if forgotten:
        told = {"reports": forgotten, "older_than_days": days}
        with transaction.atomic():
            batch.record([Change(Action.REPORTS_FORGOTTEN, "portal", "", "Reports of imports", None, told)])
    return forgotten
