"""What people ask of the inbox and press there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict

from integrations.models.review_reasons import ReviewReason
from integrations.services.drift import Decision, InboxQuery

MOST_DIGITS = 18
MOST_ROWS = 5_000  # of one press


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
    """What was pressed: for which mappings, in which version each was seen."""

    decision: Decision
    seen: dict[int, int] = field(default_factory=dict)
    company: int | None = None
    person: int | None = None


def read_press(posted: QueryDict) -> Press | None:
    """A button of one row ("keep:12:3", "remap:12:3:77"), or of the bar for what is ticked; None if odd."""
    name, *row = posted.get("decision", "").split(":")
    if name not in Decision.values:
        return None
    decision = Decision(name)
    told = [row[:2]] if row else [each.split(":") for each in posted.getlist("row")[:MOST_ROWS]]
    seen = {}
    for each in told:
        numbers = [_number(text) for text in each]
        if len(numbers) != 2 or None in numbers:
            return None
        seen[numbers[0] or 0] = numbers[1] or 0
    company = _number(row[2]) if len(row) > 2 else None
    if decision is Decision.REMAP and company is None:
        return None
    return Press(decision, seen, company, _number(posted.get("person", "")))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
