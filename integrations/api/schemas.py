"""What the API answers with. The field descriptions are the documentation."""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, TypeVar

from ninja import Schema
from pydantic import Field

from integrations.models import Company, Expectation, ExpectationKind
from integrations.models.review_reasons import ReviewReason
from integrations.services.read_api import Source

Item = TypeVar("Item")


class Listed(Schema, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: int | None = Field(description="The cursor of the following page; null at the end.")


class OrganizationRef(Schema):
    """Which organization is meant."""

    id: int
    name: str
    external_id: str = Field(description="Its id in the tool that the list came from; may be empty.")


class InstanceRef(Schema):
    """Which instance is meant."""

    id: int
    name: str
    psa: str


class CompanyRef(Schema):
    """Which company is meant; ``id`` is the PSA's own."""

    id: str
    name: str


class IdentifierOut(Schema):
    """An id by which another tool knows the organization."""

    kind: str = Field(description="`tenant_id`, `tenant_domain`, `autotask_company_id` or `source_id`.")
    source: str = Field(description="The tool or file that told it.")
    value: str


class OrganizationOut(Schema):
    """One of our customers."""

    id: int
    name: str
    external_id: str
    domain: str
    phone: str
    city: str
    state: str
    postal_code: str
    is_active: bool
    identifiers: list[IdentifierOut] = Field(description="Ids of other tools, as imports brought them.")
    created_at: dt.datetime
    updated_at: dt.datetime


class InstanceOut(Schema):
    """One tenant of one PSA. Credentials are never part of it."""

    id: int
    name: str
    psa: str
    description: str
    is_default: bool
    status: str
    zone_name: str
    api_url: str
    web_url: str
    user_field: str = Field(
        description="The user-defined field whose value its companies carry; may be empty."
    )
    last_checked_at: dt.datetime | None
    last_refreshed_at: dt.datetime | None
    last_full_read_at: dt.datetime | None = Field(
        description="When every company was read; deletions in the PSA show up to then."
    )
    failing_since: dt.datetime | None = Field(
        description="Since when no read has come to its end; null when the last one did."
    )
    warnings: list[str] = Field(description="What the last reads could not take over.")


class CompanyOut(Schema):
    """The last copy of a company of an instance; ``company_id`` is the PSA's own id."""

    id: int
    company_id: str
    instance: InstanceRef
    name: str
    number: str
    company_type: int | None
    is_active: bool
    web_address: str
    phone: str
    city: str
    state: str
    postal_code: str
    tax_id: str
    user_value: str = Field(description="That of the instance's ``user_field``; may be empty.")
    in_filter: bool
    place: Company.Place = Field(
        description=(
            "“inside_filter”; “outside_filter”: it exists, and the company filter leaves it out; “gone”: the "
            "PSA no longer has it."
        )
    )
    missing_since: dt.datetime | None
    seen_at: dt.datetime


class MappingOut(Schema):
    """Which company an organization is."""

    id: int
    organization: OrganizationRef
    instance: InstanceRef
    company: CompanyRef
    source: str
    confidence: float | None
    confirmed_at: dt.datetime
    version: int
    needs_review: list[ReviewReason] = Field(description="Why somebody has to look at it, if so.")


class FindingOut(Schema):
    """One reason why somebody has to look at a mapping."""

    reason: ReviewReason
    since: dt.datetime | None = Field(description="Null where nobody knows: it was so before it was watched.")
    before: str = Field(description="The value when the mapping was confirmed, where the reason is a change.")
    after: str = Field(description="The value now.")


class OpenMappingOut(Schema):
    """A mapping of the inbox."""

    mapping: MappingOut
    findings: list[FindingOut]


class RefreshOut(Schema):
    """What one refresh changed."""

    id: int
    instance: InstanceRef
    at: dt.datetime
    full: bool = Field(description="Whether everything was read, or only changes.")
    is_first: bool
    offered: int = Field(description="Companies that can be mapped to afterwards.")
    counts: dict[str, int] = Field(description="Numbers by kind: new, renamed, retyped, gone and others.")


class ExpectationOut(Schema):
    """What is expected of an instance, and how it stands."""

    instance: InstanceRef
    kind: ExpectationKind
    text: str = Field(description="What is expected, in words.")
    effect: Expectation.Effect = Field(
        description="“brake”: a refresh that would break it waits for a person."
    )
    limit: int | None = Field(description="Percent, rows or hours, as the kind has it; null for credentials.")
    days: int | None = Field(description="Of unmapped: for longer than so many days.")
    state: Expectation.State = Field(
        description="“warns”: it is not so. “brakes”: a refresh waits. “unknown”: not known yet."
    )
    since: dt.datetime | None = Field(description="Since when this was noted; null where it was not yet.")
    finding: str = Field(description="How it stands, in words.")
    value: int | None = Field(description="What was counted, where it is a number.")
    total: int | None = Field(description="Of how many, where it is a share.")


class MappingPage(Listed[MappingOut]):
    """One page of mappings."""

    position: int = Field(description="Ask for changes since the position of the first page.")


class PlaceOut(Schema):
    """Where an organization is mapped."""

    instance: InstanceRef
    company: CompanyRef


class ChangeOut(Schema):
    """One change of a mapping; before or after is null where the organization was not mapped."""

    position: int
    at: dt.datetime
    action: str
    batch: str
    organization: OrganizationRef
    before: PlaceOut | None
    after: PlaceOut | None


class ChangesOut(Schema):
    """Changes in the order in which they were made."""

    items: list[ChangeOut]
    next: int = Field(description="Ask again with this position.")
    more: bool = Field(description="Whether there are more changes already.")


class EventOut(Schema):
    """One entry of the history. Secrets, user names and addresses of credentials are left out."""

    id: int
    at: dt.datetime
    actor: str
    origin: str
    batch: str
    action: str
    target_type: str
    target_id: str
    target_name: str
    instance: InstanceRef | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ResolvedOrganization(OrganizationRef):
    """The organization that was found."""

    domain: str
    is_active: bool


class ResolvedOut(Schema):
    """The answer to: which instance and which company is this organization?"""

    organization: ResolvedOrganization
    source: Source = Field(
        description=(
            "“fallback”: not mapped, this is the default instance. “catch_all”: not mapped, this is the "
            "company that takes what belongs to nobody else."
        )
    )
    instance: InstanceRef
    company: CompanyRef | None = Field(description="Null for a fallback.")
    needs_review: list[ReviewReason]
    reason: str = Field(description="Why it is not a mapping: unmapped or ignored; otherwise empty.")


class ParameterError(Schema):
    """What is wrong with one parameter."""

    parameter: str
    message: str


class Problem(Schema):
    """Why there is no answer (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="For programs; does not change.")
    detail: str = Field(description="For people; may change.")
    errors: list[ParameterError] | None = None
    candidates: list[dict[str, Any]] | None = Field(
        default=None, description="With 409: the organizations that fit."
    )
    retry_after: int | None = Field(default=None, description="With 429: seconds.")
