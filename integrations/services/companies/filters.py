"""The company filter: what can be filtered by, saving it, and what it would do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

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
from integrations.psa.base import CompanyField, Filter, PicklistOption, PSAClient, RemoteCompany
from integrations.psa.fields import option_value
from integrations.psa.registry import provider_for
from integrations.services.audit import Batch, Change, instance_change
from integrations.services.companies.filter_rows import Row, filters_of, rows_of, stored_rows
from integrations.services.instances.credentials import with_current_zone


def type_labels(instance: IntegrationInstance) -> dict[str, str]:
    """The tenant's company types, by value as text."""
    types = instance.options.filter(field__iexact="companyType").order_by("sort_order", "pk")
    return dict(types.values_list("value", "label"))


SAMPLE_SIZE = 8


@dataclass(frozen=True)
class FilterPreview:
    """What a filter would choose: how many companies, a sample, and which mapped companies it leaves out."""

    count: int
    sample: tuple[RemoteCompany, ...]
    dropped: tuple[Company, ...]
    mapped: int


def filter_fields(
    instance: IntegrationInstance, labelled: Collection[str] | None = None
) -> tuple[CompanyField, ...]:
    """The fields a filter may use: the tenant's own once they were read, the usual ones before.

    Only the ``labelled`` ones, by name in any case, bring their values and labels; None: all do. There may be
    thousands of them: owners, countries, parents.
    """
    if not instance.company_fields:
        return tuple(provider_for(instance.psa).default_fields())
    options = _options(instance, labelled)
    return tuple(
        CompanyField(
            **values,
            options=tuple(
                PicklistOption(
                    value=option_value(option.value),
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


def _options(
    instance: IntegrationInstance, labelled: Collection[str] | None
) -> dict[str, list[FilterOption]]:
    """The options by the name of their field."""
    rows = instance.options.all()
    if labelled is not None and "options" not in getattr(instance, "_prefetched_objects_cache", ()):
        wanted = {name.lower() for name in labelled}
        names = [each["name"] for each in instance.company_fields if each["name"].lower() in wanted]
        rows = rows.filter(field__in=names) if names else rows.none()
    options: dict[str, list[FilterOption]] = {}
    for option in rows:
        options.setdefault(option.field, []).append(option)
    return options


def preview_filters(instance: IntegrationInstance, conditions: Sequence[Filter]) -> FilterPreview:
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
    batch: Batch, instance: IntegrationInstance, conditions: Sequence[Filter]
) -> list[CompanyFilter]:
    """Replace the instance's filter rows; takes effect with the next refresh, which then reads everything.

    Raises ValueError for a filter that rows cannot say.
    """
    wanted = rows_of(conditions)
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        before = stored_rows(instance.filters.all())
        rows = _replace(instance, wanted)
        if instance.awaits_choice:  # this is the choice, also where it is for all companies
            IntegrationInstance.objects.filter(pk=instance.pk).update(awaits_choice=False)
        if before != wanted:
            batch.record([_change(Action.FILTER_CHANGED, instance, before, wanted)])
    return rows


@transaction_required
def put_back_filters(
    instance: IntegrationInstance, before: Sequence[Row], after: Sequence[Row]
) -> Change | None:
    """Put the filter rows of a locked instance back; what to record, or None if they changed ``after``."""
    if stored_rows(instance.filters.all()) != after:
        return None
    _replace(instance, before)
    return _change(Action.FILTER_PUT_BACK, instance, after, before)


def _replace(instance: IntegrationInstance, wanted: Sequence[Row]) -> list[CompanyFilter]:
    """Write the rows; the next refresh reads everything when they differ."""
    if stored_rows(instance.filters.all()) != wanted:
        instance.filters_changed_at = timezone.now()
        instance.save(update_fields=["filters_changed_at", "updated_at"])
    instance.filters.all().delete()
    return CompanyFilter.objects.bulk_create(
        CompanyFilter(
            instance=instance,
            position=position,
            field=field,
            operation=operation,
            value=value,
            group=group[0] if group else None,
        )
        for position, (field, operation, value, *group) in enumerate(wanted)
    )


def _change(
    action: Action, instance: IntegrationInstance, before: Sequence[object], after: Sequence[object]
) -> Change:
    return instance_change(action, instance, {"filters": before}, {"filters": after})


def filter_text(
    instance: IntegrationInstance, rows: Iterable[CompanyFilter] | None = None, *, labelled: bool = True
) -> list[str]:
    """The rows of the saved filter as sentences: "Company type equals 1 (Customer)"; alternatives are one.

    Of some ``rows`` only, if they are given; without asking for values' labels where not ``labelled``.
    """
    conditions = conditions_of(instance) if rows is None else filters_of(stored_rows(rows))
    return condition_text(instance, conditions, labelled=labelled)


def condition_text(
    instance: IntegrationInstance, conditions: Iterable[Filter], *, labelled: bool = True
) -> list[str]:
    """Sentences in the words of the filter card, with the instance's present labels; alternatives are one."""
    conditions = list(conditions)
    fields = filter_fields(instance, {row[0] for row in rows_of(conditions)} if labelled else ())
    describe = provider_for(instance.psa).filters.describe
    return [describe(condition, fields) for condition in conditions]


def is_new_filter(instance: IntegrationInstance, conditions: Sequence[Filter] | None = None) -> bool:
    """Whether the saved filter, or these ``conditions``, is another one than the last full read used.

    What was read tells, never a clock; but a release before this one did not keep it.
    """
    conditions = conditions_of(instance) if conditions is None else conditions
    if instance.filters_read is not None:
        return bool(rows_of(conditions) != instance.filters_read)
    changed, read = instance.filters_changed_at, instance.last_full_read_at
    return changed is not None and (read is None or changed > read)


def conditions_of(instance: IntegrationInstance) -> list[Filter]:
    """The instance's company filter as the client takes it."""
    return filters_of(stored_rows(instance.filters.all()))
