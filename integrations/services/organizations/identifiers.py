"""What other tools call an organization: written, carried along and told, like its other values.

An event names ids by kind and tool, ``tenant_id:Microsoft Partner Center``, with a list of values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from integrations.database.transactions import transaction_required
from integrations.models import Organization, OrganizationIdentifier
from integrations.models.audit import Action
from integrations.models.identifiers import KnownId
from integrations.services.audit import Change, organization_change

Kind = OrganizationIdentifier.Kind
BATCH = 500


def told_ids(known: Iterable[KnownId]) -> dict[str, Any]:
    """Ids as an event tells them."""
    told: dict[str, Any] = {}
    for each in sorted(known):
        told.setdefault(f"{each.kind}:{each.source}", []).append(each.value)
    return told


def ids_of_event(state: Mapping[str, Any] | None) -> list[KnownId]:
    """The ids that an event tells."""
    found = []
    for name, values in (state or {}).items():
        kind, _, source = name.partition(":")
        found += [KnownId(kind, source, value) for value in values]
    return sorted(found)


def with_ids(known: Collection[KnownId], told: Iterable[KnownId]) -> list[KnownId]:
    """What is known once a tool told these: its only id of a kind is replaced, to several one is added."""
    result = list(known)
    for new in told:
        if new in result:
            continue
        same = [each for each in result if each[:2] == new[:2]]
        if len(same) == 1:
            result.remove(same[0])
        result.append(new)
    return sorted(result)


@transaction_required
def write_ids(
    wanted: Mapping[int, Collection[KnownId]],
    named: Mapping[int, Organization],
    action: Action = Action.IDENTIFIERS_CHANGED,
) -> list[Change]:
    """Make these all that is known of the organizations (by primary key); returns what to record."""
    rows = OrganizationIdentifier.objects.filter(organization__in=list(wanted))
    before: dict[int, dict[KnownId, int]] = {pk: {} for pk in wanted}
    for row in rows:
        before[row.organization_id][row.known] = row.pk
    changes: list[Change] = []
    new: list[OrganizationIdentifier] = []
    gone: list[int] = []
    for pk, ids in wanted.items():
        was, now = before[pk], set(ids)
        if was.keys() == now:
            continue
        gone += [was[each] for each in was.keys() - now]
        new += [
            OrganizationIdentifier(organization_id=pk, **each.named()) for each in sorted(now - was.keys())
        ]
        changes.append(organization_change(action, named[pk], told_ids(was), told_ids(now)))
    OrganizationIdentifier.objects.filter(pk__in=gone).delete()
    OrganizationIdentifier.objects.bulk_create(new, batch_size=BATCH)
    return changes


@transaction_required
def carry_ids(merged: Organization, into: Organization) -> list[Change]:
    """Let the organization that stays have the merged one's ids as well; returns what to record."""
    known = OrganizationIdentifier.objects.by_organization([merged.pk, into.pk])
    if merged.pk not in known:
        return []
    return write_ids({into.pk: {*known.get(into.pk, ()), *known[merged.pk]}}, {into.pk: into})


def id_label(name: str) -> str:
    """What an event's name of an id is in words; "" when it is none."""
    kind, found, source = name.partition(":")
    return f"{Kind(kind).label} ({source})" if found and kind in Kind else ""
