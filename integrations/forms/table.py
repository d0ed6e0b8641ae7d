"""The mapping table's address: filters, sorting and page, all in the query string."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from integrations.matching import Tier
from integrations.services.mapping_table import PAGE_SIZES, SORTS, STATE_LABELS, WARNING_LABELS, TableQuery


class TableForm(forms.Form):
    """Reads the query string; a value that makes no sense counts as not given."""

    state = forms.ChoiceField(choices=[(state.value, label) for state, label in STATE_LABELS.items()])
    tier = forms.ChoiceField(choices=[(tier.value, tier.value) for tier in Tier])
    warning = forms.ChoiceField(choices=list(WARNING_LABELS.items()))
    q = forms.CharField(max_length=200, strip=True)
    sort = forms.ChoiceField(choices=[(key, key) for key in SORTS])
    dir = forms.ChoiceField(choices=[("asc", "asc"), ("desc", "desc")])
    page = forms.IntegerField(min_value=1, max_value=1_000_000)
    size = forms.TypedChoiceField(choices=[(size, size) for size in PAGE_SIZES], coerce=int)


def table_query(values: Mapping[str, Any]) -> TableQuery:
    """The table query that an address asks for."""
    form = TableForm(values)
    form.is_valid()
    given = form.cleaned_data
    return TableQuery(
        state=given.get("state", ""),
        tier=given.get("tier", ""),
        warning=given.get("warning", ""),
        text=given.get("q", ""),
        sort=given.get("sort") or "organization",
        descending=given.get("dir") == "desc",
        page=given.get("page") or 1,
        size=given.get("size") or 50,
    )
