"""What people ask of the inbox and press there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict

from integrations.models.review_reasons import ReviewReason
from integrations.services.drift import Decision, InboxQuery

MOST_DIGITS = 18
MOST_ROWS = 5_000  # of one press
_KEY = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}:[0-9a-f-]{{1,60}}")


def inbox_query(address: Mapping[str, str], user: int) -> InboxQuery:
    """The query of the page's address; unknown values count as not given."""
    reason = address.get("reason", "")
    return InboxQuery(
        instance=_number(address.get("instance", "")),
        reason=reason if reason in ReviewReason.values else "",
        assigned_to=user if address.get("mine") else None,
        page=_number(address.get("page", "")) or 1,
    )


@dataclass(frozen=True)
class Press:
    """What was pressed: for which rows, by their keys, which tell what was seen of each."""

    decision: Decision
    seen: list[str] = field(default_factory=list)
    company: int | None = None
    person: int | None = None


def read_press(posted: QueryDict) -> Press | None:
    """A button of one row ("keep:12:3-5f0c", "remap:12:3-5f0c:77"), or of the bar for what is ticked.

    None if it is odd.
    """
    name, *row = posted.get("decision", "").split(":")
    if name not in Decision.values:
        return None
    decision = Decision(name)
    seen = [":".join(row[:2])] if row else posted.getlist("row")[:MOST_ROWS]
    if not all(_KEY.fullmatch(key) for key in seen):
        return None
    company = _number(row[2]) if len(row) > 2 else None
    if decision is Decision.REMAP and company is None:
        return None
    return Press(decision, seen, company, _number(posted.get("person", "")))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
