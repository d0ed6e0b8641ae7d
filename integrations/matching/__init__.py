"""Suggest which company of the PSA each organization of the portal is, or say that it cannot be told.

``suggest`` answers for whole lists, ``explain`` for one pair. Pure Python: no Django, no clock, no network.
``docs/matching.md`` tells how it works and what was measured.
"""

from integrations.matching.explaining import UnknownRecord, explain
from integrations.matching.model import MODEL_VERSION
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
