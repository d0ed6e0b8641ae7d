"""Rows whose id is one of very many.

Django prepares each id of an ``__in`` by itself: for 2,500 mappings that took longer than the database took
to find them. Here they are a text. SQLite reads it as a part of the statement: of a parameter it could not
tell how many they are, and read whole tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, F, Lookup


class Among(Lookup[Any]):
    """A condition for ``filter``: the whole number at this path (``"pk"``, ``"company"``) is one of these."""

    lookup_name = "among"
    prepare_rhs = False
    output_field = BooleanField()

    def __init__(self, path: Any, ids: Iterable[int] | str) -> None:
        listed = ids if isinstance(ids, str) else ",".join(str(int(each)) for each in sorted(set(ids)))
        super().__init__(F(path) if isinstance(path, str) else path, listed)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """With the numbers as they are written."""
        path, params = self.process_lhs(compiler, connection)
        if connection.vendor == "postgresql":
            return f"{path} = ANY(%s::bigint[])", (*params, f"{{{self.rhs}}}")
        return f"{path} IN ({self.rhs})", tuple(params)
