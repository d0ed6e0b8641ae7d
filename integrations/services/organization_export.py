"""Exporting the organizations, with the columns that the import reads."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.models import Organization
from integrations.services.table_export import Row

# The import calls the last one "active".
COLUMNS = ("name", "external_id", "domain", "phone", "city", "state", "postal_code", "active")


def export_organizations() -> Iterator[Row]:
    """Every organization that is not deleted, in the order in which they were added."""
    rows = Organization.objects.present().order_by("pk")
    for row in rows.iterator(chunk_size=2_000):
        values = row.snapshot()
        yield {**values, "active": values["is_active"]}
