"""Exporting the organizations, with the columns that the import reads."""

from __future__ import annotations

from collections.abc import Iterator

from integrations.files.writer import Row
from integrations.models import Organization
from integrations.services.exports.collation import by_code_point

# The import calls the last one "active".
COLUMNS = (
    "portal_key", "name", "external_id", "domain", "phone", "city", "state", "postal_code", "active",
)  # fmt: skip


def export_organizations() -> Iterator[Row]:
    """Every organization that is not deleted, by name, then by portal key."""
    rows = Organization.objects.present().order_by(by_code_point("name"), "key")
    for row in rows.iterator(chunk_size=2_000):
        values = row.snapshot()
        yield {"portal_key": str(row.key), **values, "active": values["is_active"]}
