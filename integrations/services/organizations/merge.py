"""Merging two organizations that are the same customer: one goes, what was known of it goes along.

Mappings move to the one that stays, rejected companies stay rejected, and values that only the other one had
are taken over, as are other tools' ids of it. Who asks for the merged one by its ids is told the one that
stays (services/read_api/resolve.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from integrations.models import IntegrationInstance, Organization, OrganizationMapping, RejectedMatch
from integrations.models.audit import Action
from integrations.models.organizations import OrganizationQuerySet
from integrations.services.audit import Batch, Change, mapping_change, organization_change
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.organizations.identifiers import carry_ids
from integrations.services.suggestions.decisions import decision

# The one that stays keeps its own external id: by the other one's it is found as well.
TAKEN_OVER = ("domain", "phone", "city", "state", "postal_code")
MOST_ALIKE = 20


class CompanyUndecided(Exception):
    """Both are mapped in a PSA, to different companies, and nobody said which one is right."""


class Clash(NamedTuple):
    """Both are mapped in a PSA, to different companies."""

    psa: str
    ours: OrganizationMapping  # of the one that stays
    theirs: OrganizationMapping


@dataclass(frozen=True)
class MergePlan:
    """What merging would do. ``seen`` names the state that it was made from."""

    merged: Organization
    into: Organization
    moved: tuple[OrganizationMapping, ...]  # the one that stays is not mapped in these PSAs
    same: tuple[OrganizationMapping, ...]  # both are mapped to this company
    clashes: tuple[Clash, ...]
    taken_over: dict[str, str]  # fields that only the merged one has
    rejected: tuple[RejectedMatch, ...]
    seen: str


def alike(visible: OrganizationQuerySet, organization: Organization, text: str) -> list[Organization]:
    """Whom it can be merged into: what the text finds, otherwise who has its name, domain or phone."""
    others = visible.present().exclude(pk=organization.pk)
    if text:
        found: QuerySet[Organization] = others.search(text)
    else:
        same = Q(name__iexact=organization.name)
        for field in ("domain", "phone"):
            if getattr(organization, field):
                same |= Q(**{f"{field}__iexact": getattr(organization, field)})
        found = others.filter(same)
    return list(found.order_by(Lower("name"), "pk")[:MOST_ALIKE])


def plan_merge(merged: Organization, into: Organization) -> MergePlan:
    """What merging the first organization into the second would do, as things stand."""
    ours = {mapping.psa: mapping for mapping in _mappings(into) if mapping.is_in_force}
    theirs = {mapping.psa: mapping for mapping in _mappings(merged) if mapping.is_in_force}
    both = [psa for psa in theirs if psa in ours]
    held = {mapping.company_id for mapping in (*ours.values(), *theirs.values())}
    known = into.rejected_matches.values("company")
    rejected = merged.rejected_matches.exclude(company__in=known).exclude(company__in=held)
    return MergePlan(
        merged=merged,
        into=into,
        moved=tuple(mapping for psa, mapping in theirs.items() if psa not in ours),
        same=tuple(theirs[psa] for psa in both if theirs[psa].company_id == ours[psa].company_id),
        clashes=tuple(
            Clash(psa, ours[psa], theirs[psa])
            for psa in both
            if theirs[psa].company_id != ours[psa].company_id
        ),
        taken_over={
            field: getattr(merged, field)
            for field in TAKEN_OVER
            if getattr(merged, field) and not getattr(into, field)
        },
        rejected=tuple(rejected.select_related("company__instance")),
        seen=_state(merged, into, [*ours.values(), *theirs.values()]),
    )


def merge_organizations(
    batch: Batch, merged: Organization, into: Organization, companies: Mapping[str, int], seen: str
) -> None:
    """Merge the first organization into the second, as the plan says that was made from the state ``seen``.

    ``companies`` gives the company (our id) that is right in each PSA in which both have one of their own.
    Raises ChangedMeanwhile and CompanyUndecided; then nothing is written.
    """
    with transaction.atomic():
        _lock(merged, into)
        present = Organization.objects.present().in_bulk([merged.pk, into.pk])
        if len(present) < 2:
            raise ChangedMeanwhile
        merged, into = present[merged.pk], present[into.pk]
        plan = plan_merge(merged, into)
        if plan.seen != seen:
            raise ChangedMeanwhile
        for clash in plan.clashes:
            if companies.get(clash.psa) not in {clash.ours.company_id, clash.theirs.company_id}:
                raise CompanyUndecided
        changes = [*_move_mappings(plan, companies, batch), *_carry_rejections(plan, batch)]
        if plan.taken_over:
            changes.append(_take_over(plan))
        changes += carry_ids(merged, into)
        changes.append(_end(plan))
        batch.record(changes)


def merged_external_ids() -> dict[str, str]:
    """External ids of merged organizations, with the name of the one that each has become in the end.

    Without those whose end was deleted.
    """
    external_ids = Organization.objects.merged().exclude(external_id="")
    ends = external_ids.end_of_merges()
    names = dict(Organization.objects.present().filter(pk__in=set(ends.values())).values_list("pk", "name"))
    merged = external_ids.values_list("pk", "external_id")
    return {external_id: names[ends[pk]] for pk, external_id in merged if ends[pk] in names}


def _lock(merged: Organization, into: Organization) -> None:
    """In the order in which every save locks: instances, organizations, mappings."""
    pair = [merged.pk, into.pk]
    involved = OrganizationMapping.objects.filter(organization__in=pair).values("instance")
    list(IntegrationInstance.objects.locked().filter(pk__in=involved).order_by("pk").only("pk"))
    list(Organization.objects.locked().filter(pk__in=pair).order_by("pk").only("pk"))
    list(OrganizationMapping.objects.filter(organization__in=pair).locked().only("pk"))


def _mappings(organization: Organization) -> QuerySet[OrganizationMapping]:
    """In force or not, with what is told of them."""
    return organization.mappings.with_names().order_by("psa")


def _state(merged: Organization, into: Organization, mappings: list[OrganizationMapping]) -> str:
    known = [(each.pk, each.updated_at.isoformat()) for each in (merged, into)]
    versions = sorted((mapping.pk, mapping.version) for mapping in mappings)
    return hashlib.sha256(repr((known, versions)).encode()).hexdigest()[:32]


def _move_mappings(plan: MergePlan, companies: Mapping[str, int], batch: Batch) -> list[Change]:
    """The merged one loses its mappings; where they are right, the one that stays has them now."""
    rows = {mapping.psa: mapping for mapping in _mappings(plan.into)}
    right = [
        *plan.moved,
        *(clash.theirs for clash in plan.clashes if companies[clash.psa] == clash.theirs.company_id),
    ]
    wrong = [*plan.same, *(clash.theirs for clash in plan.clashes if clash.theirs not in right)]
    written: list[OrganizationMapping] = []
    changes: list[Change] = []
    now = timezone.now()
    for theirs in [*right, *wrong]:
        held = theirs.snapshot()
        theirs.remove(now)
        written.append(theirs)
        changes.append(mapping_change(Action.MAPPING_REMOVED, theirs, held))
    for theirs in right:
        ours = rows.get(theirs.psa)
        before = ours.snapshot() if ours else None
        action = Action.MAPPING_CHANGED if ours and ours.is_in_force else Action.MAPPING_CREATED
        ours = ours or OrganizationMapping(organization=plan.into, psa=theirs.psa, version=0)
        written.append(ours)
        ours.assign(
            theirs.company,
            by=batch.actor.account,
            at=now,
            source=theirs.source,
            confidence=theirs.confidence,
            reasons=theirs.reasons,
            matcher_version=theirs.matcher_version,
            known_as=theirs.confirmed_name,
        )
        changes.append(mapping_change(action, ours, before))
    OrganizationMapping.objects.write(written)
    return changes


def _carry_rejections(plan: MergePlan, batch: Batch) -> list[Change]:
    RejectedMatch.objects.bulk_create(
        RejectedMatch(
            organization=plan.into,
            company=row.company,
            company_name=row.company_name,
            rejected_by=batch.actor.account,
        )
        for row in plan.rejected
    )
    return [
        decision(Action.MATCH_REJECTED, plan.into, row.company.instance, after=row.company)
        for row in plan.rejected
    ]


def _take_over(plan: MergePlan) -> Change:
    into, before = plan.into, plan.into.snapshot()
    for name, value in plan.taken_over.items():
        setattr(into, name, value)
    into.save(update_fields=[*plan.taken_over, "updated_at"])
    return organization_change(Action.ORGANIZATION_CHANGED, into, before, into.snapshot())


def _end(plan: MergePlan) -> Change:
    merged = plan.merged
    merged.deleted_at, merged.merged_into = timezone.now(), plan.into
    merged.save(update_fields=["deleted_at", "merged_into", "updated_at"])
    merged.proposals.all().delete()
    state: dict[str, Any] = {"merged_into": plan.into.name, **merged.snapshot()}
    return organization_change(Action.ORGANIZATION_MERGED, merged, state, None)
