"""From rows to answers."""

from __future__ import annotations

from typing import Any

from integrations.api import schemas
from integrations.models import (
    AuditEvent,
    Company,
    ExpectationKind,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RefreshSummary,
)
from integrations.services.expectations import Outlook
from integrations.services.read_api import MappedCompany, MappingChange, Resolution, Scope

# Credentials never reach the history; these say where they are used or when they were set.
HIDDEN_IN_HISTORY = frozenset(
    {"username", "secrets_set", "credentials", "secret", "digest", "tracking_identifier"}
)


def organization_out(row: Organization) -> schemas.OrganizationOut:
    """An organization."""
    return schemas.OrganizationOut(
        id=row.pk,
        **row.snapshot(),
        identifiers=[schemas.IdentifierOut(**each.known.named()) for each in row.identifiers.all()],
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def organization_ref(row: Organization) -> schemas.OrganizationRef:
    """An organization inside another answer."""
    return schemas.OrganizationRef(id=row.pk, name=row.name, external_id=row.external_id)


def instance_out(row: IntegrationInstance) -> schemas.InstanceOut:
    """An instance, without user name and credentials."""
    return schemas.InstanceOut(
        id=row.pk,
        name=row.name,
        psa=row.psa,
        description=row.description,
        is_default=row.is_default,
        status=row.status,
        zone_name=row.zone_name,
        api_url=row.api_url,
        web_url=row.web_url,
        user_field=row.user_value_name,
        last_checked_at=row.last_checked_at,
        last_refreshed_at=row.last_refreshed_at,
        last_full_read_at=row.last_full_read_at,
        failing_since=row.failing_since,
        warnings=[each.text for each in (*row.field_warnings, *row.company_warnings)],
    )


def instance_ref(row: IntegrationInstance) -> schemas.InstanceRef:
    """An instance inside another answer."""
    return schemas.InstanceRef(id=row.pk, name=row.name, psa=row.psa)


def company_out(row: Company) -> schemas.CompanyOut:
    """A company with its instance."""
    names = (
        "name", "number", "company_type", "is_active", "web_address", "phone", "city", "state", "postal_code",
        "tax_id", "user_value", "in_filter", "missing_since",
    )  # fmt: skip
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    return schemas.CompanyOut(
        id=row.pk,
        company_id=row.remote_id,
        instance=instance_ref(row.instance),
        place=row.place,
        seen_at=row.last_seen_at,
        **values,
    )


def company_ref(row: Company) -> schemas.CompanyRef:
    """A company inside another answer."""
    return schemas.CompanyRef(id=row.remote_id, name=row.name)


def mapping_out(row: OrganizationMapping) -> schemas.MappingOut:
    """A mapping with what it joins."""
    return schemas.MappingOut(
        id=row.pk,
        organization=organization_ref(row.organization),
        instance=instance_ref(row.instance),
        company=company_ref(row.company),
        source=row.source,
        confidence=row.confidence,
        confirmed_at=row.confirmed_at,
        version=row.version,
        needs_review=row.review_reasons,
    )


def open_mapping_out(row: OrganizationMapping) -> schemas.OpenMappingOut:
    """A mapping with why somebody has to look at it."""
    findings = [
        schemas.FindingOut(reason=each.reason, since=each.since, before=each.before, after=each.after)
        for each in row.findings
    ]
    return schemas.OpenMappingOut(mapping=mapping_out(row), findings=findings)


def refresh_out(row: RefreshSummary) -> schemas.RefreshOut:
    """What one refresh changed."""
    return schemas.RefreshOut(
        id=row.pk,
        instance=instance_ref(row.instance),
        at=row.at,
        full=row.full,
        is_first=row.is_first,
        offered=row.offered,
        counts=row.counts,
    )


def expectation_out(instance: IntegrationInstance, row: Outlook) -> schemas.ExpectationOut:
    """What is expected, and how it stands."""
    return schemas.ExpectationOut(
        instance=instance_ref(instance),
        kind=row.kind,
        text=row.sentence,
        effect=row.terms.effect,
        limit=row.terms.limit if row.kind.has_limit else None,
        days=row.terms.days if row.kind is ExpectationKind.UNMAPPED else None,
        state=row.state,
        since=row.since,
        finding=row.text,
        value=row.value,
        total=row.total,
    )


def change_out(change: MappingChange) -> schemas.ChangeOut:
    """A change of the feed."""
    return schemas.ChangeOut(
        position=change.position,
        at=change.at,
        action=change.action,
        batch=change.batch,
        organization=schemas.OrganizationRef(
            id=change.organization_id, name=change.organization_name, external_id=change.external_id
        ),
        before=_place_out(change.before),
        after=_place_out(change.after),
    )


def _place_out(place: MappedCompany | None) -> schemas.PlaceOut | None:
    if place is None:
        return None
    return schemas.PlaceOut(
        instance=schemas.InstanceRef(id=place.instance_id, name=place.instance_name, psa=place.psa),
        company=schemas.CompanyRef(id=place.company_id, name=place.company_name),
    )


def event_out(row: AuditEvent, scope: Scope) -> schemas.EventOut:
    """An entry of the history. Where a mapping came from is left out when that lies outside the scope."""
    return schemas.EventOut(
        id=row.pk,
        at=row.at,
        actor=row.actor_name,
        origin=row.origin,
        batch=str(row.batch),
        action=row.action,
        target_type=row.target_type,
        target_id=row.target_id,
        target_name=row.target_name,
        instance=instance_ref(row.instance) if row.instance else None,
        before=_shown(row.before, scope),
        after=_shown(row.after, scope),
    )


def _shown(values: dict[str, Any] | None, scope: Scope) -> dict[str, Any] | None:
    if values is None or ("instance" in values and not scope.sees(values["instance"])):
        return None
    return {name: value for name, value in values.items() if name not in HIDDEN_IN_HISTORY}


def resolved_out(found: Resolution) -> schemas.ResolvedOut:
    """The answer to a question."""
    row = found.organization
    return schemas.ResolvedOut(
        organization=schemas.ResolvedOrganization(
            id=row.pk,
            name=row.name,
            external_id=row.external_id,
            domain=row.domain,
            is_active=row.is_active,
        ),
        source=found.source,
        instance=instance_ref(found.instance),
        company=company_ref(found.company) if found.company else None,
        needs_review=list(found.needs_review),
        reason=found.reason,
    )
