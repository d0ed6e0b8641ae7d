"""The audit: read only."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html

from integrations.admin.common import NOTHING, ConfigurationFilter, ReadOnlyAdmin, list_link, table
from integrations.models import AuditEvent, OrganizationMapping
from integrations.services.history import DifferenceRenderer
from portal.time_zone import by_clock


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    """Who changed what, when and from where."""

    list_display = ("at", "actor_name", "action", "target", "configuration", "origin", "batch_link")
    list_display_links = ("at",)
    list_select_related = ("instance",)
    list_filter = ("target_type", ("instance", ConfigurationFilter))
    search_fields = ("target_name", "actor_name", "action", "=target_id")
    search_help_text = "What it was done to, by whom, or the action"
    date_hierarchy = "at"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "at",
                    "actor_name",
                    "origin",
                    "action",
                    "target",
                    "configuration",
                    "batch_link",
                    "changes",
                )
            },
        ),
        ("As it is stored", {"fields": ("values",), "classes": ("collapse",)}),
    )

    def history_of(self, row: AuditEvent) -> Mapping[str, object]:
        """Of the same press of a button."""
        return {"batch": row.batch}

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
        """In the words of the history page."""
        told = DifferenceRenderer([event]).differences(event)
        zone = timezone.get_current_timezone()
        rows = ((each.label, by_clock(each.before, zone), by_clock(each.after, zone)) for each in told)
        return table(("What", "Before", "After"), rows) if told else NOTHING

    @admin.display(description="values")
    def values(self, event: AuditEvent) -> str:
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
