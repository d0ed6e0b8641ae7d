"""Exporting configurations: what they are called, how they connect, their company filters. Never a secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from integrations.files.writer import Row
from integrations.models import IntegrationInstance
from integrations.services.companies.filter_rows import stored_rows
from integrations.services.expectations.terms import as_rows, terms_of

COLUMNS = (
    "psa", "name", "description", "is_default", "platform", "username", "refresh_every_hours", "check_daily",
    "filters", "catch_all", "user_field", "expectations",
)  # fmt: skip


def export_configurations(instances: Iterable[IntegrationInstance]) -> Iterator[Row]:
    """These configurations. A filter row is [field, operation, value] or, of alternatives,
    with the number of their group behind; an expectation [kind, effect, limit, days]."""
    for instance in instances:
        yield {
            "psa": instance.psa,
            "name": instance.name,
            "description": instance.description,
            "is_default": instance.is_default,
            "platform": instance.zone,
            "username": instance.username,
            "refresh_every_hours": instance.refresh_every_hours,
            "check_daily": instance.check_daily,
            "filters": stored_rows(instance.filters.order_by("position")),
            "catch_all": instance.catch_all_id,
            "user_field": instance.user_field,
            "expectations": as_rows(terms_of(instance)),
        }
