"""Suggest which company of the PSA each organization of the portal is, or say that it cannot be told.

``suggest`` answers for whole lists, ``explain`` for one pair. Pure Python: no Django, no clock, no network.
``docs/matching.md`` tells how it works and what was measured.

What compares names needs numpy and scipy, which take longer to load than a page takes to answer: it is loaded
at the first question, not with this module.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from integrations.matching.records import (
    AlignedWord,
    Alternative,
    Company,
    Contribution,
    Explanation,
    Kind,
    Knowledge,
    Organization,
    Progress,
    Reading,
    Suggestion,
    Tier,
)

if TYPE_CHECKING:
    from integrations.matching.equality import is_same_text, name_key
    from integrations.matching.explanation import UnknownRecord, explain
    from integrations.matching.model import MODEL_VERSION
    from integrations.matching.suggestions import suggest

_LOADED_LATER = {
    "MODEL_VERSION": "model",
    "UnknownRecord": "explanation",
    "explain": "explanation",
    "is_same_text": "equality",
    "name_key": "equality",
    "suggest": "suggestions",
}

__all__ = [
    "MODEL_VERSION",
    "AlignedWord",
    "Alternative",
    "Company",
    "Contribution",
    "Explanation",
    "Kind",
    "Knowledge",
    "Organization",
    "Progress",
    "Reading",
    "Suggestion",
    "Tier",
    "UnknownRecord",
    "explain",
    "is_same_text",
    "name_key",
    "suggest",
]


def __getattr__(name: str) -> object:
    """Load what is asked for the first time."""
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)
