"""What other programs are given: tokens, which can be revoked here, and webhooks. Both are made elsewhere."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations.admin.common import NOTHING, ReadOnlyAdmin, lines, link, list_link
from integrations.models import ApiToken, RequestCount, ReviewNotice, Webhook, WebhookDelivery
from integrations.services.audit import Batch, actor_of
from integrations.services.read_api import revoke_token


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin[ApiToken]):
    """Tokens by name and prefix; the token itself is stored nowhere, and its digest stays hidden."""

    list_display = (
        "name", "prefix", "state", "created_by", "for_portal", "created_at", "expires_at", "last_used_at",
    )  # fmt: skip
    list_select_related = ("created_by",)
    list_filter = ("limited", "for_portal", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "prefix")
    date_hierarchy = "created_at"
    actions = ("revoke",)
    fields = (
        "name", "prefix", "state", "right_list", "instance_list", "network_list", "for_portal", "created_by",
        "created_at", "expires_at", "last_used_at", "revoked_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """With what the state of each depends on."""
        return super().get_queryset(request).with_maker()  # type: ignore[attr-defined,no-any-return]

    @admin.action(description="Revoke: closed to their holders at once", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Through the service, which audits. Cannot be taken back."""
        revoked = sum(revoke_token(Batch(actor_of(request)), token) for token in queryset)
        self.message_user(request, f"{revoked:,} revoked.")

    @admin.display(description="rights")
    def right_list(self, token: ApiToken) -> str:
        """In words."""
        return lines(token.right_labels)

    @admin.display(description="configurations")
    def instance_list(self, token: ApiToken) -> str:
        """Those that it may read."""
        return lines(map(link, token.instances.all())) if token.limited else "All"

    @admin.display(description="from")
    def network_list(self, token: ApiToken) -> str:
        """The addresses that it may be used from."""
        return lines(token.networks) if token.networks else "Anywhere"


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin[Webhook]):
    """Receivers of changes, without their signing keys; of their addresses the host only."""

    list_display = ("name", "host", "is_active", "rests_until", "created_by", "created_at")
    list_select_related = ("created_by",)
    list_filter = ("is_active",)
    search_fields = ("name",)
    fields = (
        "name", "host", "event_list", "is_active", "rests_until", "deliveries", "created_by",
        "created_at",
    )  # fmt: skip

    @admin.display(description="told of")
    def event_list(self, webhook: Webhook) -> str:
        """In words."""
        return lines(webhook.event_labels)

    @admin.display(description="deliveries")
    def deliveries(self, webhook: Webhook) -> str:
        """To its log."""
        return list_link(WebhookDelivery, "Deliveries", webhook__id__exact=webhook.pk)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin[WebhookDelivery]):
    """What was sent, and how that went."""

    list_display = (
        "created_at",
        "webhook",
        "event",
        "status",
        "attempts",
        "response_code",
        "last_attempt_at",
    )
    list_select_related = ("webhook",)
    list_filter = ("status", "event", "webhook")
    search_fields = ("error", "=event_id")
    date_hierarchy = "created_at"
    fields = (
        "webhook", "event", "event_id", "status", "attempts", "next_attempt_at", "response_code", "error",
        "payload", "created_at", "last_attempt_at",
    )  # fmt: skip


@admin.register(ReviewNotice)
class ReviewNoticeAdmin(ReadOnlyAdmin[ReviewNotice]):
    """Mappings that were reported as needing review and still do."""

    list_display = ("organization", "mapping_link", "why", "noted_at")
    list_select_related = ("mapping__organization", "mapping__company")
    search_fields = ("mapping__organization__name", "mapping__company__name")
    date_hierarchy = "noted_at"
    fields = ("organization", "mapping_link", "why", "noted_at")

    @admin.display(description="organization")
    def organization(self, notice: ReviewNotice) -> str:
        """Its name."""
        return notice.mapping.organization.name

    @admin.display(description="mapping")
    def mapping_link(self, notice: ReviewNotice) -> str:
        """To the mapping."""
        return link(notice.mapping, notice.mapping.company.name)

    @admin.display(description="reasons")
    def why(self, notice: ReviewNotice) -> str:
        """As they were given."""
        return ", ".join(map(str, notice.reasons)) or NOTHING


@admin.register(RequestCount)
class RequestCountAdmin(ReadOnlyAdmin[RequestCount]):
    """How often somebody asked in a minute, for the limits. Deleting a row lets them go on at once."""

    list_display = ("name", "times", "minute")
    search_fields = ("name",)
    fields = ("name", "times", "minute")

    def has_delete_permission(self, request: HttpRequest, obj: RequestCount | None = None) -> bool:
        """A minute later it counts no more anyway."""
        return True
