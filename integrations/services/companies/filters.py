"""The company filter: what can be filtered by, saving it, and what it would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import (
    Company,
    CompanyFilter,
    FilterOption,
    IntegrationInstance,
    OrganizationMapping,
)
from integrations.models.audit import Action
from integrations.psa.base import CompanyField, FilterCondition, PicklistOption, PSAClient, RemoteCompany
from integrations.psa.registry import provider_for
from integrations.services.audit import Batch, Change, instance_change
from integrations.services.instances.connect import with_current_zone


def type_labels(instance: IntegrationInstance) -> dict[str, str]:
    """The tenant's company types, by value as text."""
    return dict(instance.options.filter(field__iexact="companyType").values_list("value", "label"))


SAMPLE_SIZE = 8


@dataclass(frozen=True)
class FilterPreview:
    """What a filter would choose: how many companies, a sample, and which mapped companies it leaves out."""

    count: int
    sample: tuple[RemoteCompany, ...]
    dropped: tuple[Company, ...]
    mapped: int


def filter_fields(instance: IntegrationInstance) -> tuple[CompanyField, ...]:
    """The fields a filter may use: the tenant's own once they were read, the usual ones before."""
    if not instance.company_fields:
        return tuple(provider_for(instance.psa).default_fields())
    options: dict[str, list[FilterOption]] = {}
    for option in instance.options.all():
        options.setdefault(option.field, []).append(option)
    return tuple(
        CompanyField(
            **values,
            options=tuple(
                PicklistOption(
                    value=int(option.value) if option.value.lstrip("-").isdecimal() else option.value,
                    label=option.label,
                    is_active=option.is_active,
                    is_system=option.is_system,
                    sort_order=option.sort_order,
                )
                for option in options.get(values["name"], [])
            ),
        )
        for values in instance.company_fields
        if values["is_queryable"]
    )


def preview_filters(instance: IntegrationInstance, conditions: Sequence[FilterCondition]) -> FilterPreview:
    """Ask the PSA what the filter would choose. Raises PSAError. Writes nothing."""
    mappings = OrganizationMapping.objects.in_tables().filter(instance=instance)
    mapped = list(instance.companies.filter(missing_since=None, pk__in=mappings.values("company")))

    def ask(client: PSAClient) -> tuple[int, tuple[RemoteCompany, ...], frozenset[str]]:
        count = client.count_companies(conditions)
        sample = client.sample_companies(conditions, SAMPLE_SIZE)
        return count, sample, client.ids_in_filter(conditions, [company.remote_id for company in mapped])

    count, sample, inside = with_current_zone(instance, ask)
    dropped = tuple(company for company in mapped if company.remote_id not in inside)
    return FilterPreview(count, sample, dropped, len(mapped))


def save_filters(
    batch: Batch, instance: IntegrationInstance, conditions: Sequence[FilterCondition]
) -> list[CompanyFilter]:
    """Replace the instance's filter rows; takes effect with the next refresh, which then reads everything."""
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        before = filters_as_json(instance.filters.all())
        wanted = [
            [each.field, each.operation, list(each.value) if isinstance(each.value, tuple) else each.value]
            for each in conditions
        ]
        rows = _replace(instance, wanted)
        if before != wanted:
            batch.record([_change(Action.FILTER_CHANGED, instance, before, wanted)])
    return rows


@transaction_required
def put_back_filters(
    instance: IntegrationInstance, before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]
) -> Change | None:
    """Put the filter rows of a locked instance back; what to record, or None if they changed ``after``."""
    if filters_as_json(instance.filters.all()) != after:
        return None
    _replace(instance, before)
    return _change(Action.FILTER_PUT_BACK, instance, after, before)


def _replace(instance: IntegrationInstance, wanted: Sequence[Sequence[Any]]) -> list[CompanyFilter]:
    """Write the rows [field, operation, value]; the next refresh reads everything when they differ."""
    if filters_as_json(instance.filters.all()) != wanted:
        instance.filters_changed_at = timezone.now()
        instance.save(update_fields=["filters_changed_at", "updated_at"])
    instance.filters.all().delete()
    return CompanyFilter.objects.bulk_create(
        CompanyFilter(instance=instance, position=position, field=field, operation=operation, value=value)
        for position, (field, operation, value) in enumerate(wanted)
    )


def _change(
    action: Action, instance: IntegrationInstance, before: Sequence[object], after: Sequence[object]
) -> Change:
    return instance_change(action, instance, {"filters": before}, {"filters": after})


def filter_text(instance: IntegrationInstance) -> list[str]:
    """Each row of the saved filter as a sentence: "Company type equals 1 (Customer)"."""
    return condition_text(instance, conditions_of(instance))


def condition_text(instance: IntegrationInstance, conditions: Iterable[FilterCondition]) -> list[str]:
    """Each condition as a sentence in the words of the filter card, with the instance's present labels."""
    describe, fields = provider_for(instance.psa).filters.describe, filter_fields(instance)
    return [describe(condition, fields) for condition in conditions]


def conditions_of(instance: IntegrationInstance) -> list[FilterCondition]:
    """The instance's company filter as the client takes it."""
    return [condition_of(row.field, row.operation, row.value) for row in instance.filters.all()]


def condition_of(field: str, operation: str, value: Any) -> FilterCondition:
    """A row of the filter, as the database or the audit keeps it, as the client takes it."""
    return FilterCondition(field, operation, tuple(value) if isinstance(value, list) else value)


def filters_as_json(rows: Iterable[CompanyFilter]) -> list[list[Any]]:
    """Filter rows as the audit and exports hold them: [field, operation, value]."""
    return [[row.field, row.operation, row.value] for row in rows]
