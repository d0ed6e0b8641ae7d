"""Jobs, workers and the audit: read only. A job can be cancelled or tried again."""

from __future__ import annotations

import json

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html

from integrations.admin.common import NOTHING, ReadOnlyAdmin, link, list_link, table, user_of
from integrations.models import (
    AuditEvent,
    ImportFilePart,
    ImportReport,
    ImportReportPart,
    Job,
    OrganizationMapping,
    Worker,
)
from integrations.services.jobs.listing import can_start_again
from integrations.services.jobs.run import request_cancel
from integrations.tasks import start_again


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Background work."""

    list_display = (
        "kind", "instance_link", "state", "progress", "attempts", "starter", "created_at", "took", "text",
    )  # fmt: skip
    list_select_related = ("instance", "created_by")
    list_filter = ("state", "kind", "instance")
    search_fields = ("message", "error", "instance__name")
    date_hierarchy = "created_at"
    actions = ("cancel", "try_again")
    fields = (
        "kind", "instance_link", "state", "stalled", "progress", "message", "error", "result", "options",
        "attempts", "cancel_requested", "starter", "created_at", "started_at", "heartbeat_at",
        "lease_until", "finished_at", "key",
    )  # fmt: skip

    @admin.display(description="configuration", ordering="instance__name")
    def instance_link(self, job: Job) -> str:
        """To the configuration."""
        return link(job.instance) if job.instance else NOTHING

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
        found = list(queryset.open())  # type: ignore[attr-defined]  # a JobQuerySet
        for job in found:
            request_cancel(job)
        self.message_user(request, f"{len(found):,} asked to stop.")

    @admin.action(description="Try again")
    def try_again(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Queue the work of ended jobs once more, as the jobs page does."""
        for job in queryset.select_related("instance"):
            if not can_start_again(job, user_of(request)):
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


@admin.register(ImportReport)
class ImportReportAdmin(ReadOnlyAdmin[ImportReport]):
    """What imports did; the portal's own page shows the rows."""

    list_display = ("at", "kind", "verdict", "file_name", "instance", "actor_name", "counts", "rows")
    list_select_related = ("instance",)
    list_filter = ("kind", "verdict")
    search_fields = ("file_name", "actor_name", "sentence")
    fields = (
        "at", "kind", "verdict", "sentence", "file_name", "instance", "actor_name", "origin", "facts",
        "counts", "batch", "rows",
    )  # fmt: skip

    @admin.display(description="rows")
    def rows(self, report: ImportReport) -> str:
        """To the page that shows them."""
        address = reverse("integrations:import_report", args=[report.key])
        return format_html('<a href="{}">Show</a>', address)


@admin.register(ImportReportPart)
class ImportReportPartAdmin(ReadOnlyAdmin[ImportReportPart]):
    """The compressed rows of reports."""

    list_display = ("report", "number", "counts")
    list_select_related = ("report",)
    fields = ("report", "number", "counts")


@admin.register(ImportFilePart)
class ImportFilePartAdmin(ReadOnlyAdmin[ImportFilePart]):
    """Uploaded files that wait for a worker; they go when their job has ended."""

    list_display = ("job", "number")
    list_select_related = ("job",)
    fields = ("job", "number")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    """Who changed what, when and from where."""

    list_display = ("at", "actor_name", "action", "target", "instance", "origin", "batch_link")
    list_display_links = ("at",)
    list_select_related = ("instance",)
    list_filter = ("target_type", "instance")
    search_fields = ("target_name", "actor_name", "action", "=target_id")
    search_help_text = "What it was done to, by whom, or the action"
    date_hierarchy = "at"
    fields = ("at", "actor_name", "origin", "action", "target", "instance", "batch_link", "changes")

    @admin.display(description="done to", ordering="target_name")
    def target(self, event: AuditEvent) -> str:
        """To the row, by the name that it had then."""
        name = f"{event.target_type} {event.target_name}"
        model = {"instance": "integrationinstance", "organization": "organization"}.get(event.target_type)
        if event.target_type == "mapping":  # recorded under its organization
            return list_link(
                OrganizationMapping, name, organization__id__exact=event.target_id, in_force="all"
            )
        try:
            return format_html(
                '<a href="{}">{}</a>',
                reverse(f"admin:integrations_{model}_change", args=[event.target_id]),
                name,
            )
        except NoReverseMatch:
            return name

    @admin.display(description="batch", ordering="batch")
    def batch_link(self, event: AuditEvent) -> str:
        """To everything that the same press of a button did."""
        return list_link(AuditEvent, str(event.batch)[:8], batch__exact=event.batch)

    @admin.display(description="changes")
    def changes(self, event: AuditEvent) -> str:
        """Value by value, what differs first."""
        before, after = event.before or {}, event.after or {}
        names = [*before, *(name for name in after if name not in before)]
        names.sort(key=lambda name: before.get(name) == after.get(name))
        rows = ((name, _value(before, name), _value(after, name)) for name in names)
        return table(("Value", "Before", "After"), rows) if names else NOTHING


def _value(values: dict[str, object], name: str) -> str:
    if name not in values:
        return NOTHING
    value = values[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
