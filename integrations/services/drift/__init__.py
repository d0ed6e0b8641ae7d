"""Drift: what no longer is as somebody left it, and what people should be told of that.

For whoever tells people: `Occurrence` rows (a model) are only added. `occurrences_after(position)` gives
those after the id that was read last, the oldest first; ids become visible in their order on both databases.
``kind`` says what it is. What ends something (restored, accepted) has the same ``instance`` and ``cause`` as
what began it, so that one cause is told once, and its end once. `drift.found` comes at most once a refresh
and has no end; its ``details`` are ``{"total": 7, "kinds": {"company_renamed": 5, "company_missing": 2}}``.
"""

from integrations.services.drift.occurrences import note_occurrences, occurrences_after
from integrations.services.drift.refreshes import compare_refreshes

__all__ = ["compare_refreshes", "note_occurrences", "occurrences_after"]
