"""Mappings, what people have before them, and what they said no to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations.admin.common import (
    NOTHING,
    ConfigurationFilter,
    OutOfForceFilter,
    PsaFilter,
    ReadOnlyAdmin,
    SoftDeleteAdmin,
    company_label,
    lines,
    link,
    list_link,
    psa_label,
)
from integrations.models import (
    AuditEvent,
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.mappings import in_percent
from integrations.services.audit import Batch, actor_of
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.mapping import CompanyNotOffered, OrganizationDeleted, remove_mappings, set_mapping
from integrations.services.suggestions import allow_match, stop_ignoring


class RemovedFilter(OutOfForceFilter):
    """Mappings that were removed keep their row."""

    field = "removed_at"
    words = ("In force", "Removed")


class CompanyChoice(forms.ModelChoiceField[Company]):
    """A company, with its number and configuration beside the name."""

    def label_from_instance(self, obj: Any) -> str:
        """As the search field shows it."""
        return company_label(obj)


class MappingForm(forms.ModelForm[OrganizationMapping]):
    """An organization and its company; ``seen_version`` is the version that the page was opened with."""

    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = OrganizationMapping
        fields = ("organization", "company")
        field_classes = {"company": CompanyChoice}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen_version"] = self.instance.version if self.instance.pk else 0

    def clean(self) -> dict[str, Any]:
        """Refuses what the service would refuse, beside the field that it is about."""
        values = {**(super().clean() or {})}
        company: Company | None = values.get("company")
        organization = values.get("organization") or getattr(self.instance, "organization", None)
        if company is None or organization is None:
            return values
        if company.is_own or company.instance.is_deleted:
            self.add_error("company", "This company is the MSP itself, or its configuration is deleted.")
        if company.is_pending or (company.missing_since is not None and "company" in self.changed_data):
            self.add_error("company", "This company is not in Autotask, or was not read completely yet.")
        if organization.is_deleted:
            self.add_error(None, "The organization is deleted. Restore it first.")
        mapping = organization.mappings.filter(psa=company.instance.psa).select_related("company").first()
        values["seen_version"] = values.get("seen_version") or 0
        if self.instance.pk is None and mapping is not None:
            if mapping.is_in_force:
                self.add_error(
                    "organization",
                    f"It is mapped already, to {mapping.company}. Change that mapping instead.",
                )
            values["seen_version"] = mapping.version  # a removed one comes back in force
        elif self.instance.pk and mapping != self.instance:
            self.add_error("company", "This company belongs to another kind of PSA.")
        elif mapping is not None and mapping.version != values["seen_version"]:
            self.add_error(None, "Somebody has changed this mapping since you opened it. Open it again.")
        return values


@admin.register(OrganizationMapping)
class MappingAdmin(SoftDeleteAdmin[OrganizationMapping]):
    """Which company each organization is."""

    form = MappingForm
    refusals = (ChangedMeanwhile, CompanyNotOffered, OrganizationDeleted)
    list_display = (
        "organization_name", "company_link", "configuration", "source", "share", "confirmed_by",
        "confirmed_at", "version", "removed_at",
    )  # fmt: skip
    list_filter = (RemovedFilter, ("instance", ConfigurationFilter), "source", "confirmed_at")
    search_fields = (
        "organization__name",
        "organization__external_id",
        "company__name",
        "=company__remote_id",
    )
    search_help_text = "Organization, its external id, company or its Autotask id"
    autocomplete_fields = ("organization", "company")
    fields = (
        "organization", "company", "instance", "psa_name", "source", "share", "why", "matcher_version",
        "confirmed_name", "kept_despite", "confirmed_by", "confirmed_at", "version", "removed_at",
        "removed_with_instance", "history", "seen_version",
    )  # fmt: skip

    def history_of(self, row: OrganizationMapping) -> Mapping[str, object]:
        """That of its organization."""
        return {"organization": row.organization_id}

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrganizationMapping]:
        """With what the label of a row needs; the few configurations are read once, not for every row."""
        mappings = super().get_queryset(request).select_related("organization", "company", "confirmed_by")
        return mappings.prefetch_related("instance", "company__instance")

    def get_fields(self, request: HttpRequest, obj: OrganizationMapping | None = None) -> Any:
        """A new one is an organization and a company; the rest follows."""
        return self.fields if obj else ("organization", "company", "seen_version")

    def get_readonly_fields(self, request: HttpRequest, obj: OrganizationMapping | None = None) -> Any:
        """All but the company: another organization is another row."""
        editable = {"company", "seen_version"}
        return [name for name in self.get_fields(request, obj) if name not in editable] if obj else ()

    def save_model(self, request: HttpRequest, obj: OrganizationMapping, form: Any, change: bool) -> None:
        """Through the service; a removed mapping that is saved comes back in force."""
        values = form.cleaned_data
        stored = set_mapping(
            Batch(actor_of(request)), obj.organization, values["company"], seen_version=values["seen_version"]
        )
        obj.pk = stored.pk

    def delete_model(self, request: HttpRequest, obj: OrganizationMapping) -> None:
        """Take it out of force; the row stays."""
        remove_mappings(Batch(actor_of(request)), [obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OrganizationMapping]) -> None:
        """Take them out of force, in one batch that undo can bring back."""
        remove_mappings(Batch(actor_of(request)), list(queryset.values_list("pk", flat=True)))

    @admin.display(description="organization", ordering="organization__name")
    def organization_name(self, mapping: OrganizationMapping) -> str:
        """Its name, as the link to the mapping."""
        return mapping.organization.name

    @admin.display(description="company", ordering="company__name")
    def company_link(self, mapping: OrganizationMapping) -> str:
        """To the company."""
        return link(mapping.company)

    @admin.display(description="confidence", ordering="confidence")
    def share(self, mapping: OrganizationMapping) -> str:
        """In percent; a choice by hand has none."""
        return NOTHING if mapping.confidence is None else in_percent(mapping.confidence)

    @admin.display(description="reasons")
    def why(self, mapping: OrganizationMapping) -> str:
        """What the matcher said."""
        return lines(mapping.reasons)

    @admin.display(description="history")
    def history(self, mapping: OrganizationMapping) -> str:
        """Everything that the audit knows of it."""
        key = {"target_type": "mapping", "target_id": mapping.organization_id}
        return list_link(AuditEvent, "Changes of this mapping", **key)


@admin.register(MappingProposal)
class ProposalAdmin(ReadOnlyAdmin[MappingProposal]):
    """What people have before them but have not saved. Can be thrown away, also along with its person."""

    list_display = (
        "organization",
        "user",
        "configuration",
        "company",
        "kind",
        "selected",
        "tier",
        "updated_at",
    )
    list_select_related = ("organization", "user", "instance", "company")
    list_filter = (("instance", ConfigurationFilter), "kind", "selected", "tier", "user")
    search_fields = ("organization__name", "company__name", "user__username")

    def has_delete_permission(self, request: HttpRequest, obj: MappingProposal | None = None) -> bool:
        """Nothing that was saved is lost with it."""
        return True


@admin.register(RejectedMatch)
class RejectedMatchAdmin(ReadOnlyAdmin[RejectedMatch]):
    """Pairs that people said no to. Deleting one lets the pair be proposed again."""

    list_display = ("organization", "company_name", "instance_name", "rejected_by", "rejected_at")
    list_select_related = ("organization", "company__instance", "rejected_by")
    list_filter = ("rejected_by", "rejected_at")
    search_fields = ("organization__name", "company_name")
    date_hierarchy = "rejected_at"

    def history_of(self, row: RejectedMatch) -> Mapping[str, object]:
        """That of its organization."""
        return {"organization": row.organization_id}

    @admin.display(description="configuration")
    def instance_name(self, match: RejectedMatch) -> str:
        """Where the company is from."""
        return match.company.instance.name

    def has_delete_permission(self, request: HttpRequest, obj: RejectedMatch | None = None) -> bool:
        """Taking a no back."""
        return True

    def delete_model(self, request: HttpRequest, obj: RejectedMatch) -> None:
        """Through the service, which audits."""
        allow_match(Batch(actor_of(request)), obj.company.instance, obj.organization, obj.company)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RejectedMatch]) -> None:
        for match in queryset.select_related("organization", "company__instance"):
            self.delete_model(request, match)


@admin.register(IgnoredOrganization)
class IgnoredOrganizationAdmin(ReadOnlyAdmin[IgnoredOrganization]):
    """Organizations that are deliberately not mapped. Deleting a row brings one back into the open work."""

    list_display = ("organization", "psa_name", "ignored_by", "ignored_at")
    list_select_related = ("organization", "ignored_by")
    list_filter = (("psa", PsaFilter),)
    search_fields = ("organization__name",)
    date_hierarchy = "ignored_at"

    def history_of(self, row: IgnoredOrganization) -> Mapping[str, object]:
        """That of its organization."""
        return {"organization": row.organization_id}

    def has_delete_permission(self, request: HttpRequest, obj: IgnoredOrganization | None = None) -> bool:
        """Taking it back."""
        return True

    def delete_model(self, request: HttpRequest, obj: IgnoredOrganization) -> None:
        """Through the service, which audits under a configuration of the PSA."""
        instance = (
            IntegrationInstance.objects.filter(psa=obj.psa).order_by("deleted_at", "-is_default").first()
        )
        if instance is None:
            self.message_user(
                request, f"There is no configuration of {psa_label(obj.psa)} any more.", messages.ERROR
            )
        else:
            stop_ignoring(Batch(actor_of(request)), instance, obj.organization)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[IgnoredOrganization]) -> None:
        for row in queryset.select_related("organization"):
            self.delete_model(request, row)
