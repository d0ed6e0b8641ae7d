"""Picklist options and labels of a tenant's fields; only what differs is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from integrations.models import FilterOption, IntegrationInstance
from integrations.psa.base import CompanyField

OPTION_VALUES = ("label", "is_active", "is_system", "sort_order")
CHUNK = 500


def write_options(
    instance: IntegrationInstance, fields: Iterable[CompanyField], given: Collection[str]
) -> int:
    """Keep the options of the fields; how many they are.

    An option that is not among them any more becomes inactive, where its field is one of which all were
    ``given``, by name.
    """
    rows = [
        FilterOption(
            instance=instance,
            field=field.name,
            value=str(option.value),
            label=option.label[:200],
            is_active=option.is_active,
            is_system=option.is_system,
            sort_order=option.sort_order,
        )
        for field in fields
        for option in field.options
    ]
    known = {(row.field, row.value): row for row in instance.options.all()}
    FilterOption.objects.bulk_create(
        [row for row in rows if not _is_known(row, known.get((row.field, row.value)))],
        update_conflicts=True,
        unique_fields=["instance", "field", "value"],
        update_fields=OPTION_VALUES,
        batch_size=CHUNK,
    )
    answered = {(row.field, row.value) for row in rows}
    gone = [
        option.pk
        for key, option in known.items()
        if option.is_active and option.field in given and key not in answered
    ]
    for start in range(0, len(gone), CHUNK):
        instance.options.filter(pk__in=gone[start : start + CHUNK]).update(is_active=False)
    return len(rows)


def _is_known(option: FilterOption, known: FilterOption | None) -> bool:
    return known is not None and all(getattr(option, name) == getattr(known, name) for name in OPTION_VALUES)
