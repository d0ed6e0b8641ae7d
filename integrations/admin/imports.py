"""What imports did, and the files that wait for one: read only."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from integrations.admin.common import NOTHING, ConfigurationFilter, ReadOnlyAdmin, lines
from integrations.models import (
    ImportDraft,
    ImportDraftPart,
    ImportFilePart,
    ImportReport,
    ImportReportPart,
    ImportSource,
    ImportSourcePart,
    ImportSourceRun,
    RememberedReading,
)


@admin.register(ImportReport)
class ImportReportAdmin(ReadOnlyAdmin[ImportReport]):
    """What imports did; the portal's own page shows the rows."""

    list_display = ("at", "kind", "verdict", "file_name", "configuration", "actor_name", "outcomes", "rows")
    list_select_related = ("instance",)
    list_filter = ("kind", "verdict", ("instance", ConfigurationFilter), "at")
    search_fields = ("file_name", "actor_name", "sentence")
    fields = (
        "at", "kind", "verdict", "sentence", "file_name", "configuration", "actor_name", "origin", "told",
        "outcomes", "batch", "rows",
    )  # fmt: skip

    @admin.display(description="outcome")
    def outcomes(self, report: ImportReport) -> str:
        """How many rows of each."""
        return (
            ", ".join(f"{number:,} {outcome}" for outcome, number in report.counts.items() if number)
            or NOTHING
        )

    @admin.display(description="also told")
    def told(self, report: ImportReport) -> str:
        """What else the page says."""
        return lines(f"{label}: {text}" for label, text in report.facts.items())

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


@admin.register(ImportDraft)
class ImportDraftAdmin(ReadOnlyAdmin[ImportDraft]):
    """Uploaded files that somebody looks at; they go by themselves after some days."""

    list_display = ("made_at", "owner", "kind", "instance", "file_name", "size")
    list_select_related = ("owner", "instance")
    list_filter = ("kind",)
    fields = (
        "made_at", "owner", "kind", "instance", "file_name", "size", "reading", "overwrite", "remembered_at",
        "checked",
    )  # fmt: skip


@admin.register(ImportDraftPart)
class ImportDraftPartAdmin(ReadOnlyAdmin[ImportDraftPart]):
    """The compressed pieces of those files."""

    list_display = ("draft", "number")
    list_select_related = ("draft",)
    fields = ("draft", "number")


@admin.register(RememberedReading)
class RememberedReadingAdmin(ReadOnlyAdmin[RememberedReading]):
    """How people had files read, offered to them the next time."""

    list_display = ("used_at", "user", "kind", "file_name")
    list_select_related = ("user",)
    list_filter = ("kind",)
    fields = ("used_at", "user", "kind", "file_name", "shape", "reading")


@admin.register(ImportSource)
class ImportSourceAdmin(ReadOnlyAdmin[ImportSource]):
    """Sources that stay; of an address the host is shown. They are changed on the portal's own pages."""

    list_display = ("name", "kind", "instance", "type", "host", "refresh_every_hours", "last_refreshed_at")
    list_select_related = ("instance",)
    list_filter = ("kind", "type")
    search_fields = ("name", "host")
    fields = (
        "name", "kind", "instance", "type", "host", "file_name", "reading", "refresh_every_hours",
        "next_refresh_at", "last_refreshed_at", "failing_since", "last_error", "created_at", "created_by",
    )  # fmt: skip


@admin.register(ImportSourcePart)
class ImportSourcePartAdmin(ReadOnlyAdmin[ImportSourcePart]):
    """The compressed files of sources."""

    list_display = ("source", "number")
    list_select_related = ("source",)
    fields = ("source", "number")


@admin.register(ImportSourceRun)
class ImportSourceRunAdmin(ReadOnlyAdmin[ImportSourceRun]):
    """What each refresh of a source found."""

    list_display = ("at", "source", "actor_name", "rows", "new", "renamed", "left", "error")
    list_select_related = ("source",)
    fields = (
        "at",
        "source",
        "actor",
        "actor_name",
        "is_first",
        "rows",
        "new",
        "renamed",
        "left",
        "changes",
        "error",
    )
