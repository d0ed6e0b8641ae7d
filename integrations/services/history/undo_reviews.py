"""Taking back that a mapping to be looked at was put off, or given to somebody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import User

from integrations.database.transactions import transaction_required
from integrations.models import AuditEvent, ReviewCase
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change
from integrations.services.history.register import CHANGED_SINCE, GONE, puts_back


@puts_back("map_organizations", Action.REVIEW_IGNORED, Action.REVIEW_ASSIGNED, Action.REVIEW_CHANGE_UNDONE)
@transaction_required
def put_back_reviews(batch: Batch, events: Sequence[AuditEvent]) -> Iterator[str]:
    """Make of each case what it was before the event."""
    organizations = [int(event.target_id) for event in events]
    cases = {
        (case.mapping.organization_id, case.mapping.psa): case
        for case in ReviewCase.objects.filter(mapping__organization__in=organizations)
        .select_related("mapping__organization", "mapping__instance", "assigned_to")
        .select_for_update(of=("self",))
    }
    wanted = {(event.before or {}).get("assigned_to") for event in events}
    people = User.objects.in_bulk(wanted - {None})
    changes = []
    for event in events:
        psa = event.instance.psa if event.instance else ""
        case = cases.get((int(event.target_id), psa))
        if case is None or event.before is None:
            yield GONE
            continue
        state = case.snapshot()
        if _told(state) != _told(event.after or {}):
            yield CHANGED_SINCE
            continue
        at, person = event.before["ignored_at"], event.before["assigned_to"]
        case.ignored_at = dt.datetime.fromisoformat(at) if at else None
        case.mapping_version = event.before["version"]
        case.assigned_to = people.get(person)
        given = event.before.get("assigned_at")
        case.assigned_at = dt.datetime.fromisoformat(given) if given else None
        case.save()
        target = (event.target_type, event.target_id, event.target_name)
        changes.append(
            Change(Action.REVIEW_CHANGE_UNDONE, *target, state, case.snapshot(), case.mapping.instance)
        )
        yield ""
    batch.record(changes)


def _told(state: dict[str, Any]) -> dict[str, Any]:
    """What counts of it: not how somebody was called, nor when they were given it."""
    return {name: value for name, value in state.items() if name not in {"person", "assigned_at"}}
