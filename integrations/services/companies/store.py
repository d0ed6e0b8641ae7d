"""Keeping the copies of a tenant's picklists and companies: only what differs is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from integrations.models import Company, FilterOption, IntegrationInstance
from integrations.psa.base import CompanyMetadata, RemoteCompany

COPIED = (
    "name", "number", "company_type", "is_active", "web_address", "phone", "city", "state", "postal_code",
    "parent_id", "tax_id", "user_value", "modified_at",
)  # fmt: skip
OPTION_VALUES = ("label", "is_active", "is_system", "sort_order")
CHUNK = 500


def store_fields(instance: IntegrationInstance, metadata: CompanyMetadata) -> int:
    """Keep field metadata and picklist options; an option that the tenant no longer has becomes inactive.

    What could not be read stays as it was known.
    """
    fields = metadata.fields
    if not fields:
        return 0
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
        batch_size=500,
    )
    answered = {(row.field, row.value) for row in rows}
    gone = [
        option.pk
        for key, option in known.items()
        if option.is_active and key not in answered and option.field not in metadata.unsure
    ]
    instance.options.filter(pk__in=gone).update(is_active=False)
    described: list[dict[str, Any]] = []
    for each in fields:
        values = asdict(each)
        values.pop("options")
        described.append(values)
    if described != instance.company_fields:
        IntegrationInstance.objects.filter(pk=instance.pk).update(company_fields=described)
    return len(rows)


def _is_known(option: FilterOption, known: FilterOption | None) -> bool:
    return known is not None and all(getattr(option, name) == getattr(known, name) for name in OPTION_VALUES)


def store_companies(
    instance: IntegrationInstance, companies: Collection[RemoteCompany], seen_at: dt.datetime
) -> tuple[int, int]:
    """Insert or update copies; returns how many are new and how many differ from the last copy.

    New ones are pending, and none is brought back or left out: what comes after a complete read does that.
    A copy that is still true is not written: a read of 20,000 that changed nothing writes no row.
    """
    known = {
        remote_id: held
        for remote_id, *held in instance.companies.filter(
            remote_id__in=[company.id for company in companies]
        ).values_list("remote_id", *COPIED)
    }
    rows: list[Company] = []  # new, or different from the last copy
    unchanged = 0
    for company in companies:
        values = [getattr(company, name) for name in COPIED]
        if known.get(company.id) == values:
            unchanged += 1
        else:
            copied = dict(zip(COPIED, values, strict=True))
            rows.append(
                Company(instance=instance, remote_id=company.id, seen_at=seen_at, is_pending=True, **copied)
            )
    Company.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instance", "remote_id"],
        update_fields=[*COPIED, "seen_at"],
        batch_size=500,
    )
    different = len(known) - unchanged
    return len(rows) - different, different
