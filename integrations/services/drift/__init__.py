"""Drift: what no longer is as somebody left it, and what people should be told of that.

For whoever tells people: `Occurrence` rows (a model) are only added. `occurrences_after(position)` gives
those after the id that was read last, the oldest first; ids become visible in their order on both databases.
``kind`` says what it is. What ends something (restored, accepted) has the same ``instance`` and ``cause`` as
what began it, so that one cause is told once, and its end once. `drift.found` comes at most once a refresh
and has no end; its ``details`` are ``{"total": 7, "kinds": {"company_renamed": 5, "company_missing": 2}}``.
"""

from integrations.services.drift.decide import DecideOutcome, Decision, decide_cases
from integrations.services.drift.inbox import (
    Inbox,
    InboxQuery,
    InboxRow,
    colleagues,
    open_mappings,
    read_inbox,
)
from integrations.services.drift.occurrences import note_occurrences, occurrences_after
from integrations.services.drift.refreshes import (
    SummaryPage,
    compare_refreshes,
    compare_unfinished,
    read_summaries,
    read_summary,
)

__all__ = [
    "DecideOutcome", "Decision", "Inbox", "InboxQuery", "InboxRow", "SummaryPage", "colleagues",
    "compare_refreshes", "compare_unfinished", "decide_cases", "note_occurrences", "occurrences_after",
    "open_mappings", "read_inbox", "read_summaries", "read_summary",
]  # fmt: skip
