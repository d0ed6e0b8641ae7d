"""An order of rows that every database gives alike."""

from __future__ import annotations

from django.db import connection
from django.db.models.functions import Collate


def by_code_point(field: str) -> Collate:
    """Order a text by its Unicode signs, as Python does, whatever the database's own collation is."""
    return Collate(field, "C" if connection.vendor == "postgresql" else "BINARY")
