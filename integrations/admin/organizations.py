"""Organizations, changed by the same service as on their own page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from integrations.admin.common import DeletedFilter, ReadOnlyAdmin, SoftDeleteAdmin, lines, link, list_link
from integrations.models import AuditEvent, Organization, OrganizationIdentifier
from integrations.services.audit import Batch, actor_of
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.organizations import (
    ExternalIdTaken,
    ValueProblem,
    add_organization,
    change_organization,
    delete_organization,
    read_value,
    restore_organization,
)

TEXTS = tuple(name for name in Organization.EDITABLE if name != "is_active")


class OrganizationForm(forms.ModelForm[Organization]):
    """One organization, its values read as everywhere else; ``seen`` is when it had last changed."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Organization
        fields = Organization.EDITABLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen"] = self.instance.updated_at.isoformat()

    def clean(self) -> dict[str, Any]:
        """Values in their normal form; refuses an external id in use, and a row that has changed since."""
        values = {**(super().clean() or {})}
        for name in TEXTS:
            if name in values:
                try:
                    values[name] = read_value(name, values[name]) or ""
                except ValueProblem as problem:
                    self.add_error(name, f"{str(problem)[0].upper()}{str(problem)[1:]}.")
        external_id = values.get("external_id")
        others = Organization.objects.present().exclude(pk=self.instance.pk)
        if external_id and others.filter(external_id=external_id).exists():
            self.add_error("external_id", "Another organization has this external id.")
        if self.instance.pk and values.get("seen") != self.initial["seen"]:
            self.add_error(None, "Somebody has changed this organization since you opened it. Open it again.")
        return values


@admin.register(Organization)
class OrganizationAdmin(SoftDeleteAdmin[Organization]):
    """Our customers."""

    form = OrganizationForm
    refusals = (ChangedMeanwhile, ExternalIdTaken)
    list_display = ("name", "external_id", "domain", "city", "state", "is_active", "updated_at", "deleted_at")
    list_filter = (DeletedFilter, "is_active")
    search_fields = ("name", "external_id", "domain", "city", "identifiers__value")
    search_help_text = "Name, external id, an id of another tool, domain or city"
    date_hierarchy = "created_at"
    actions = ("deactivate", "activate", "restore")
    fieldsets = (
        (None, {"fields": ("name", "external_id", "is_active", "seen")}),
        ("For suggestions", {"fields": ("domain", "phone", "city", "state", "postal_code")}),
        (
            "In the portal",
            {"fields": ("known_ids", "mapped_to", "history", "created_at", "updated_at", "deleted_at")},
        ),
    )
    readonly_fields = ("known_ids", "mapped_to", "history", "created_at", "updated_at", "deleted_at")

    def history_of(self, row: Organization) -> Mapping[str, object]:
        """Of itself and its mappings."""
        return {"organization": row.pk}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Organization], search_term: str
    ) -> tuple[QuerySet[Organization], bool]:
        """A search field offers no deleted ones."""
        if request.path == reverse("admin:autocomplete"):
            queryset = queryset.filter(deleted_at=None)
        return super().get_search_results(request, queryset, search_term)

    def has_change_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """A deleted one is restored first."""
        return super().has_change_permission(request, obj) and (obj is None or not obj.is_deleted)

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """Through the service, which audits; the form has seen to what it could refuse."""
        actor, values = actor_of(request), form.cleaned_data
        if change:
            seen = dt.datetime.fromisoformat(values["seen"])
            change_organization(Batch(actor), obj, values, seen)
        else:
            obj.pk = add_organization(Batch(actor), values).pk

    def delete_model(self, request: HttpRequest, obj: Organization) -> None:
        delete_organization(Batch(actor_of(request)), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Softly, one after the other."""
        for organization in queryset:
            delete_organization(Batch(actor_of(request)), organization)

    # --- links ---

    @admin.display(description="known elsewhere as")
    def known_ids(self, organization: Organization) -> str:
        """The ids that other tools have for it."""
        return lines(map(str, organization.identifiers.all() if organization.pk else ()))

    @admin.display(description="mapped to")
    def mapped_to(self, organization: Organization) -> str:
        """The mapping of each PSA."""
        mappings = organization.mappings.present().select_related("company__instance")
        return lines(
            link(mapping, f"{mapping.company.name} ({mapping.company.instance})") for mapping in mappings
        )

    @admin.display(description="history")
    def history(self, organization: Organization) -> str:
        """Everything that the audit knows of it."""
        if organization.pk is None:
            return ""
        return lines(
            list_link(AuditEvent, f"Changes of {what}", target_type=kind, target_id=organization.pk)
            for kind, what in (("organization", "the organization"), ("mapping", "its mappings"))
        )

    # --- actions ---

    @admin.action(description="Make inactive: not suggested any more", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Take them out of the open work."""
        self._set_active(request, queryset, active=False)

    @admin.action(description="Make active again", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Bring them back into the open work."""
        self._set_active(request, queryset, active=True)

    def _set_active(self, request: HttpRequest, queryset: QuerySet[Organization], *, active: bool) -> None:
        changed = 0
        for organization in queryset.filter(deleted_at=None):
            values = {"is_active": active}
            try:
                changed += change_organization(
                    Batch(actor_of(request)), organization, values, organization.updated_at
                )
            except ChangedMeanwhile:
                self.message_user(request, f"{organization} was being changed by somebody.", messages.WARNING)
        self.message_user(request, f"{changed:,} changed.")

    @admin.action(description="Restore deleted organizations", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Bring them back, unless another one has the external id by now."""
        restored = 0
        for organization in queryset.exclude(deleted_at=None):
            try:
                restore_organization(Batch(actor_of(request)), organization)
                restored += 1
            except ExternalIdTaken as taken:
                self.message_user(request, f"{organization}: {taken}", messages.ERROR)
        self.message_user(request, f"{restored:,} restored.")


@admin.register(OrganizationIdentifier)
class IdentifierAdmin(ReadOnlyAdmin[OrganizationIdentifier]):
    """Ids by which other tools know organizations; imports bring them."""

    list_display = ("organization", "kind", "value", "source", "created_at")
    list_select_related = ("organization",)
    list_filter = ("kind", "source")
    search_fields = ("value", "organization__name")
    fields = ("organization", "kind", "value", "source", "created_at")
