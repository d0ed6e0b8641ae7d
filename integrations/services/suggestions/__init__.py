"""Which company each organization probably is, and what people decided."""

from integrations.services.suggestions.apply import apply_suggestions
from integrations.services.suggestions.decisions import (
    StillMapped,
    allow_match,
    ignore_organizations,
    reject_match,
    stop_ignoring,
)
from integrations.services.suggestions.explain import ExplainedMatch, explain_match
from integrations.services.suggestions.from_files import (
    ANSWER_COLUMNS,
    FileRefused,
    answer_row,
    read_companies,
    read_organizations,
)
from integrations.services.suggestions.suggest import propose_mappings, suggest_mappings, takes_long

__all__ = [
    "ANSWER_COLUMNS", "ExplainedMatch", "FileRefused", "StillMapped", "allow_match", "answer_row",
    "apply_suggestions", "explain_match", "ignore_organizations", "propose_mappings", "read_companies",
    "read_organizations", "reject_match", "stop_ignoring", "suggest_mappings", "takes_long",
]  # fmt: skip
