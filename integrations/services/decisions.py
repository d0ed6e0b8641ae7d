"""What a person decides about a row beside mapping it: that a pair is wrong, that nothing belongs there.

Each writes into the ``batch`` that it is given, so that the caller can offer to take it back.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from integrations.models import (
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    RejectedMatch,
)
from integrations.services.audit import Actor, Batch, Change


def reject_match(
    actor: Actor,
    user: User,
    instance: IntegrationInstance,
    organization: Organization,
    company: Company,
    *,
    batch: Batch | None = None,
) -> None:
    """Remember that the company is not the organization; it is not proposed again, in any instance."""
    with transaction.atomic():
        _, created = RejectedMatch.objects.get_or_create(
            organization=organization,
            company=company,
            defaults={"company_name": company.name, "rejected_by": user},
        )
        MappingProposal.objects.filter(organization=organization, company=company, kind="suggested").delete()
        if created:
            (batch or Batch(actor)).record([rejection_change(organization, instance, company)])


def rejection_change(organization: Organization, instance: IntegrationInstance, company: Company) -> Change:
    """The event that says that the pair was rejected."""
    return _change("match rejected", organization, instance, after=company)


def allow_match(
    actor: Actor,
    instance: IntegrationInstance,
    organization: Organization,
    company: Company,
    *,
    batch: Batch | None = None,
) -> None:
    """Take a rejection back; the next Suggest Values may propose the pair again."""
    with transaction.atomic():
        deleted, _ = RejectedMatch.objects.filter(organization=organization, company=company).delete()
        if deleted:
            (batch or Batch(actor)).record(
                [_change("match allowed again", organization, instance, before=company)]
            )


def ignore_organization(
    actor: Actor,
    user: User,
    instance: IntegrationInstance,
    organization: Organization,
    *,
    batch: Batch | None = None,
) -> None:
    """Note that the organization is deliberately not mapped in this PSA; it leaves the open work."""
    with transaction.atomic():
        _, created = IgnoredOrganization.objects.get_or_create(
            organization=organization, psa=instance.psa, defaults={"ignored_by": user}
        )
        MappingProposal.objects.filter(
            organization=organization, instance__psa=instance.psa, kind="suggested"
        ).delete()
        if created:
            (batch or Batch(actor)).record([ignoring_change(organization, instance)])


def ignoring_change(organization: Organization, instance: IntegrationInstance) -> Change:
    """The event that says that an organization is ignored from now on, as seen from a configuration."""
    return _change("organization ignored", organization, instance)


def stop_ignoring(
    actor: Actor, instance: IntegrationInstance, organization: Organization, *, batch: Batch | None = None
) -> None:
    """Bring an ignored organization back into the open work."""
    with transaction.atomic():
        deleted, _ = IgnoredOrganization.objects.filter(organization=organization, psa=instance.psa).delete()
        if deleted:
            (batch or Batch(actor)).record(
                [_change("organization no longer ignored", organization, instance)]
            )


def _change(
    action: str,
    organization: Organization,
    instance: IntegrationInstance,
    *,
    before: Company | None = None,
    after: Company | None = None,
) -> Change:
    def named(company: Company | None) -> dict[str, object] | None:
        return {"company": company.pk, "company_name": company.name} if company else None

    return Change(
        action, "organization", str(organization.pk), organization.name, named(before), named(after), instance
    )
