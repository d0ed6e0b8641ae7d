"""The portal's rows, one module a noun."""

from integrations.models.account_events import AccountEvent
from integrations.models.alerts import (
    Alert,
    AlertChannel,
    AlertKind,
    AlertMessage,
    AlertNotice,
    AlertPreference,
    AlertReader,
)
from integrations.models.audit import AuditEvent
from integrations.models.companies import Company, FilterOption
from integrations.models.drafts import ImportDraft, ImportDraftPart, RememberedReading
from integrations.models.drift import Occurrence, RecordChange, RefreshSummary, ReviewCase
from integrations.models.expectations import Expectation, ExpectationKind, HeldCompany, HeldRefresh
from integrations.models.identifiers import OrganizationIdentifier
from integrations.models.imports import ImportFilePart, ImportReport, ImportReportPart
from integrations.models.instances import CompanyFilter, IntegrationInstance
from integrations.models.jobs import Job
from integrations.models.mappings import (
    IgnoredOrganization,
    MappingProposal,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.organizations import Organization
from integrations.models.preferences import TablePreference
from integrations.models.request_counts import RequestCount
from integrations.models.sessions import BrowserSession
from integrations.models.sources import ImportSource, ImportSourcePart, ImportSourceRun
from integrations.models.tokens import ApiToken, Right
from integrations.models.webhooks import ReviewNotice, Webhook, WebhookDelivery, WebhookEvent
from integrations.models.workers import Worker

__all__ = [
    "AccountEvent",
    "Alert",
    "AlertChannel",
    "AlertKind",
    "AlertMessage",
    "AlertNotice",
    "AlertPreference",
    "AlertReader",
    "ApiToken",
    "AuditEvent",
    "BrowserSession",
    "Company",
    "CompanyFilter",
    "Expectation",
    "ExpectationKind",
    "FilterOption",
    "HeldCompany",
    "HeldRefresh",
    "IgnoredOrganization",
    "ImportDraft",
    "ImportDraftPart",
    "ImportFilePart",
    "ImportReport",
    "ImportReportPart",
    "ImportSource",
    "ImportSourcePart",
    "ImportSourceRun",
    "IntegrationInstance",
    "Job",
    "MappingProposal",
    "Occurrence",
    "Organization",
    "OrganizationIdentifier",
    "OrganizationMapping",
    "RecordChange",
    "RefreshSummary",
    "RejectedMatch",
    "RememberedReading",
    "RequestCount",
    "ReviewCase",
    "ReviewNotice",
    "Right",
    "TablePreference",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "Worker",
]
