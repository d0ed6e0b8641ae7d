"""Which columns of the mapping table a person sees, and how many rows: kept for the next visit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User

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
    "compact": "Compact rows",  # no column, but as much a matter of the person's
}
USUAL_COLUMNS = ("reason", "state", "updated")
USUAL_SIZE = 50


@dataclass(frozen=True)
class TableView:
    """The optional columns in their order, and the rows a page."""

    columns: tuple[str, ...] = USUAL_COLUMNS
    size: int = USUAL_SIZE

    @classmethod
    def of(cls, user: User) -> TableView:
        """What this person has chosen before; what is usual for everybody else."""
        preference = TablePreference.objects.filter(user=user).first()
        return cls.chosen(preference.columns, preference.page_size) if preference else cls()

    @classmethod
    def chosen(cls, columns: Iterable[object], size: int = USUAL_SIZE) -> TableView:
        """A view with the columns that there are, in the order of the table, and a size that there is."""
        names = set(columns)
        known = tuple(name for name in COLUMN_LABELS if name in names)
        return cls(known, size if size in PAGE_SIZES else USUAL_SIZE)

    def keep(self, user: User) -> None:
        """Remember the view for this person's next visit."""
        TablePreference.objects.update_or_create(
            user=user, defaults={"columns": list(self.columns), "page_size": self.size}
        )
