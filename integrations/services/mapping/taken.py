"""The suggestions that a save takes or replaces: kept in the history, and put back by undo."""

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


def suggestion_of(user: User, proposal: TickedProposal, *, was_present: bool) -> dict[str, Any]:
    """What only the suggestion knew that a save takes, for the mapping's event; or the one that was replaced.

    Nothing where neither was, or where the organization was mapped before.
    """
    if proposal.kind == SUGGESTED:
        return {SUGGESTION: {"user": user.pk} | {name: getattr(proposal, name) for name in KEPT}}
    return {SUGGESTION: proposal.replaced} if proposal.replaced and not was_present else {}


def told_again(event: dict[str, Any]) -> dict[str, Any]:
    """What the event that takes this one back tells of the suggestion, so that it can be taken back, too."""
    return {SUGGESTION: event[SUGGESTION]} if SUGGESTION in event else {}


def put_suggestions_back(rows: Sequence[TakenBack]) -> None:
    """Suggest again what is no longer mapped, to whom it was; not ticked, so that no save takes it unseen.

    Not to people and of companies that are gone, nor what was refused, or chosen otherwise, since. Of what
    is mapped again the same suggestion goes.
    """
    _take_again([row for row in rows if row.mapping.is_in_force])
    rows = [row for row in rows if SUGGESTION in row.told and not row.mapping.is_in_force]
    if not rows:
        return
    people = {row.told[SUGGESTION]["user"] for row in rows}
    active = set(User.objects.filter(pk__in=people, is_active=True).values_list("pk", flat=True))
    named = {row.told["company"] for row in rows} | {_suggested(row)["company"] for row in rows}
    companies = dict(Company.objects.filter(pk__in=named - {None}).values_list("pk", "instance"))
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
            and _suggested(row)["company"] in {None, *companies}
            and (row.mapping.organization_id, _suggested(row)["company"]) not in refused
        ],
        ignore_conflicts=True,
        batch_size=500,
    )


def _suggested(row: TakenBack) -> dict[str, Any]:
    """The suggestion as a whole: what is not told of it its mapping has."""
    suggested: dict[str, Any] = row.told[SUGGESTION]
    return row.told | suggested


def _suggestion(row: TakenBack, instance: int) -> MappingProposal:
    suggested = _suggested(row)
    return MappingProposal(
        user_id=suggested["user"],
        instance_id=instance,
        organization_id=row.mapping.organization_id,
        company_id=suggested["company"],
        kind=SUGGESTED,
        confidence=suggested["confidence"],
        reasons=suggested["reasons"],
        matcher_version=suggested["matcher_version"],
        seen_version=row.mapping.version,
        **{name: suggested[name] for name in KEPT},
    )


def _take_again(rows: Sequence[TakenBack]) -> None:
    mapped = {(row.mapping.organization_id, row.mapping.company_id) for row in rows}
    replaced = {
        (row.mapping.organization_id, _suggested(row)["company"], row.told[SUGGESTION]["user"])
        for row in rows
        if SUGGESTION in row.told
    }
    organizations = {organization for organization, _ in mapped}
    suggested = MappingProposal.objects.filter(kind=SUGGESTED, organization__in=organizations).order_by()
    found = suggested.values_list("pk", "organization", "company", "user")
    again = [pk for pk, *each in found if tuple(each[:2]) in mapped or tuple(each) in replaced]
    if again:
        MappingProposal.objects.filter(pk__in=again).delete()
