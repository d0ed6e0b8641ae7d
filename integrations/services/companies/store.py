"""Keeping the copies of a tenant's picklists and companies: only what differs is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import NamedTuple

from integrations.models import Company, IntegrationInstance
from integrations.models.drift import Changed
from integrations.psa.base import CompanyMetadata, RemoteCompany
from integrations.services.companies.changes import differences
from integrations.services.companies.fields import is_own, kept_fields
from integrations.services.companies.options import write_options

COPIED = (
    "name", "number", "company_type", "is_active", "web_address", "phone", "city", "state", "postal_code",
    "parent_id", "tax_id", "user_value", "modified_at",
)  # fmt: skip
CHUNK = 500


class Stored(NamedTuple):
    """What came of storing companies: how many are new, how many differ, and what of them."""

    created: int
    changed: int
    changes: list[Changed]


def store_fields(instance: IntegrationInstance, metadata: CompanyMetadata) -> int:
    """Keep field metadata and picklist options; an option that the tenant no longer has becomes inactive.

    What could not be read stays as it was known, and so does what belongs to a full read (``fields.py``).
    """
    fields = metadata.fields
    if not fields:
        return 0
    known = {option.field for option in instance.options.all()}
    labelled = {field.name for field in fields if field.is_reference and not field.is_picklist}
    given = {name for name in known if not is_own(name)} - metadata.unsure - labelled
    number = write_options(instance, fields, given)
    described = kept_fields(instance, fields)
    if described != instance.company_fields:
        instance.company_fields = described
        IntegrationInstance.objects.filter(pk=instance.pk).update(company_fields=described)
    return number


def store_companies(
    instance: IntegrationInstance,
    companies: Collection[RemoteCompany],
    seen_at: dt.datetime,
    copied: Sequence[str] = COPIED,
) -> Stored:
    """Insert or update copies; returns how many are new, how many differ from the last copy, and in what.

    Of those that are known only what is ``copied`` is taken over. New ones are pending, and none is brought
    back or left out: what comes after a complete read does that. A copy that is still true is not written: a
    read of 20,000 that changed nothing writes no row.
    """
    known = {
        remote_id: (pk, is_pending, values)
        for pk, is_pending, remote_id, *values in instance.companies.filter(
            remote_id__in=[company.id for company in companies]
        ).values_list("pk", "is_pending", "remote_id", *copied)
    }
    changes: list[Changed] = []
    rows: list[Company] = []  # new, or different from the last copy
    unchanged = 0
    for company in companies:
        values = [getattr(company, name) for name in copied]
        pk, is_pending, before = known.get(company.id, (0, True, None))
        if before == values:
            unchanged += 1
        else:
            if before is not None and not is_pending:
                changes += differences(pk, copied, before, values)
            held = dict(zip(copied, values, strict=True))
            rows.append(
                Company(instance=instance, remote_id=company.id, seen_at=seen_at, is_pending=True, **held)
            )
    Company.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instance", "remote_id"],
        update_fields=[*copied, "seen_at"],
        batch_size=500,
    )
    different = len(known) - unchanged
    return Stored(len(rows) - different, different, changes)
