"""What a person has ticked, read for saving: the proposals, what stands in their way, and how that is told.

Rows come without the models that they refer to: five thousand of those take Django a second to make.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import F, Q, QuerySet

from integrations.database.query_cache import cached_rows
from integrations.models import IntegrationInstance, MappingProposal, Organization, OrganizationMapping
from integrations.services.mapping.rows import RowState, savable_rows, table_queryset

CHANGED_SINCE = "Changed by {person} since you saw it."
GONE = "“{company}” is no longer in Autotask. Choose another company."
OUTSIDE = "“{company}” is outside the company filter now. Choose another company, or widen the filter."


@dataclass(frozen=True)
class Conflict:
    """A row that was not saved: what was wanted, and what stands there now.

    Both are "" where choosing again changes nothing; then the reason tells what does.
    """

    organization: Organization
    reason: str
    wanted: str = ""
    present: str = ""

    def sentence(self) -> str:
        """For the page: both values, and what to do."""
        told = f"{self.organization.name} was not saved. {self.reason}"
        if not self.wanted:
            return told
        return f"{told} Now: {self.present}. Yours: {self.wanted}. Choose again to overwrite it."


class TickedProposal(NamedTuple):
    """A ticked proposal."""

    pk: int
    organization_id: int
    organization_name: str
    company_id: int | None
    company_name: str | None
    company_missing_since: dt.datetime | None
    company_in_filter: bool | None
    kind: str
    moves: bool
    seen_version: int
    confidence: float | None
    reasons: list[str]
    matcher_version: str
    tier: str
    match_kind: str
    rivals: list[Any]
    replaced: dict[str, Any] | None


class BlockedProposal(NamedTuple):
    """Why a proposal cannot be saved, and the mapping (with its ``company_name``) in its way."""

    proposal: TickedProposal
    mapping: Any
    reason: str


def ticked_proposals(
    user: User, instance: IntegrationInstance, only: Organization | None
) -> list[TickedProposal]:
    """What this person has ticked, of what the rows of the table show; ``only`` looks at one organization."""
    ids = (instance.pk, user.pk, *([only.pk] if only else []))
    return [TickedProposal(*row) for row in cached_rows(_ticked, ids, (instance.psa,))]


def _ticked(instance: int, user: int, *only_and_psa: Any) -> QuerySet[Any, tuple[Any, ...]]:
    *only, psa = only_and_psa
    ticked = savable_rows(instance, user, psa, Q(proposal__selected=True))
    names = (
        "pk", "company_id", "company__name", "company__missing_since", "company__in_filter", "kind", "moves",
        "seen_version", "confidence", "reasons", "matcher_version", "tier", "match_kind", "rivals",
        "replaced",
    )  # fmt: skip
    its_id, *values = (f"proposal__{name}" for name in names)
    return (
        ticked.filter(**({"pk__in": only} if only else {}))
        .order_by("pk")
        .values_list(its_id, "pk", "name", *values)
    )


def standing_mappings(instance: IntegrationInstance, proposals: Iterable[TickedProposal]) -> dict[int, Any]:
    """The mapping of each proposal's organization, locked, in force or not, with its ``company_name``."""
    organizations = [proposal.organization_id for proposal in proposals]
    rows = OrganizationMapping.objects.filter(organization__in=organizations, psa=instance.psa)
    named = rows.locked().annotate(company_name=F("company__name"))
    return {mapping.organization_id: mapping for mapping in named}


def blocking_reason(
    proposal: TickedProposal,
    mapping: OrganizationMapping | None,
    instance: IntegrationInstance,
    instances: Mapping[int, IntegrationInstance],
) -> str:
    """Why this proposal cannot be fulfilled as things stand now; "" when it can."""
    if mapping is not None:
        if mapping.is_in_force and mapping.instance_id != instance.pk and not proposal.moves:
            return f"It is mapped in “{instances[mapping.instance_id].name}” now."
        if mapping.version != proposal.seen_version:
            return CHANGED_SINCE
    if proposal.company_missing_since is not None:
        return GONE
    # Whoever chose it by hand meant it; a suggestion is only as good as the options that it was made from.
    is_outside = proposal.kind == MappingProposal.Kind.SUGGESTED and proposal.company_in_filter is False
    return OUTSIDE if is_outside else ""


def describe_conflicts(blocked: Sequence[BlockedProposal]) -> list[Conflict]:
    """The blocked rows with their names, which are read for these alone."""
    if not blocked:
        return []
    organizations = Organization.objects.in_bulk([each.proposal.organization_id for each in blocked])
    authors = {each.mapping.confirmed_by_id for each in blocked if each.mapping}
    people = User.objects.in_bulk(authors - {None})
    told = []
    for proposal, mapping, reason in blocked:
        if reason is CHANGED_SINCE:
            person = people.get(mapping.confirmed_by_id)
            reason = reason.format(person=person.get_username() if person else "somebody else")
        organization = organizations[proposal.organization_id]
        if reason in {GONE, OUTSIDE}:
            told.append(Conflict(organization, reason.format(company=proposal.company_name)))
            continue
        present = mapping.company_name if mapping and mapping.is_in_force else "not mapped"
        told.append(Conflict(organization, reason, proposal.company_name or "no company", present))
    return told


def describe_lost_rows(
    user: User, instance: IntegrationInstance, organizations: Collection[int]
) -> list[Conflict]:
    """Of the rows that a page showed ticked those whose tick the table shows no more, with the reason."""
    if not organizations:
        return []
    rows = table_queryset(instance.pk, user.pk, instance.psa).filter(pk__in=organizations)
    standing = {pk: told for pk, *told in rows.values_list("pk", "mapping_state", "mapping__instance__name")}
    told = []
    visible = Organization.objects.visible_to(user).select_related("merged_into")
    for organization in visible.filter(pk__in=organizations):
        state, instance_name = standing.get(organization.pk, (None, ""))
        if organization.deleted_at is not None and organization.merged_into is not None:
            reason = f"It was merged into “{organization.merged_into.name}” meanwhile. Map that one instead."
        elif organization.deleted_at is not None:
            reason = "It was deleted meanwhile. Restore it first if it should be mapped."
        elif state is None:
            reason = "It was set inactive meanwhile. Set it active first if it should be mapped."
        elif state == RowState.ELSEWHERE:
            reason = f"It is mapped in “{instance_name}” now. Use “Move here” to take it over."
        elif state == RowState.IGNORED:
            reason = "It is ignored meanwhile. Restore it first if it should be mapped."
        else:
            continue  # saved or discarded already, in another window
        told.append(Conflict(organization, reason))
    return told
