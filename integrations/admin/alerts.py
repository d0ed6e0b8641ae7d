"""Alerts, for oversight: what was told to whom. People choose on the portal what they hear."""

from __future__ import annotations

from django.contrib import admin

from integrations.admin.common import ReadOnlyAdmin, lines, list_link
from integrations.models import (
    Alert,
    AlertChannel,
    AlertMessage,
    AlertNotice,
    AlertPreference,
    AlertReader,
)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin[Alert]):
    """What began, and when it was over."""

    list_display = ("title", "kind", "instance", "opened_at", "closed_at")
    list_select_related = ("instance",)
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("title", "cause")
    date_hierarchy = "opened_at"
    fields = (
        "title", "text", "kind", "cause", "turn", "instance", "person", "path", "opened_at", "closed_at",
        "over_text",
    )  # fmt: skip


@admin.register(AlertChannel)
class AlertChannelAdmin(ReadOnlyAdmin[AlertChannel]):
    """Rooms of chats; of their addresses the host only."""

    list_display = ("name", "service", "host", "is_active", "failing_since", "created_by", "created_at")
    list_select_related = ("created_by",)
    list_filter = ("service", "is_active")
    search_fields = ("name",)
    fields = (
        "name", "service", "host", "kind_list", "instance", "is_active", "rests_until", "failing_since",
        "last_error", "messages", "created_by", "created_at",
    )  # fmt: skip

    @admin.display(description="told of")
    def kind_list(self, channel: AlertChannel) -> str:
        """In words."""
        return lines(channel.kind_labels)

    @admin.display(description="messages")
    def messages(self, channel: AlertChannel) -> str:
        """To what was sent."""
        return list_link(AlertMessage, "Messages", channel__id__exact=channel.pk)


@admin.register(AlertMessage)
class AlertMessageAdmin(ReadOnlyAdmin[AlertMessage]):
    """What was sent, and how that went."""

    list_display = ("created_at", "user", "channel", "is_digest", "status", "attempts", "last_attempt_at")
    list_select_related = ("user", "channel")
    list_filter = ("status", "is_digest", "is_test", "channel")
    search_fields = ("error", "=key", "user__username")
    date_hierarchy = "created_at"
    fields = (
        "key", "user", "channel", "is_digest", "is_test", "status", "attempts", "next_attempt_at", "error",
        "created_at", "last_attempt_at",
    )  # fmt: skip


@admin.register(AlertNotice)
class AlertNoticeAdmin(ReadOnlyAdmin[AlertNotice]):
    """Which message told of which alert."""

    list_display = ("alert", "is_over", "message")
    list_select_related = ("alert", "message")
    list_filter = ("is_over",)
    fields = ("alert", "is_over", "message")


@admin.register(AlertPreference)
class AlertPreferenceAdmin(ReadOnlyAdmin[AlertPreference]):
    """What people chose, and what they have muted."""

    list_display = ("user", "kind", "instance", "how", "muted_until")
    list_select_related = ("user", "instance")
    list_filter = ("kind", "how")
    search_fields = ("user__username",)
    fields = ("user", "kind", "instance", "how", "muted_until")


@admin.register(AlertReader)
class AlertReaderAdmin(ReadOnlyAdmin[AlertReader]):
    """When digests come, and whose mail does not arrive."""

    list_display = ("user", "digest_hour", "time_zone", "failing_since")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "digest_hour", "time_zone", "failing_since", "last_error")
