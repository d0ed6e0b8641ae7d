"""Sources that stay: made, refreshed by hand or by schedule, and what changed since the last time."""

from integrations.services.imports.sources import SourceFailed, check_source_url
from integrations.services.saved_sources.edit import (
    SourceSpec,
    change_source,
    create_source,
    delete_source,
)
from integrations.services.saved_sources.refresh import (
    RUNS_KEPT,
    draft_of_source,
    open_refresh,
    refresh_source,
    replace_file,
    start_due_sources,
)

__all__ = [
    "RUNS_KEPT", "SourceFailed", "SourceSpec", "change_source", "check_source_url", "create_source",
    "delete_source", "draft_of_source", "open_refresh", "refresh_source", "replace_file", "start_due_sources",
]  # fmt: skip
