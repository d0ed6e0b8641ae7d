"""Jobs: background work whose row is the truth about it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.models.bases import CLOCKS_DIFFER, known_time, somebody
from integrations.models.instances import IntegrationInstance

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

SLOW_AFTER = dt.timedelta(minutes=5)
RATE_KNOWN_AFTER = 1.0  # seconds of work, below which a rate is a guess


class JobQuerySet(models.QuerySet["Job"]):
    def shown_to(self, user: int) -> JobQuerySet:
        """What the setup page tells the person: the instance's refreshes, and their own suggestions."""
        return self.filter(models.Q(kind=Job.Kind.REFRESH_OPTIONS) | models.Q(created_by=user))

    def open(self) -> JobQuerySet:
        """Waiting or running."""
        return self.filter(state__in=Job.OPEN)

    def claimable(self, now: dt.datetime) -> JobQuerySet:
        """Waiting, or running under a lease that has expired, or that no right clock can have given."""
        longest = now + dt.timedelta(seconds=settings.JOB_LEASE_SECONDS) + CLOCKS_DIFFER
        lapsed = models.Q(lease_until__lt=now) | models.Q(lease_until__gt=longest)
        return self.filter(models.Q(state=Job.State.WAITING) | models.Q(state=Job.State.RUNNING) & lapsed)


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
        IMPORT_FILE = "import_file", "Import a file"
        REFRESH_SOURCE = "refresh_source", "Refresh a source"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.WAITING, State.RUNNING)
    MAX_ATTEMPTS = 3
    # What a person needs to ask for one, without "integrations.": the same as the pages that start it.
    RIGHTS = {Kind.IMPORT_ORGANIZATIONS: ("add_organization", "map_organizations")}
    RIGHTS_FOR_FILES = {"organizations": ("add_organization", "change_organization")}
    USUAL_RIGHTS = ("map_organizations",)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=30, choices=Kind.choices)
    instance = models.ForeignKey(
        IntegrationInstance,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="jobs",
        help_text="Empty for work on the whole portal.",
    )
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
    created_by = somebody()
    started_by = models.CharField(
        max_length=200, blank=True, help_text="The name at that time, or what started it by itself."
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
                condition=models.Q(state__in=["waiting", "running"])
                & ~models.Q(kind__in=["suggest_mappings", "import_file"]),
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
    def subject(self) -> str:
        """What it works on, for the pages: the configuration, or else what its options name."""
        return self.instance.name if self.instance else str(self.options.get("file_name", "")) or "the portal"

    @property
    def is_open(self) -> bool:
        """Waiting or running."""
        return self.state in self.OPEN

    @property
    def starter(self) -> str:
        """Who or what started it, for the page."""
        if self.started_by:
            return self.started_by
        return self.created_by.get_username() if self.created_by else ""

    @property
    def rights(self) -> tuple[str, ...]:
        """What a person needs to ask for it."""
        if self.kind in {self.Kind.IMPORT_FILE, self.Kind.REFRESH_SOURCE}:
            return self.RIGHTS_FOR_FILES.get(self.options.get("kind", ""), self.USUAL_RIGHTS)
        return self.RIGHTS.get(self.Kind(self.kind), self.USUAL_RIGHTS)

    @property
    def asker(self) -> User | None:
        """Who asked for it; None where their account is gone or closed, or has lost a right to it since."""
        return self.created_by if self.created_by and self._may_ask(self.created_by) else None

    @property
    def time_taken(self) -> dt.timedelta | None:
        """How long the last run took."""
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None

    @property
    def running_for(self) -> dt.timedelta | None:
        """How long it has been running; None when it is not, or when nobody knows."""
        now = timezone.now()
        began = known_time(self.started_at, now) if self.state == self.State.RUNNING else None
        return max(now - began, dt.timedelta()) if began else None

    @property
    def is_slow(self) -> bool:
        """Open for so long that whoever asks for another should be told: it may be stuck."""
        since = known_time(self.started_at or self.created_at, timezone.now())
        return self.is_open and (self.stalled or since is None or timezone.now() - since > SLOW_AFTER)

    @property
    def rate(self) -> float | None:
        """Companies or rows a second since this run began; None before anything can be told."""
        if self.state != self.State.RUNNING or not self.done or not (self.started_at and self.heartbeat_at):
            return None
        seconds = (self.heartbeat_at - self.started_at).total_seconds()
        return self.done / seconds if seconds >= RATE_KNOWN_AFTER else None

    @property
    def time_left(self) -> dt.timedelta | None:
        """How long the rest takes at the present rate; None when the total or the rate is not known."""
        rate = self.rate
        if not rate or self.total is None:
            return None
        return dt.timedelta(seconds=max(0, self.total - self.done) / rate)

    @property
    def stalled(self) -> bool:
        """Running by its row, but its worker has not renewed the lease."""
        return self.state == self.State.RUNNING and (
            self.lease_until is None or self.lease_until < timezone.now()
        )

    def request_cancel(self) -> None:
        """Ask the job to stop; a waiting one stops at once, a running one within a page."""
        same, now = Job.objects.filter(pk=self.pk), timezone.now()
        waiting = same.filter(state=self.State.WAITING)
        if not waiting.update(state=self.State.CANCELLED, finished_at=now, cancel_requested=True):
            same.filter(state=self.State.RUNNING).update(cancel_requested=True)

    def can_be_stopped_by(self, user: User | AnonymousUser) -> bool:
        """Whether this person may cancel it: a suggestion only its own, the rest whoever may map."""
        return self.is_open and self._is_for(user)

    def can_start_again(self, user: User | AnonymousUser) -> bool:
        """Whether this person may start the ended job once more; what came to its end needs no second try."""
        return (
            self.state in {self.State.FAILED, self.State.CANCELLED}
            and self.kind != self.Kind.IMPORT_FILE  # a file goes when its import has ended
            and self.instance is not None
            and not self.instance.is_deleted
            and self._is_for(user)
            and self._may_ask(user)
        )

    def _may_ask(self, user: User | AnonymousUser) -> bool:
        return user.has_perms([f"integrations.{right}" for right in self.rights])

    def _is_for(self, user: User | AnonymousUser) -> bool:
        if not user.has_perm("integrations.map_organizations"):
            return False
        return self.kind != self.Kind.SUGGEST_MAPPINGS or self.created_by_id == user.pk
