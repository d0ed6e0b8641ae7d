"""What other programs may read, and their tokens."""

from integrations.services.read_api.changes import (
    MappedCompany,
    MappingChange,
    changes_after,
    latest_position,
)
from integrations.services.read_api.resolve import (
    Ambiguous,
    By,
    Fallback,
    Question,
    Resolution,
    Source,
    Unresolved,
    resolve,
)
from integrations.services.read_api.scope import (
    NotVisible,
    Scope,
    of_instance,
    page_after,
    page_before,
    visible,
)
from integrations.services.read_api.tokens import (
    LONGEST_DAYS,
    TokenRefused,
    TokenSpec,
    TooManyRequests,
    authenticate,
    create_token,
    instances_of,
    listed_tokens,
    revoke_token,
)

__all__ = [
    "LONGEST_DAYS", "Ambiguous", "By", "Fallback", "MappedCompany", "MappingChange", "NotVisible",
    "Question", "Resolution", "Scope", "Source", "TokenRefused", "TokenSpec", "TooManyRequests",
    "Unresolved", "authenticate", "changes_after", "create_token", "instances_of", "latest_position",
    "listed_tokens", "of_instance", "page_after", "page_before", "resolve", "revoke_token", "visible",
]  # fmt: skip
