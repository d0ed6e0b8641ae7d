"""Drift, read only: what happened to configurations, what refreshes changed, what was put off."""

from __future__ import annotations

from django.contrib import admin

from integrations.admin.common import ReadOnlyAdmin
from integrations.models import Occurrence, RecordChange, RefreshSummary, ReviewCase


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnlyAdmin[Occurrence]):
    """What began and ended."""

    list_display = ("at", "instance", "kind", "text")
    list_select_related = ("instance",)
    list_filter = ("kind",)
    fields = ("at", "instance", "kind", "cause", "text", "details")


@admin.register(RefreshSummary)
class RefreshSummaryAdmin(ReadOnlyAdmin[RefreshSummary]):
    """What each refresh changed, in numbers."""

    list_display = ("at", "instance", "full", "read", "offered", "counts")
    list_select_related = ("instance",)
    fields = ("at", "instance", "full", "is_first", "read", "offered", "counts", "compared")


@admin.register(RecordChange)
class RecordChangeAdmin(ReadOnlyAdmin[RecordChange]):
    """Values of companies and organizations that became others."""

    list_display = ("at", "kind", "company", "organization", "before", "after")
    list_select_related = ("company", "organization")
    list_filter = ("kind",)
    fields = (
        "at", "kind", "company", "organization", "before", "after", "previous_at", "stands", "refresh",
    )  # fmt: skip


@admin.register(ReviewCase)
class ReviewCaseAdmin(ReadOnlyAdmin[ReviewCase]):
    """Mappings to be looked at that somebody was given, or that are put off until they change again."""

    list_display = ("mapping", "assigned_to", "ignored_at", "ignored_by")
    list_select_related = ("mapping__organization", "mapping__company", "assigned_to", "ignored_by")
    fields = ("mapping", "assigned_to", "assigned_at", "ignored_at", "ignored_by", "mapping_version")
