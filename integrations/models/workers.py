"""Background workers, as they say themselves that they are there."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from integrations.models.bases import CLOCKS_DIFFER


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Those that have been heard of lately."""
        now = timezone.now()
        return self.filter(seen_at__gte=now - Worker.SILENT_AFTER, seen_at__lte=now + CLOCKS_DIFFER)


class Worker(models.Model):
    """One worker process. It renews ``seen_at`` every few seconds; a clean stop deletes the row."""

    SILENT_AFTER = dt.timedelta(seconds=60)

    name = models.CharField(max_length=200, unique=True, help_text="Machine and process.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    kept_house_at = models.DateTimeField(null=True, blank=True, help_text="The end of its last whole round.")
    keys = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="By what its key ring is known."
    )

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
