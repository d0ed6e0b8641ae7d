"""Jobs and workers: read only. A job can be cancelled or tried again."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from integrations.admin.common import NOTHING, ConfigurationFilter, ReadOnlyAdmin, link, user_of
from integrations.models import Job, Worker
from integrations.tasks import start_again


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Background work."""

    list_display = (
        "kind", "configuration", "state", "progress", "attempts", "starter", "created_at", "took", "text",
    )  # fmt: skip
    list_select_related = ("instance", "created_by")
    list_filter = ("state", "kind", ("instance", ConfigurationFilter))
    search_fields = ("message", "error", "instance__name")
    date_hierarchy = "created_at"
    actions = ("cancel", "try_again")
    fields = (
        "kind", "configuration", "state", "stalled", "progress", "message", "error", "result", "options",
        "attempts", "cancel_requested", "starter", "created_at", "started_at", "heartbeat_at",
        "lease_until", "finished_at", "key",
    )  # fmt: skip

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        """How far it is."""
        return f"{job.done:,} of {job.total:,}" if job.total is not None else f"{job.done:,}"

    @admin.display(description="took")
    def took(self, job: Job) -> str:
        """From its last start to its end."""
        if job.started_at is None or job.finished_at is None:
            return NOTHING
        return f"{(job.finished_at - job.started_at).total_seconds():.1f} s"

    @admin.display(description="result")
    def text(self, job: Job) -> str:
        """What it says of itself."""
        return job.error or job.message

    @admin.display(description="worker gone silent", boolean=True)
    def stalled(self, job: Job) -> bool:
        """Whether another worker may take it up."""
        return job.stalled

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """A waiting job stops at once, a running one within a page."""
        open_jobs = list(queryset.open())  # type: ignore[attr-defined]  # a JobQuerySet
        for job in open_jobs:
            job.request_cancel()
        self.message_user(request, f"{len(open_jobs):,} asked to stop.")

    @admin.action(description="Try again")
    def try_again(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Queue the work of ended jobs once more, as the jobs page does."""
        for job in queryset.select_related("instance"):
            if not job.can_start_again(user_of(request)):
                text = f"{job.subject}: {job} came to its end, is still open, or cannot be done again."
                self.message_user(request, text, messages.WARNING)
                continue
            again = start_again(job, user_of(request))
            self.message_user(request, format_html("{}: {}", job.subject, link(again)), messages.SUCCESS)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    """Who does the jobs, and when each was last heard of."""

    list_display = ("name", "is_alive", "started_at", "seen_at")
    search_fields = ("name",)
    fields = ("name", "is_alive", "started_at", "seen_at")

    @admin.display(description="alive", boolean=True)
    def is_alive(self, worker: Worker) -> bool:
        """Whether it has been heard of lately."""
        return timezone.now() - worker.seen_at < Worker.SILENT_AFTER
