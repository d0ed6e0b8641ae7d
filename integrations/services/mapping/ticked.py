"""What a person has ticked, read for saving: the proposals, what stands in their way, and how that is told.

Rows come without the models that they refer to: five thousand of those take Django a second to make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import F

from integrations.database.query_cache import cached_rows
from integrations.models import IntegrationInstance, MappingProposal, Organization, OrganizationMapping

CHANGED_SINCE = "Changed by {person} since you saw it."


@dataclass(frozen=True)
class Conflict:
    """A row that was not saved: what was wanted, and what stands there now."""

    organization: Organization
    wanted: str
    present: str
    reason: str

    def sentence(self) -> str:
        """For the page: both values, and what to do."""
        return (
            f"{self.organization.name} was not saved. {self.reason} Now: {self.present}. "
            f"Yours: {self.wanted}. Choose again to overwrite it."
        )


class TickedProposal(NamedTuple):
    """A ticked proposal."""

    pk: int
    organization_id: int
    organization_name: str
    organization_deleted_at: Any
    company_id: int | None
    company_name: str | None
    kind: str
    moves: bool
    seen_version: int
    confidence: float | None
    reasons: list[str]
    matcher_version: str


@dataclass(frozen=True)
class BlockedProposal:
    """Why a proposal cannot be saved, and the mapping (with its ``company_name``) in its way."""

    proposal: TickedProposal
    mapping: Any
    reason: str


def ticked_proposals(
    user: User, instance: IntegrationInstance, only: Organization | None
) -> list[TickedProposal]:
    """What this person has ticked; ``only`` looks at one organization."""
    return [
        TickedProposal(*row)
        for row in cached_rows(_ticked, (user.pk, instance.pk, *([only.pk] if only else [])))
    ]


def _ticked(user: int, instance: int, *only: int) -> Any:
    ticked = MappingProposal.objects.filter(user=user, instance=instance, selected=True)
    return (
        ticked.exclude(kind=MappingProposal.Kind.SUGGESTED, company=None)
        .filter(**({"organization__in": only} if only else {}))
        .order_by("organization_id")
        .values_list(
            "pk", "organization_id", "organization__name", "organization__deleted_at", "company_id",
            "company__name", "kind", "moves", "seen_version", "confidence", "reasons", "matcher_version",
        )
    )  # fmt: skip


def standing_mappings(instance: IntegrationInstance, proposals: Iterable[TickedProposal]) -> dict[int, Any]:
    """The mapping of each proposal's organization, locked, in force or not, with its ``company_name``."""
    organizations = [proposal.organization_id for proposal in proposals]
    # One row is saved at every step of the review: its query is written once. Thousands need no other SQL.
    one = cached_rows(_standing, organizations, (instance.psa,)) if len(organizations) == 1 else None
    found = _standing(*organizations, instance.psa) if one is None else one
    return {mapping.organization_id: mapping for mapping in found}


def _standing(*organizations_and_psa: Any) -> Any:
    *organizations, psa = organizations_and_psa
    rows = OrganizationMapping.objects.filter(organization__in=organizations, psa=psa)
    locked = rows.order_by("organization_id").select_for_update(of=("self",))
    return locked.annotate(company_name=F("company__name"))


def blocking_reason(
    proposal: TickedProposal,
    mapping: OrganizationMapping | None,
    instance: IntegrationInstance,
    instances: Mapping[int, IntegrationInstance],
) -> str:
    """Why this proposal cannot be fulfilled as things stand now; "" when it can."""
    if proposal.organization_deleted_at is not None:
        return "The organization was deleted meanwhile."
    if mapping is None:
        return ""
    if mapping.is_in_force and mapping.instance_id != instance.pk and not proposal.moves:
        return f"It is mapped in “{instances[mapping.instance_id].name}” now."
    return CHANGED_SINCE if mapping.version != proposal.seen_version else ""


def describe_conflicts(blocked: Sequence[BlockedProposal]) -> list[Conflict]:
    """The blocked rows with their names, which are read for these alone."""
    if not blocked:
        return []
    organizations = Organization.objects.in_bulk([each.proposal.organization_id for each in blocked])
    authors = {each.mapping.confirmed_by_id for each in blocked if each.mapping}
    people = User.objects.in_bulk(authors - {None})
    told = []
    for each in blocked:
        proposal, mapping, reason = each.proposal, each.mapping, each.reason
        if reason is CHANGED_SINCE:
            person = people.get(mapping.confirmed_by_id)
            reason = reason.format(person=person.get_username() if person else "somebody else")
        present = mapping.company_name if mapping and mapping.is_in_force else "not mapped"
        wanted = proposal.company_name or "no company"
        told.append(Conflict(organizations[proposal.organization_id], wanted, present, reason))
    return told
