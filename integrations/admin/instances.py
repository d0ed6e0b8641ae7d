"""Configurations: what they are called is changed here, their connection on the setup page.

Credentials are never on an admin page, not even as a mask; it says when and by whom they were set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.timezone import localtime

from integrations.admin.common import (
    NOTHING,
    DeletedFilter,
    PsaFilter,
    SoftDeleteAdmin,
    lines,
    list_link,
    table,
    user_of,
)
from integrations.models import (
    AuditEvent,
    Company,
    CompanyFilter,
    FilterOption,
    IntegrationInstance,
    Job,
    OrganizationMapping,
)
from integrations.psa.registry import PROVIDERS
from integrations.services.audit import Batch, actor_of
from integrations.services.companies import filter_text
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.instances import (
    InstanceDetails,
    NameTaken,
    NotRestorable,
    check_connection,
    delete_instance,
    describe_instance,
    restore_instance,
)
from integrations.tasks import enqueue_refresh


class InstanceForm(forms.ModelForm[IntegrationInstance]):
    """What a configuration is called; ``seen`` is how it was called when the page was opened."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = IntegrationInstance
        fields = ("name", "description", "is_default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = json.dumps(asdict(InstanceDetails.of(self.instance)))

    def clean(self) -> dict[str, Any]:
        """Refuses a name in use, and a configuration that was renamed since."""
        values = {**(super().clean() or {})}
        others = (
            IntegrationInstance.objects.present().filter(psa=self.instance.psa).exclude(pk=self.instance.pk)
        )
        if others.filter(name__iexact=values.get("name", "")).exists():
            self.add_error("name", "Another configuration has this name.")
        if values.get("seen") != self.initial["seen"]:
            self.add_error(
                None, "Somebody has changed this configuration since you opened it. Open it again."
            )
        return values


@admin.register(IntegrationInstance)
class InstanceAdmin(SoftDeleteAdmin[IntegrationInstance]):
    """Configurations."""

    form = InstanceForm
    refusals = (ChangedMeanwhile, NameTaken)
    list_display = (
        "name", "psa_name", "is_default", "status", "zone_name", "company_count", "mapping_count",
        "last_checked_at", "last_refreshed_at", "deleted_at",
    )  # fmt: skip
    list_filter = (DeletedFilter, ("psa", PsaFilter), "status")
    search_fields = ("name", "description", "username", "zone_name")
    actions = ("validate", "refresh", "restore")
    fieldsets = (
        (None, {"fields": ("name", "description", "is_default", "psa_name", "setup_page", "seen")}),
        (
            "Connection",
            {
                "fields": (
                    "status", "username", "secrets", "zone", "zone_name", "api_url", "web_url", "database_id",
                    "last_checked_at", "check_steps",
                ),
                "description": "Credentials and platform are changed on the setup page, which checks them "
                "before it stores them.",
            },
        ),
        (
            "Companies",
            {
                "fields": (
                    "last_refreshed_at", "last_full_read_at", "failing_since", "failed_reads", "warnings",
                    "filters", "related",
                )
            },
        ),
        ("Life", {"fields": ("key", "created_at", "updated_at", "deleted_at", "deleted_by")}),
    )  # fmt: skip
    readonly_fields = (
        "psa_name", "setup_page", "status", "username", "secrets", "zone", "zone_name", "api_url", "web_url",
        "database_id", "last_checked_at", "check_steps", "last_refreshed_at", "last_full_read_at",
        "failing_since", "failed_reads", "warnings", "filters", "related", "key", "created_at",
        "updated_at", "deleted_at", "deleted_by",
    )  # fmt: skip

    def history_of(self, row: IntegrationInstance) -> Mapping[str, object]:
        """Of everything in it."""
        return {"instance": row.pk}

    def get_queryset(self, request: HttpRequest) -> QuerySet[IntegrationInstance]:
        """With the numbers of companies and mappings; never with the sealed credentials."""

        def count(model: Any, condition: Q) -> Coalesce:
            rows = model.objects.filter(condition, instance=OuterRef("pk")).order_by().values("instance")
            return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)

        return (
            super()
            .get_queryset(request)
            .defer("credentials")
            .select_related("deleted_by")
            .annotate(
                companies_present=count(Company, Q(missing_since=None, in_filter=True)),
                mappings_present=count(OrganizationMapping, Q(removed_at=None)),
            )
        )

    def has_change_permission(self, request: HttpRequest, obj: IntegrationInstance | None = None) -> bool:
        """A deleted one is restored first."""
        return super().has_change_permission(request, obj) and (obj is None or not obj.is_deleted)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A new one needs credentials that were checked: the portal's own page does both."""
        psa = request.GET.get("psa", "")
        known = psa if psa in PROVIDERS else next(iter(PROVIDERS))
        return HttpResponseRedirect(reverse("integrations:instance_add", args=[known]))

    def save_model(self, request: HttpRequest, obj: IntegrationInstance, form: Any, change: bool) -> None:
        """Through the service, which audits and keeps one default a PSA."""
        seen = InstanceDetails(**json.loads(form.initial["seen"]))
        values = {name: form.cleaned_data[name] for name in ("name", "description", "is_default")}
        describe_instance(Batch(actor_of(request)), obj, InstanceDetails(**values), seen=seen)

    def delete_model(self, request: HttpRequest, obj: IntegrationInstance) -> None:
        """Softly; its mappings go with it and come back with it."""
        self._delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[IntegrationInstance]) -> None:
        """Softly, one after the other."""
        for instance in queryset.filter(deleted_at=None):
            self._delete(request, instance)

    def _delete(self, request: HttpRequest, instance: IntegrationInstance) -> None:
        count = delete_instance(Batch(actor_of(request)), instance)
        text = f"“{instance}” can be restored for 30 days, with its mappings ({count:,})."
        self.message_user(request, text, messages.WARNING)

    # --- what is shown ---

    @admin.display(description="companies", ordering="companies_present")
    def company_count(self, instance: IntegrationInstance) -> str:
        """Those that the last complete read returned."""
        return list_link(
            Company, f"{getattr(instance, 'companies_present', 0):,}", instance__id__exact=instance.pk
        )

    @admin.display(description="mappings", ordering="mappings_present")
    def mapping_count(self, instance: IntegrationInstance) -> str:
        """Those in force."""
        number = f"{getattr(instance, 'mappings_present', 0):,}"
        return list_link(OrganizationMapping, number, instance__id__exact=instance.pk)

    @admin.display(description="setup page")
    def setup_page(self, instance: IntegrationInstance) -> str:
        """Where credentials, filter and mappings are edited."""
        if instance.is_deleted:
            return NOTHING
        return format_html('<a href="{}">Credentials, filter, mappings</a>', instance.get_absolute_url())

    @admin.display(description="secrets")
    def secrets(self, instance: IntegrationInstance) -> str:
        """When and by whom each was set. That is all there is to see."""
        return lines(
            f"{name.replace('_', ' ').capitalize()}: set on {_day(facts['at'])} by {facts['by']}"
            for name, facts in instance.secrets_set.items()
        )

    @admin.display(description="last check, step by step")
    def check_steps(self, instance: IntegrationInstance) -> str:
        """As the setup page shows it."""
        steps = instance.last_check.get("steps", [])
        rows = ((step["title"], step["state"], step["detail"], step["next_step"]) for step in steps)
        return table(("Step", "Result", "Found", "Next step"), rows) if steps else NOTHING

    @admin.display(description="company filter")
    def filters(self, instance: IntegrationInstance) -> str:
        """The rows of the filter."""
        return lines(filter_text(instance))

    @admin.display(description="what reads could not take over")
    def warnings(self, instance: IntegrationInstance) -> str:
        """As the setup page says it."""
        return lines(each.text for each in (*instance.field_warnings, *instance.company_warnings))

    @admin.display(description="rows of this configuration")
    def related(self, instance: IntegrationInstance) -> str:
        """To the admin's lists."""
        key = {"instance__id__exact": instance.pk}
        return lines(
            [
                list_link(Company, "Companies", **key),
                list_link(OrganizationMapping, "Mappings", **key),
                list_link(FilterOption, "Picklist options", **key),
                list_link(CompanyFilter, "Filter rows", **key),
                list_link(Job, "Jobs", **key),
                list_link(AuditEvent, "Audit", **key),
            ]
        )

    # --- actions ---

    @admin.action(description="Validate: test the connection now", permissions=["change"])
    def validate(self, request: HttpRequest, queryset: QuerySet[IntegrationInstance]) -> None:
        """Check the stored credentials with the PSA. Django runs actions outside a transaction."""
        for instance in queryset.filter(deleted_at=None):
            report = check_connection(Batch(actor_of(request)), instance, unless_refused=True)
            if report.passed:
                self.message_user(request, f"{instance}: the connection works.", messages.SUCCESS)
                continue
            failed = next(step for step in report.steps if step.state.value == "failed")
            text = f"{instance}: {failed.title}. {failed.detail} {failed.next_step}"
            self.message_user(request, " ".join(text.split()), messages.ERROR)

    @admin.action(description="Refresh options in the background", permissions=["change"])
    def refresh(self, request: HttpRequest, queryset: QuerySet[IntegrationInstance]) -> None:
        """Queue a refresh of each, unless one waits or runs already."""
        for instance in queryset.filter(deleted_at=None):
            job = enqueue_refresh(instance, user_of(request))
            text = format_html("{}: {}", instance, list_link(Job, str(job), instance__id__exact=instance.pk))
            self.message_user(request, text, messages.SUCCESS)

    @admin.action(description="Restore deleted configurations", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[IntegrationInstance]) -> None:
        """Bring each back with its mappings, where that is still possible."""
        for instance in queryset.exclude(deleted_at=None):
            try:
                restored, lost = restore_instance(Batch(actor_of(request)), instance)
            except NotRestorable as refusal:
                self.message_user(request, f"{instance}: {refusal}", messages.ERROR)
            else:
                text = f"restored. Mappings that came back: {restored:,}; elsewhere by now: {lost:,}."
                self.message_user(request, f"{instance}: {text}", messages.SUCCESS)


def _day(text: str) -> str:
    moment = parse_datetime(text)
    return f"{localtime(moment):%Y-%m-%d %H:%M}" if moment else text
