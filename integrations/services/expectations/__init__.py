"""Expectations: what should be true of a configuration, whether it is, and results that wait because of it.

One function (`outlook_of`) says how a configuration stands, for the page, the API and what is noted; what is
noted is what alerts, occurrences and webhooks tell.
"""

from integrations.services.expectations.held import (
    HeldChanged,
    HeldPage,
    held_of,
    leave_held,
    read_held,
    take_held,
)
from integrations.services.expectations.note import note_expectations
from integrations.services.expectations.outlook import Outlook, Standing, outlook_of, standing, standing_of
from integrations.services.expectations.terms import (
    LIMITS,
    LONGEST_DAYS,
    USUAL,
    Terms,
    mark_of,
    save_expectations,
    terms_of,
)

__all__ = [
    "LIMITS", "LONGEST_DAYS", "USUAL", "HeldChanged", "HeldPage", "Outlook", "Standing", "Terms", "held_of",
    "leave_held", "mark_of", "note_expectations", "outlook_of", "read_held", "save_expectations", "standing",
    "standing_of", "take_held", "terms_of",
]  # fmt: skip
