"""Suggest which company of the PSA each organization of the portal is, or say that it cannot be told.

``suggest`` answers for whole lists, ``explain`` for one pair. Pure Python: no Django, no clock, no network.
``docs/matching.md`` tells how it works and what was measured.

What calculates is loaded when it is first asked for: it brings numpy and scipy along, which take 38 MB and a
third of a second from every web process, worker and command that never matches anything.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from integrations.matching.records import (
    AlignedWord,
    Company,
    Contribution,
    Explanation,
    Knowledge,
    Organization,
    Progress,
    Reading,
    Rival,
    Suggestion,
    Tier,
)

if TYPE_CHECKING:
    from integrations.matching.explaining import UnknownRecord, explain
    from integrations.matching.model import MODEL_VERSION
    from integrations.matching.suggesting import suggest

__all__ = [
    "MODEL_VERSION",
    "AlignedWord",
    "Company",
    "Contribution",
    "Explanation",
    "Knowledge",
    "Organization",
    "Progress",
    "Reading",
    "Rival",
    "Suggestion",
    "Tier",
    "UnknownRecord",
    "explain",
    "suggest",
]

_LOADED_LATE = {
    "MODEL_VERSION": "model",
    "UnknownRecord": "explaining",
    "explain": "explaining",
    "suggest": "suggesting",
}


def __getattr__(name: str) -> object:
    """Load what calculates (PEP 562)."""
    if name not in _LOADED_LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LOADED_LATE[name]}"), name)
