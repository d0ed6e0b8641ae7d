"""What a person has before them and has not saved: choices, ticks, what they discard."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from integrations.database.query_cache import cached_rows
from integrations.matching import Kind, Tier
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.services.mapping.rows import TableQuery, savable_rows
from integrations.services.mapping.table import matching_organizations

# On what a *sure* suggestion rests, in few words, by tier and kind; its reasons tell the whole.
SURE_BY: dict[tuple[str, str], str] = {
    (Tier.SURE, Kind.IDENTIFIER): "id told by a tool",
    (Tier.SURE, Kind.SAME_NAME_AND_CONTACT): "same name + contact",
    (Tier.SURE, Kind.SAME_NAME): "same name",
    (Tier.SURE, Kind.SPELLING_AND_CONTACT): "spelling + contact",
    (Tier.SURE, Kind.LETTERS_EXCHANGED): "two letters exchanged",
}

# All that a suggestion tells, for undo to bring it back (taken.py).
WHOLE = ("company", "confidence", "reasons", "matcher_version", "tier", "match_kind", "rivals")


class CompanyNotOffered(Exception):
    """The chosen company is not one of this instance's, was never read completely, or is the MSP itself."""


class OrganizationElsewhere(Exception):
    """The organization is mapped in another instance and was not asked to be moved."""


def choose_company(
    user: User,
    instance: IntegrationInstance,
    organization: Organization,
    company: Company | None,
    *,
    moves: bool = False,
) -> MappingProposal | None:
    """Note that this person wants the organization mapped to the company; None clears the mapping.

    Choosing what is saved already takes the note away. A suggestion that another company replaces is kept
    with the choice. Raises CompanyNotOffered, OrganizationElsewhere.
    """
    if company is not None and (company.instance_id != instance.pk or company.is_own or company.is_pending):
        raise CompanyNotOffered
    with transaction.atomic():
        standing = OrganizationMapping.objects.filter(organization=organization, psa=instance.psa)
        mapping = standing.locked().first()
        present = mapping if mapping and mapping.is_in_force else None
        if present and present.instance_id != instance.pk and not moves:
            raise OrganizationElsewhere(present.instance.name)
        own = MappingProposal.objects.filter(user=user, instance=instance, organization=organization)
        wanted = (instance.pk, company.pk) if company else None
        if wanted == ((present.instance_id, present.company_id) if present else None):
            own.delete()
            return None
        replaced = own.values("kind", "replaced", *WHOLE).first()
        if replaced is not None:
            kind, before = replaced.pop("kind"), replaced.pop("replaced")
            replaced = {"user": user.pk} | replaced if kind == MappingProposal.Kind.SUGGESTED else before
        proposal, _ = MappingProposal.objects.update_or_create(
            user=user,
            instance=instance,
            organization=organization,
            defaults={
                "company": company,
                "kind": MappingProposal.Kind.CHOSEN if company else MappingProposal.Kind.CLEARED,
                "selected": True,
                "moves": moves,
                "tier": "",
                "confidence": None,
                "reasons": [],
                "matcher_version": "",
                "replaced": replaced if company else None,
                "seen_version": mapping.version if mapping else 0,
            },
        )
    return proposal


def accept_company(
    user: User, instance: IntegrationInstance, organization: Organization, company: Company
) -> None:
    """Tick the suggestion of this company that the row shows; otherwise choose it by hand.

    Raises CompanyNotOffered, OrganizationElsewhere.
    """
    suggested = _savable(user, instance, [organization.pk]).filter(company=company, kind="suggested")
    if not suggested.update(selected=True):
        choose_company(user, instance, organization, company)


def select_matching(user: User, instance: IntegrationInstance, query: TableQuery | None) -> int:
    """Tick every row that the query chooses, on all pages, or untick every row (None); returns how many.

    Rows without a company stay as they are.
    """
    if query is not None:
        chosen = matching_organizations(instance, user, query)
        return _savable(user, instance, chosen).update(selected=True)
    ticked = savable_rows(instance.pk, user.pk, instance.psa, Q(proposal__selected=True)).count()
    # Also what no row shows now: it may have one again.
    MappingProposal.objects.filter(user=user, instance=instance, selected=True).update(selected=False)
    return int(ticked)


def discard_proposal(user: User, instance: IntegrationInstance, organization: Organization) -> None:
    """Forget what this person wanted for the row."""
    MappingProposal.objects.filter(user=user, instance=instance, organization=organization).delete()


def select_proposals(
    user: User, instance: IntegrationInstance, shown: Collection[int], ticked: Collection[int]
) -> None:
    """Keep which of the rows that a page showed (organization ids) are ticked.

    What no row shows any more can be unticked, not ticked.
    """
    _savable(user, instance, set(shown) & set(ticked)).update(selected=True)
    unticked = set(shown) - set(ticked)
    MappingProposal.objects.filter(user=user, instance=instance, organization__in=unticked).update(
        selected=False
    )


def _savable(
    user: User, instance: IntegrationInstance, organizations: Collection[int]
) -> QuerySet[MappingProposal]:
    """This person's proposals for these organizations that rows of the table show and a save would take."""
    own = MappingProposal.objects.filter(user=user, instance=instance)
    ids = (instance.pk, user.pk, *organizations)
    if len(organizations) == 1:  # a tick: writing its SQL anew took longer than the rest of the request
        return own.filter(organization__in=cached_rows(_savable_organizations, ids, (instance.psa,)))
    if not organizations:
        return own.none()
    return own.filter(organization__in=_savable_organizations(*ids, instance.psa))


def _savable_organizations(instance: int, user: int, *organizations_and_psa: Any) -> QuerySet[Any, int]:
    *organizations, psa = organizations_and_psa
    rows = savable_rows(instance, user, psa).filter(pk__in=organizations)
    return rows.order_by().values_list("pk", flat=True)
