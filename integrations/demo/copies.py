"""Configurations with companies that no Autotask was asked for, to measure pages with a large MSP's data."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.demo import data as demo_data
from integrations.models import Company, IntegrationInstance

PSA = "autotask"


def make_copies(instances: int, organizations: int, companies: int) -> int:
    """Add what is missing of so many sample configurations with companies each; returns how many were added.

    They are not connected to anything and nothing is done for them by schedule.
    """
    rows: list[dict[str, Any]] = []
    added = 0
    for number in range(1, instances + 1):
        name = f"Sample {number}"
        if IntegrationInstance.objects.present().filter(psa=PSA, name=name).exists():
            continue
        rows = rows or demo_data.demo_companies("main", organizations, companies)
        with transaction.atomic():
            _make_copy(name, number, rows)
        added += 1
    return added


def _make_copy(name: str, number: int, rows: list[dict[str, Any]]) -> None:
    now = timezone.now()
    instance = IntegrationInstance(
        psa=PSA,
        name=name,
        description="Sample data without a connection",
        username=f"sample-{number}@example.com",
        is_default=not IntegrationInstance.objects.present().filter(psa=PSA, is_default=True).exists(),
        refresh_every_hours=0,
        check_daily=False,
        last_refreshed_at=now,
        last_full_read_at=now,
    )
    instance.credentials = {"secret": "none", "tracking_identifier": "none"}
    instance.save()
    Company.objects.bulk_create(
        [
            Company(
                instance=instance,
                remote_id=str(row["id"]),
                name=row["companyName"],
                number=row["companyNumber"],
                company_type=row["companyType"],
                is_active=row["isActive"],
                web_address=row["webAddress"],
                phone=row["phone"],
                city=row["city"],
                state=row["state"],
                postal_code=row["postalCode"],
                parent_id=str(row["parentCompanyID"] or ""),
                seen_at=now,
            )
            for row in rows
        ],
        batch_size=500,
    )
