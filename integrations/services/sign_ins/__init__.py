"""Coming in: who did and from where, who acts now, what became of accounts, and ending sessions."""

from __future__ import annotations

from integrations.services.sign_ins.acting import Presence, presence, present
from integrations.services.sign_ins.factors import has_second_factor, second_factor_demanded
from integrations.services.sign_ins.log import account_events, note, note_by_name, note_sign_in
from integrations.services.sign_ins.sessions import end_all_sessions, end_session, live_sessions
from integrations.services.sign_ins.watch import start as watch_changes

__all__ = [
    "Presence", "account_events", "end_all_sessions", "end_session", "has_second_factor", "live_sessions",
    "note", "note_by_name", "note_sign_in", "presence", "present", "second_factor_demanded", "watch_changes",
]  # fmt: skip
