"""Drift, read only: what happened to configurations."""

from __future__ import annotations

from django.contrib import admin

from integrations.admin.common import ReadOnlyAdmin
from integrations.models import Occurrence


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnlyAdmin[Occurrence]):
    """What began and ended."""

    list_display = ("at", "instance", "kind", "text")
    list_select_related = ("instance",)
    list_filter = ("kind",)
    fields = ("at", "instance", "kind", "cause", "text", "details")
