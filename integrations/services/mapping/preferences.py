"""Which columns of the mapping table a person sees, and how many rows: kept for the next visit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from integrations.database.query_cache import cached_rows
from integrations.models import TablePreference
from integrations.services.mapping.rows import PAGE_SIZES

# Organization, company and the actions are always there; these can be switched on and off.
COLUMN_LABELS = {
    "external": "Our id",
    "type": "Type",
    "city": "City",
    "reason": "Confidence and reason",
    "state": "State",
    "updated": "Updated",
}
USUAL_COLUMNS = ("reason", "state", "updated")
USUAL_SIZE = 50


@dataclass(frozen=True)
class TableView:
    """The optional columns in their order, and the rows a page."""

    columns: tuple[str, ...] = USUAL_COLUMNS
    size: int = USUAL_SIZE


def table_view(user: User) -> TableView:
    """What this person has chosen before; what is usual for everybody else."""
    found = cached_rows(_kept_view, (user.pk,))
    if not found:
        return TableView()
    kept = found[0]
    size = kept.page_size if kept.page_size in PAGE_SIZES else USUAL_SIZE
    return TableView(known_columns(kept.columns), size)


def _kept_view(user: int) -> Any:
    return TablePreference.objects.filter(user=user)


def keep_table_view(user: User, columns: Collection[str], size: int) -> TableView:
    """Remember the choice for this person; unknown columns are left out."""
    view = TableView(known_columns(columns), size if size in PAGE_SIZES else USUAL_SIZE)
    TablePreference.objects.update_or_create(
        user=user, defaults={"columns": list(view.columns), "page_size": view.size}
    )
    return view


def known_columns(names: Iterable[object]) -> tuple[str, ...]:
    """The columns among these names, in the order of the table."""
    wanted = set(names)
    return tuple(name for name in COLUMN_LABELS if name in wanted)
