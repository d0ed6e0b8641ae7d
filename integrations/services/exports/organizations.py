"""Exporting the organizations, with the columns that the import reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from integrations.files.writer import Row
from integrations.models import Organization, OrganizationIdentifier
from integrations.models.identifiers import KnownId
from integrations.services.exports.collation import by_code_point

# The import calls the last one "active".
COLUMNS = (
    "portal_key", "name", "external_id", "domain", "phone", "city", "state", "postal_code", "active",
    "identifiers",
)  # fmt: skip
READ_AT_ONCE = 2_000


def ids_as_text(known: Iterable[KnownId]) -> str:
    """The ids by which other tools know an organization, as one cell: JSON, "" for none."""
    listed = [each.named() for each in sorted(known)]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":")) if listed else ""


def export_organizations() -> Iterator[Row]:
    """Every organization that is not deleted, by name, then by portal key."""
    rows = Organization.objects.present().order_by(by_code_point("name"), "key")
    every = rows.iterator(chunk_size=READ_AT_ONCE)
    while chunk := list(islice(every, READ_AT_ONCE)):
        known = OrganizationIdentifier.objects.by_organization([row.pk for row in chunk])
        for row in chunk:
            values = row.snapshot()
            yield {
                "portal_key": str(row.key),
                **values,
                "active": values["is_active"],
                "identifiers": ids_as_text(known.get(row.pk, ())),
            }
