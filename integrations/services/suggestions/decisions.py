"""What a person decides about a row beside mapping it: that a pair is wrong, that nothing belongs there.

Each writes into the ``batch`` that it is given, so that the caller can offer to take it back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from integrations.models import (
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.audit import Action
from integrations.models.mappings import MappingQuerySet
from integrations.services.audit import Batch, Change

Suggestion = Mapping[str, Any]  # of a proposal: what is kept of it in the history
SUGGESTION_KEYS = ("user_id", "instance_id", "company_id")
SUGGESTION_FIELDS = (
    "selected", "tier", "confidence", "reasons", "rivals", "matcher_version", "match_kind", "seen_version",
)  # fmt: skip


class StillMapped(Exception):
    """A mapping in force says otherwise; the decision was not taken."""


def reject_match(
    batch: Batch, instance: IntegrationInstance, organization: Organization, company: Company
) -> bool:
    """Remember that the company is not the organization; it is not proposed again, in any instance.

    As each of these decisions, False when it was so already. Raises StillMapped where exactly this pair is
    mapped: tickets would go on going there.
    """
    with transaction.atomic():
        IntegrationInstance.objects.locked().get(pk=instance.pk)  # nobody saves the pair in this moment
        if OrganizationMapping.objects.present().filter(organization=organization, company=company).exists():
            raise StillMapped
        _, created = RejectedMatch.objects.get_or_create(
            organization=organization,
            company=company,
            defaults={"company_name": company.name, "rejected_by": batch.actor.account},
        )
        forgotten = _discard_suggestions(organization, company=company)
        if created:
            told = decision(Action.MATCH_REJECTED, organization, instance, after=company, forgotten=forgotten)
            batch.record([told])
    return created


def allow_match(
    batch: Batch,
    instance: IntegrationInstance,
    organization: Organization,
    company: Company,
    forgotten: Sequence[Suggestion] = (),
) -> bool:
    """Take a rejection back; the next Suggest Values may propose the pair again.

    ``forgotten`` are suggestions to bring back that went with the rejection.
    """
    with transaction.atomic():
        deleted, _ = RejectedMatch.objects.filter(organization=organization, company=company).delete()
        if deleted:
            _restore_suggestions(organization, forgotten)
            batch.record([decision(Action.MATCH_ALLOWED, organization, instance, before=company)])
    return deleted > 0


def ignore_organization(batch: Batch, instance: IntegrationInstance, organization: Organization) -> bool:
    """Note that the organization is deliberately not mapped in this PSA; it leaves the open work.

    One that is mapped is left.
    """
    with transaction.atomic():
        if _mapped(instance).filter(organization=organization).exists():
            return False
        _, created = IgnoredOrganization.objects.get_or_create(
            organization=organization, psa=instance.psa, defaults={"ignored_by": batch.actor.account}
        )
        forgotten = _discard_suggestions(organization, instance__psa=instance.psa)
        if created:
            told = decision(Action.ORGANIZATION_IGNORED, organization, instance, forgotten=forgotten)
            batch.record([told])
    return created


def ignore_organizations(batch: Batch, instance: IntegrationInstance, keys: Collection[int]) -> int:
    """The same for many (their ids), in one transaction; returns how many were not ignored before."""
    with transaction.atomic():
        IntegrationInstance.objects.locked().get(pk=instance.pk)
        known = IgnoredOrganization.objects.filter(organization__in=keys, psa=instance.psa)
        mapped = _mapped(instance).filter(organization__in=keys)
        fresh = Organization.objects.present().filter(pk__in=keys)
        fresh = fresh.exclude(pk__in=known.values("organization"))
        organizations = list(fresh.exclude(pk__in=mapped.values("organization")))
        IgnoredOrganization.objects.bulk_create(
            IgnoredOrganization(organization=organization, psa=instance.psa, ignored_by=batch.actor.account)
            for organization in organizations
        )
        suggested = MappingProposal.objects.filter(
            organization__in=organizations, kind=MappingProposal.Kind.SUGGESTED, instance__psa=instance.psa
        )
        forgotten: dict[int, list[Suggestion]] = {}
        for row in suggested.values("organization_id", *SUGGESTION_KEYS, *SUGGESTION_FIELDS):
            forgotten.setdefault(row.pop("organization_id"), []).append(row)
        suggested.delete()
        batch.record(
            [
                decision(Action.ORGANIZATION_IGNORED, each, instance, forgotten=forgotten.get(each.pk, ()))
                for each in organizations
            ]
        )
    return len(organizations)


def _mapped(instance: IntegrationInstance) -> MappingQuerySet:
    return OrganizationMapping.objects.present().filter(psa=instance.psa).order_by()


def stop_ignoring(
    batch: Batch,
    instance: IntegrationInstance,
    organization: Organization,
    forgotten: Sequence[Suggestion] = (),
) -> bool:
    """Bring an ignored organization back into the open work, with the suggestions that went ``forgotten``."""
    with transaction.atomic():
        deleted, _ = IgnoredOrganization.objects.filter(organization=organization, psa=instance.psa).delete()
        if deleted:
            _restore_suggestions(organization, forgotten)
            batch.record([decision(Action.ORGANIZATION_REOPENED, organization, instance)])
    return deleted > 0


def decision(
    action: Action,
    organization: Organization,
    instance: IntegrationInstance,
    *,
    before: Company | None = None,
    after: Company | None = None,
    forgotten: Sequence[Suggestion] = (),
) -> Change:
    """The event that tells a decision: the company of the pair, and which suggestions went with it."""

    def named(company: Company | None) -> dict[str, object]:
        return {"company": company.pk, "company_name": company.name} if company else {}

    told = named(after) | ({"suggestions": list(forgotten)} if forgotten else {})
    target = ("organization", str(organization.pk), organization.name)
    return Change(action, *target, named(before) or None, told or None, instance)


# --- the suggestions that go with a decision ----------------------------------------------------------------


def _discard_suggestions(organization: Organization, **which: Any) -> list[Suggestion]:
    """Delete what was suggested to anybody for the organization; what ``_restore_suggestions`` needs."""
    rows = MappingProposal.objects.filter(
        organization=organization, kind=MappingProposal.Kind.SUGGESTED, **which
    )
    forgotten: list[Suggestion] = list(rows.values(*SUGGESTION_KEYS, *SUGGESTION_FIELDS))
    rows.delete()
    return forgotten


def _restore_suggestions(organization: Organization, forgotten: Sequence[Suggestion]) -> None:
    """Bring back what a decision has made forgotten, when the decision is taken back.

    Not for people, configurations and companies that are gone, nor where something was proposed or mapped
    since.
    """
    if not forgotten:
        return
    mapped = OrganizationMapping.objects.present().filter(organization=organization).values("psa")
    models = {
        "user_id": User.objects.filter(is_active=True),
        "instance_id": IntegrationInstance.objects.present().exclude(psa__in=mapped),
        "company_id": Company.objects.all(),
    }
    there = {
        name: {None, *rows.filter(pk__in={each[name] for each in forgotten}).values_list("pk", flat=True)}
        for name, rows in models.items()
    }
    MappingProposal.objects.bulk_create(
        [
            MappingProposal(organization=organization, kind=MappingProposal.Kind.SUGGESTED, **each)
            for each in forgotten
            if all(each[name] in there[name] for name in SUGGESTION_KEYS)
        ],
        ignore_conflicts=True,
    )
