"""Files that come in: organizations, mappings, configurations, and their reports."""

from integrations.services.imports.background import FOREGROUND_LIMIT_BYTES, enqueue_upload, import_file
from integrations.services.imports.cells import MEANINGS
from integrations.services.imports.columns import ColumnPlan
from integrations.services.imports.companies import import_companies
from integrations.services.imports.company_choices import (
    CompanyPage,
    CompanyQuery,
    company_page,
    order_companies,
)
from integrations.services.imports.configurations import Secrets, import_configurations
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.organizations import COLUMNS as ORGANIZATION_FILE_COLUMNS
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.profiles import PROFILE_LABELS
from integrations.services.imports.reports import (
    ImportOptions,
    Outcome,
    Reading,
    Report,
    as_csv,
    forget_reports,
    open_report,
    rows_between,
)
from integrations.services.imports.rows import QuestionOpen

__all__ = [
    "FOREGROUND_LIMIT_BYTES", "MEANINGS", "ORGANIZATION_FILE_COLUMNS", "PROFILE_LABELS", "ColumnPlan",
    "CompanyPage", "CompanyQuery", "ImportOptions", "Outcome", "QuestionOpen", "Reading", "Report",
    "Secrets", "as_csv", "company_page", "enqueue_upload", "forget_reports", "import_companies",
    "import_configurations", "import_file", "import_mappings", "import_organizations", "open_report",
    "order_companies", "rows_between",
]  # fmt: skip
