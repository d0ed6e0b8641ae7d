"""Deleting what no one needs any more, decided by age alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations.database.transactions import free_rows
from integrations.models import ImportFilePart, Job, RequestCount, Worker
from integrations.services.alerts.outbox import forget_old
from integrations.services.audit import Actor, Batch
from integrations.services.drafts import forget_drafts
from integrations.services.drift.retention import forget_changes
from integrations.services.imports.reports import forget_reports
from integrations.services.read_api.tokens import revoke_left_tokens
from integrations.services.sign_ins.log import forget_events

JOBS_KEPT = dt.timedelta(days=90)
CALLS_KEPT = dt.timedelta(days=7)


def delete_expired() -> int:
    """Delete silent workers, ended jobs, old calls, reports, changes, sign-ins and files; how many rows.

    Safe to run anywhere at any time: what is deleted is decided by its age alone.
    """
    now = timezone.now()
    expired: list[QuerySet[Any]] = [
        Worker.objects.filter(seen_at__lt=now - CALLS_KEPT),
        Job.objects.exclude(state__in=Job.OPEN).filter(finished_at__lt=now - JOBS_KEPT),
        ImportFilePart.objects.exclude(job__state__in=Job.OPEN),
        RequestCount.objects.past(),
    ]
    if settings.TASKS_BACKEND == "database":
        from django_tasks_db.models import DBTaskResult

        # By age, not by state: a killed worker leaves its call "running" for ever. The Job row is the truth.
        old = DBTaskResult.objects.filter(enqueued_at__lt=now - CALLS_KEPT)
        expired.append(old.exclude(status="READY"))
    housekeeping = Actor("The portal", "housekeeping")
    revoke_left_tokens(Batch(housekeeping))
    forgotten = forget_reports(Batch(housekeeping)) + forget_events(Batch(housekeeping)) + forget_old(now)
    return forgotten + forget_drafts() + forget_changes(now) + sum(map(_delete_free, expired))


def _delete_free(rows: QuerySet[Any]) -> int:
    """Delete what nobody is at; the rest is deleted another time."""
    with transaction.atomic():
        return free_rows(rows).delete()[0]
