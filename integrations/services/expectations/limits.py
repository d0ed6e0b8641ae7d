"""Where the limits are: whether numbers break what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.models import ExpectationKind

FEW = 10  # companies; of fewer, one or two that go are ordinary, whatever share they are


def too_many_lost(before: int, lost: int, percent: int) -> bool:
    """Whether more than so many percent of the companies are lost, or all of several.

    One or two of a few are a large share, and an ordinary day; where none may go, they count, too.
    """
    if lost <= 2 and before < FEW and percent:
        return before == lost > 0
    return lost * 100 > before * percent


def is_too_little(value: int, total: int, percent: int) -> bool:
    """Whether fewer than so many percent of all are mapped."""
    return value * 100 < percent * total


def still_breaks(reason: Mapping[str, Any], limit: int) -> bool:
    """Whether the numbers of a held result break this limit, too; so it is where nobody kept them."""
    value, total = reason.get("value"), reason.get("total") or 0
    if value is None:
        return True
    kind = ExpectationKind(reason["kind"])
    if kind is ExpectationKind.FEWER:
        return too_many_lost(total, value, limit)
    if kind is ExpectationKind.MAPPED:
        return is_too_little(value, total, limit)
    return bool(value > limit)
