"""Background workers, as they say themselves that they are there."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        """Those that have been heard of lately."""
        return self.filter(seen_at__gte=timezone.now() - Worker.SILENT_AFTER)


class Worker(models.Model):
    """One worker process. It renews ``seen_at`` every few seconds; a clean stop deletes the row."""

    SILENT_AFTER = dt.timedelta(seconds=60)

    name = models.CharField(max_length=200, unique=True, help_text="Machine and process.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
