"""People: who came in and from where, what became of their accounts."""

from __future__ import annotations

from integrations.services.people.acting import Presence, presence, present
from integrations.services.people.factors import has_second_factor, second_factor_demanded
from integrations.services.people.log import account_events, note, note_by_name, note_sign_in
from integrations.services.people.sessions import end_all_sessions, end_session, live_sessions
from integrations.services.people.watch import start as watch_changes

__all__ = [
    "Presence", "account_events", "end_all_sessions", "end_session", "has_second_factor", "live_sessions",
    "note", "note_by_name", "note_sign_in", "presence", "present", "second_factor_demanded", "watch_changes",
]  # fmt: skip
