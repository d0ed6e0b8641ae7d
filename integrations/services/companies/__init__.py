"""Their companies: read, filtered, searched, and what is told of one that is missing."""

from __future__ import annotations

from integrations.services.companies.accept import Absence, NothingToAccept
from integrations.services.companies.filter_rows import MOST_ROWS
from integrations.services.companies.filters import (
    conditions_of,
    filter_fields,
    filter_text,
    preview_filters,
    save_filters,
    type_labels,
)
from integrations.services.companies.missing import find_missing_company
from integrations.services.companies.outcome import RefreshBraked
from integrations.services.companies.refresh import refiltered, refresh_options
from integrations.services.companies.search import catch_all_choices, company_choices
from integrations.services.companies.user_field import set_user_field

__all__ = [
    "MOST_ROWS", "Absence", "NothingToAccept", "RefreshBraked", "catch_all_choices", "company_choices",
    "conditions_of", "filter_fields", "filter_text", "find_missing_company", "preview_filters", "refiltered",
    "refresh_options", "save_filters", "set_user_field", "type_labels",
]  # fmt: skip
