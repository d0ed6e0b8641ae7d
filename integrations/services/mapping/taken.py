"""The suggestions that a save takes: kept in the history, and put back with a mapping taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.contrib.auth.models import User

from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.services.mapping.ticked import TickedProposal

SUGGESTION = "suggestion"  # in what an event tells of a mapping; the rest of it the mapping has
KEPT = ("tier", "match_kind", "rivals")
SUGGESTED = MappingProposal.Kind.SUGGESTED


class TakenBack(NamedTuple):
    """A mapping that was just put back, and what the event that made it had told of it."""

    mapping: OrganizationMapping
    told: dict[str, Any]


def suggestion_of(user: User, proposal: TickedProposal) -> dict[str, Any]:
    """What only the suggestion knew that a save takes, for the mapping's event; nothing if it was none."""
    if proposal.kind != SUGGESTED:
        return {}
    return {SUGGESTION: {"user": user.pk} | {name: getattr(proposal, name) for name in KEPT}}


def put_suggestions_back(rows: Sequence[TakenBack]) -> None:
    """Suggest again what is no longer mapped, to whom it was; not ticked, so that no save takes it unseen.

    Not to people and of companies that are gone, nor what was refused, or chosen otherwise, since. Of what
    is mapped again the same suggestion goes.
    """
    _take_again([row.mapping for row in rows if row.mapping.is_in_force])
    rows = [row for row in rows if SUGGESTION in row.told and not row.mapping.is_in_force]
    if not rows:
        return
    people = {row.told[SUGGESTION]["user"] for row in rows}
    active = set(User.objects.filter(pk__in=people, is_active=True).values_list("pk", flat=True))
    named = [row.told["company"] for row in rows]
    companies = dict(Company.objects.filter(pk__in=named).values_list("pk", "instance"))
    there = IntegrationInstance.objects.present().filter(pk__in=set(companies.values()))
    instances = set(there.values_list("pk", flat=True))
    refused = set(
        RejectedMatch.objects.filter(organization__in=[row.mapping.organization_id for row in rows])
        .order_by()
        .values_list("organization", "company")
    )
    MappingProposal.objects.bulk_create(
        [
            _suggestion(row, companies[row.told["company"]])
            for row in rows
            if row.told[SUGGESTION]["user"] in active
            and companies.get(row.told["company"]) in instances
            and (row.mapping.organization_id, row.told["company"]) not in refused
        ],
        ignore_conflicts=True,
        batch_size=500,
    )


def _suggestion(row: TakenBack, instance: int) -> MappingProposal:
    mapping, told = row
    suggested = told[SUGGESTION]
    return MappingProposal(
        user_id=suggested["user"],
        instance_id=instance,
        organization_id=mapping.organization_id,
        company_id=told["company"],
        kind=SUGGESTED,
        confidence=told["confidence"],
        reasons=told["reasons"],
        matcher_version=told["matcher_version"],
        seen_version=mapping.version,
        **{name: suggested[name] for name in KEPT},
    )


def _take_again(mappings: Sequence[OrganizationMapping]) -> None:
    pairs = {(mapping.organization_id, mapping.company_id) for mapping in mappings}
    organizations = {organization for organization, _ in pairs}
    suggested = MappingProposal.objects.filter(kind=SUGGESTED, organization__in=organizations).order_by()
    found = suggested.values_list("pk", "organization", "company")
    again = [pk for pk, *pair in found if tuple(pair) in pairs]
    if again:
        MappingProposal.objects.filter(pk__in=again).delete()
