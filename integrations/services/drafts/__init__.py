"""A file on its way in: what it is, which column is what, what will happen, and then its import."""

from integrations.services.drafts.keep import (
    BYTES_KEPT,
    DAYS_KEPT,
    FILES_KEPT,
    discard_draft,
    forget_drafts,
)
from integrations.services.drafts.status_words import StatusWord, status_words
from integrations.services.drafts.steps import (
    DraftStep,
    NotAsSeen,
    change_columns,
    change_shape,
    check_draft,
    decide_duplicates,
    describe_draft,
    import_draft,
    open_draft,
    possible_duplicates,
    start_anew,
)
from integrations.services.imports.columns import FIELDS
from integrations.services.imports.profiles import PROFILE_LABELS

__all__ = [
    "BYTES_KEPT", "DAYS_KEPT", "FIELDS", "FILES_KEPT", "PROFILE_LABELS", "DraftStep", "NotAsSeen",
    "StatusWord", "change_columns", "change_shape", "check_draft", "decide_duplicates", "describe_draft",
    "discard_draft", "forget_drafts", "import_draft", "open_draft", "possible_duplicates", "start_anew",
    "status_words",
]  # fmt: skip
