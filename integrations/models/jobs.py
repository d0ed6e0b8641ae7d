"""Jobs: background work whose row is the truth about it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.models.instances import IntegrationInstance

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class JobQuerySet(models.QuerySet["Job"]):
    def shown_to(self, user: AbstractBaseUser | AnonymousUser) -> JobQuerySet:
        """What the setup page tells this person: the instance's refreshes, and their own suggestions."""
        return self.filter(models.Q(kind=Job.Kind.REFRESH_OPTIONS) | models.Q(created_by=user.pk))

    def open(self) -> JobQuerySet:
        """Waiting or running."""
        return self.filter(state__in=Job.OPEN)

    def claimable(self, now: dt.datetime) -> JobQuerySet:
        """Waiting, or running under a lease that its worker has let expire."""
        return self.filter(
            models.Q(state=Job.State.WAITING) | models.Q(state=Job.State.RUNNING, lease_until__lt=now)
        )


class Job(models.Model):
    """One piece of background work: claimed by a conditional update, kept by a lease, repeatable.

    ``lease_token`` names the run that holds it; a run that finds another token there has lost the job and
    must stop without writing.
    """

    class Kind(models.TextChoices):
        REFRESH_OPTIONS = "refresh_options", "Refresh options"
        SUGGEST_MAPPINGS = "suggest_mappings", "Suggest values"
        CHECK_CONNECTION = "check_connection", "Check connection"
        IMPORT_ORGANIZATIONS = "import_organizations", "Import organizations"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.WAITING, State.RUNNING)
    MAX_ATTEMPTS = 3

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="jobs")
    options = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    message = models.CharField(max_length=500, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "instance"],
                condition=models.Q(state__in=["waiting", "running"]) & ~models.Q(kind="suggest_mappings"),
                name="one_open_job_per_kind_and_instance",
            ),
            models.UniqueConstraint(
                fields=["kind", "instance", "created_by"],
                condition=models.Q(state__in=["waiting", "running"], kind="suggest_mappings"),
                name="one_open_suggestion_per_person",
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="job_claimable")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display().lower()})"

    @property
    def is_open(self) -> bool:
        """Waiting or running."""
        return self.state in self.OPEN

    @property
    def stalled(self) -> bool:
        """Running by its row, but its worker has not renewed the lease."""
        return self.state == self.State.RUNNING and (
            self.lease_until is None or self.lease_until < timezone.now()
        )
