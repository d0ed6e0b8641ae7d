"""Which mappings need review, told once: an event when a mapping begins to, and one when it no longer does.

The state is compared, not the act that caused it: whatever makes a company vanish, and whenever a worker is
killed, the next comparison finds what was not told yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from integrations.models import OrganizationMapping, ReviewNotice
from integrations.models.audit import Action
from integrations.models.review_reasons import open_reasons
from integrations.services.audit import Actor, Batch, Change, serialize_followed_events
from integrations.services.drift.decide import end_assignments

PORTAL = Actor("The portal", "review of mappings")
TARGET_TYPE = "review"
NOTICES_A_TIME = 2_000
FEW = 500


def note_reviews() -> int:
    """Compare what needs review with what was told, and record the difference; returns how many events.

    Repeatable at any moment and by several workers at once.
    """
    if not any(_differences()):
        return 0  # the usual case takes no lock
    with transaction.atomic():
        serialize_followed_events()
        settled, untold = _differences()
        related = ("mapping__organization", "mapping__company", "mapping__instance")
        notices = list(ReviewNotice.objects.filter(pk__in=settled[:NOTICES_A_TIME]).select_related(*related))
        ReviewNotice.objects.filter(pk__in=[notice.pk for notice in notices]).delete()
        changes = [_change(Action.REVIEW_SETTLED, each.mapping, [], before=each.reasons) for each in notices]
        told = []
        for mapping in _rows(list(untold)[: NOTICES_A_TIME - len(changes)]):
            reasons = untold[mapping.pk]
            changes.append(_change(Action.REVIEW_NEEDED, mapping, reasons))
            told.append(ReviewNotice(mapping=mapping, reasons=reasons))
        ReviewNotice.objects.bulk_create(
            told,
            update_conflicts=True,
            unique_fields=["mapping"],
            update_fields=["reasons"],
            batch_size=FEW,
        )
        batch = Batch(PORTAL)
        batch.record(changes)
        end_assignments(batch, [notice.mapping for notice in notices])
    return len(changes)


def _differences() -> tuple[list[int], dict[int, list[str]]]:
    """The notices (ids) of mappings that need no review any more, and why which mappings need one untold."""
    there = OrganizationMapping.objects.in_tables().filter(instance__deleted_at=None)
    needed = {pk: [reason.value for reason in reasons] for pk, reasons in open_reasons(there).items()}
    told, settled = {}, []
    for pk, mapping, reasons in ReviewNotice.objects.order_by("pk").values_list("pk", "mapping", "reasons"):
        told[mapping] = reasons
        if mapping not in needed:
            settled.append(pk)
    return settled, {pk: reasons for pk, reasons in needed.items() if told.get(pk) != reasons}


def _rows(keys: list[int]) -> Iterator[OrganizationMapping]:
    """The mappings with what is told of them."""
    for start in range(0, len(keys), FEW):
        some = OrganizationMapping.objects.filter(pk__in=keys[start : start + FEW])
        yield from some.with_names().order_by("pk")


def _change(
    action: Action, mapping: OrganizationMapping, reasons: list[str], before: list[str] | None = None
) -> Change:
    facts = {"company": mapping.company_id, "company_name": mapping.company.name}
    target = (TARGET_TYPE, str(mapping.organization_id), mapping.organization.name)
    was = None if before is None else {**facts, "reasons": before}
    return Change(action, *target, was, {**facts, "reasons": reasons}, mapping.instance)
