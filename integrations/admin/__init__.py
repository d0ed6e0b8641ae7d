"""The Django admin: repair and oversight for superusers. One module a noun; ``common`` is what they share.

Rows that hold people's work change through the services, so that every change is audited, versioned and
undoable as on the portal's own pages. Copies of what the PSA said, jobs and the audit can only be read.
"""

from integrations.admin import (
    alerts,
    companies,
    drift,
    expectations,
    history,
    imports,
    instances,
    jobs,
    mappings,
    organizations,
    people,
    programs,
    sections,
)

__all__ = [
    "alerts",
    "companies",
    "drift",
    "expectations",
    "history",
    "imports",
    "instances",
    "jobs",
    "mappings",
    "organizations",
    "people",
    "programs",
    "sections",
]
