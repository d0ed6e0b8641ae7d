"""Expectations, read only: they are changed on the page of the configuration, where the audit sees it."""

from __future__ import annotations

from django.contrib import admin

from integrations.admin.common import ReadOnlyAdmin
from integrations.models import Expectation, HeldCompany, HeldRefresh


@admin.register(Expectation)
class ExpectationAdmin(ReadOnlyAdmin[Expectation]):
    """What is expected of configurations, and how it was noted to stand."""

    list_display = ("instance", "kind", "effect", "limit", "days", "state", "since")
    list_select_related = ("instance",)
    list_filter = ("kind", "effect", "state")
    fields = ("instance", "kind", "effect", "limit", "days", "state", "since", "broken_since", "text")


@admin.register(HeldRefresh)
class HeldRefreshAdmin(ReadOnlyAdmin[HeldRefresh]):
    """Results of refreshes that wait for a person."""

    list_display = ("instance", "at", "before", "left_at", "left_by", "taken_at", "taken_by")
    list_select_related = ("instance", "left_by", "taken_by")
    fields = (
        "instance", "at", "reasons", "before", "opened", "left_at", "left_by", "taken_at", "taken_by",
        "touched", "key",
    )  # fmt: skip


@admin.register(HeldCompany)
class HeldCompanyAdmin(ReadOnlyAdmin[HeldCompany]):
    """The companies that would go with such a result."""

    list_display = ("held", "company", "kind")
    list_select_related = ("held__instance", "company")
    list_filter = ("kind",)
    fields = ("held", "company", "kind")
