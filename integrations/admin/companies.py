"""Companies, picklist options and filter rows: copies and settings that are read here, changed elsewhere."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import CharField, Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from integrations.admin.common import NOTHING, ConfigurationFilter, ReadOnlyAdmin, lines, link
from integrations.models import Company, CompanyFilter, FilterOption, OrganizationMapping
from integrations.services.companies import filter_text

LISTED_ORGANIZATIONS = 50


@admin.register(Company)
class CompanyAdmin(ReadOnlyAdmin[Company]):
    """The last seen copies of companies."""

    list_display = (
        "name", "remote_id", "configuration", "type_label", "is_active", "city", "mapped", "where",
        "missing_since",
    )  # fmt: skip
    list_select_related = ("instance",)
    list_filter = (
        ("instance", ConfigurationFilter),
        "is_active",
        "in_filter",
        ("missing_since", admin.EmptyFieldListFilter),
    )
    search_fields = ("name", "number", "=remote_id", "web_address", "city", "=tax_id", "=user_value")
    search_help_text = "Name, number, Autotask id, web address, city, tax id or user-defined value"
    fieldsets = (
        (None, {"fields": ("name", "remote_id", "number", "type_label", "is_active", "parent_id")}),
        ("Where it is", {"fields": ("web_address", "phone", "city", "state", "postal_code")}),
        ("What other tools know it by", {"fields": ("tax_id", "user_value")}),
        (
            "In the portal",
            {
                "fields": (
                    "configuration",
                    "organizations",
                    "where",
                    "last_seen_at",
                    "modified_at",
                    "missing_since",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        """With the type's label of the tenant's own picklist, and how many organizations are mapped to it."""
        label = FilterOption.objects.filter(
            instance=OuterRef("instance"),
            field="companyType",
            value=Cast(OuterRef("company_type"), CharField()),
        )
        mapped = (
            OrganizationMapping.objects.present()
            .filter(company=OuterRef("pk"))
            .order_by()
            .values("company")
            .annotate(number=Count("pk"))
        )
        return (
            super()
            .get_queryset(request)
            .select_related("instance")
            .annotate(
                type_name=Subquery(label.values("label")[:1]),
                mapping_count=Coalesce(Subquery(mapped.values("number")), 0),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Company], search_term: str
    ) -> tuple[QuerySet[Company], bool]:
        """A search field offers only what an organization can be mapped to."""
        if request.path == reverse("admin:autocomplete"):
            queryset = queryset.filter(missing_since=None, in_filter=True, instance__deleted_at=None)
            queryset = queryset.exclude(remote_id="0")
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="type", ordering="company_type")
    def type_label(self, company: Company) -> str:
        """As the tenant calls it."""
        if company.company_type is None:
            return NOTHING
        return f"{company.company_type} {getattr(company, 'type_name', None) or ''}".strip()

    @admin.display(description="where", ordering="in_filter")
    def where(self, company: Company) -> str:
        """Inside the filter, outside it, or gone."""
        return company.place.label

    @admin.display(description="mapped", ordering="mapping_count")
    def mapped(self, company: Company) -> int:
        """How many organizations."""
        return int(getattr(company, "mapping_count", 0))

    @admin.display(description="organizations")
    def organizations(self, company: Company) -> str:
        """Those that are mapped to it."""
        mappings = company.mappings.present().select_related("organization")
        return lines(link(mapping, mapping.organization.name) for mapping in mappings[:LISTED_ORGANIZATIONS])


@admin.register(FilterOption)
class FilterOptionAdmin(ReadOnlyAdmin[FilterOption]):
    """The tenants' picklists."""

    list_display = ("label", "field_label", "value", "configuration", "is_active", "is_system")
    list_select_related = ("instance",)
    list_filter = (("instance", ConfigurationFilter), "field", "is_active", "is_system")
    search_fields = ("label", "field", "=value")
    fields = ("label", "field_label", "value", "configuration", "is_active", "is_system", "sort_order")

    @admin.display(description="field", ordering="field")
    def field_label(self, option: FilterOption) -> str:
        """As the tenant calls it."""
        fields = option.instance.company_fields
        return next((each["label"] for each in fields if each["name"] == option.field), "") or option.field


@admin.register(CompanyFilter)
class CompanyFilterAdmin(ReadOnlyAdmin[CompanyFilter]):
    """Rows of company filters. They are edited on the setup page, which checks them and previews them."""

    list_display = ("sentence", "configuration", "position", "edit")
    list_select_related = ("instance",)
    list_filter = (("instance", ConfigurationFilter),)
    search_fields = ("field",)
    fields = ("sentence", "configuration", "position", "field", "operation", "value", "group", "edit")

    @admin.display(description="filter", ordering="field")
    def sentence(self, row: CompanyFilter) -> str:
        """As the filter card says it; without the labels of values, each of which would cost a query."""
        return "; ".join(filter_text(row.instance, [row], labelled=False))

    @admin.display(description="edit")
    def edit(self, row: CompanyFilter) -> str:
        """To the card that edits it."""
        if row.instance.is_deleted:
            return NOTHING
        return format_html(
            '<a href="{}?open=filter#filters">On the setup page</a>', row.instance.get_absolute_url()
        )
