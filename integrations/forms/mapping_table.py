"""The mapping table's address: filters, sorting and page, all in the query string."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from integrations.matching import Tier
from integrations.services.mapping import (
    PAGE_SIZES,
    SORTS,
    USUAL_SIZE,
    WARNING_LABELS,
    RowState,
    TableQuery,
    TableView,
)

MOST_TYPE = 2**31 - 1
NO_COLUMNS = "none"  # in the address: no optional column at all


class TableForm(forms.Form):
    """Reads the query string; a value that makes no sense counts as not given."""

    state = forms.ChoiceField(choices=RowState.choices)
    tier = forms.ChoiceField(choices=[(tier.value, tier.value) for tier in Tier])
    warning = forms.ChoiceField(choices=list(WARNING_LABELS.items()))
    type = forms.IntegerField(min_value=-MOST_TYPE, max_value=MOST_TYPE)
    q = forms.CharField(max_length=200, strip=True)
    sort = forms.ChoiceField(choices=[(key, key) for key in SORTS])
    dir = forms.ChoiceField(choices=[("asc", "asc"), ("desc", "desc")])
    page = forms.IntegerField(min_value=1, max_value=1_000_000)
    size = forms.TypedChoiceField(choices=[(size, size) for size in PAGE_SIZES], coerce=int)


def table_query(values: Mapping[str, Any], usual_size: int = USUAL_SIZE) -> TableQuery:
    """The table query that an address asks for."""
    if not any(name in values for name in TableForm.base_fields):
        return TableQuery(
            size=usual_size
        )  # as most addresses; to copy the fields would take as long as to draw rows
    form = TableForm(values)
    form.is_valid()
    cleaned = form.cleaned_data
    return TableQuery(
        state=cleaned.get("state", ""),
        tier=cleaned.get("tier", ""),
        warning=cleaned.get("warning", ""),
        company_type=cleaned.get("type"),
        text=cleaned.get("q", ""),
        sort=cleaned.get("sort") or "organization",
        descending=cleaned.get("dir") == "desc",
        page=cleaned.get("page") or 1,
        size=cleaned.get("size") or usual_size,
    )


def shown_columns(values: Mapping[str, Any], usual: TableView) -> tuple[str, ...]:
    """The optional columns that an address asks for ("type.state"); without a word of it, the usual ones."""
    asked = str(values.get("columns") or "")
    if asked == NO_COLUMNS:
        return ()
    return TableView.chosen(asked.split(".")).columns or usual.columns


def columns_in_address(columns: tuple[str, ...]) -> str:
    """The columns as an address names them."""
    return ".".join(columns) or NO_COLUMNS
