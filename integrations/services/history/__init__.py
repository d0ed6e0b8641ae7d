"""What was changed, by whom, and how it is taken back."""

from integrations.services.history.browse import (
    KINDS,
    HistoryQuery,
    actor_names,
    batch_summary,
    chosen_events,
    history_page,
    start_of,
)
from integrations.services.history.differences import DifferenceRenderer
from integrations.services.history.point_in_time import (
    PastMapping,
    events_in_force,
    every_past_mapping,
    past_mappings,
)
from integrations.services.history.undo import (
    NothingToUndo,
    UndoOutcome,
    batch_targets,
    rights_to_undo,
    undo_batch,
    undo_event,
)

__all__ = [
    "KINDS", "DifferenceRenderer", "HistoryQuery", "NothingToUndo", "PastMapping", "UndoOutcome",
    "actor_names", "batch_summary", "batch_targets", "chosen_events", "events_in_force",
    "every_past_mapping", "history_page", "past_mappings", "rights_to_undo", "start_of", "undo_batch",
    "undo_event",
]  # fmt: skip
