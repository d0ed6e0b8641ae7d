"""Which mappings need review, told once: an event when a mapping begins to, and one when it no longer does.

The state is compared, not the act that caused it: whatever makes a company vanish, and whenever a worker is
killed, the next comparison finds what was not told yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from integrations.models import OrganizationMapping, ReviewNotice
from integrations.models.audit import Action
from integrations.models.mappings import MappingQuerySet
from integrations.models.review_reasons import find_all, needs_review
from integrations.services.audit import Actor, Batch, Change, serialize_followed_events

PORTAL = Actor("The portal", "review of mappings")
TARGET_TYPE = "review"
NOTICES_A_TIME = 2_000


def note_reviews() -> int:
    """Compare what needs review with what was told, and record the difference; returns how many events.

    Repeatable at any moment and by several workers at once.
    """
    wanted = OrganizationMapping.objects.in_tables().filter(needs_review(), instance__deleted_at=None)
    settled = ReviewNotice.objects.exclude(mapping__in=wanted.values("pk"))
    if not settled.exists() and not any(True for _ in _untold(wanted)):
        return 0  # the usual case takes no lock
    with transaction.atomic():
        serialize_followed_events()
        related = ("mapping__organization", "mapping__company", "mapping__instance")
        notices = list(settled.select_related(*related)[:NOTICES_A_TIME])
        ReviewNotice.objects.filter(pk__in=[notice.pk for notice in notices]).delete()
        changes = [_change(Action.REVIEW_SETTLED, each.mapping, [], before=each.reasons) for each in notices]
        told = []
        for mapping, reasons in _untold(wanted):
            changes.append(_change(Action.REVIEW_NEEDED, mapping, reasons))
            told.append(ReviewNotice(mapping=mapping, reasons=reasons))
            if len(changes) >= NOTICES_A_TIME:
                break
        ReviewNotice.objects.bulk_create(
            told,
            update_conflicts=True,
            unique_fields=["mapping"],
            update_fields=["reasons"],
            batch_size=500,
        )
        Batch(PORTAL).record(changes)
    return len(changes)


def _untold(wanted: MappingQuerySet) -> Iterator[tuple[OrganizationMapping, list[str]]]:
    """Mappings that need review, and why, for reasons that were not told."""
    rows = list(wanted.with_names().select_related("review_notice").order_by("pk"))
    find_all(rows)
    for mapping in rows:
        reasons = [reason.value for reason in mapping.review_reasons]
        notice = getattr(mapping, "review_notice", None)
        if notice is None or notice.reasons != reasons:
            yield mapping, reasons


def _change(
    action: Action, mapping: OrganizationMapping, reasons: list[str], before: list[str] | None = None
) -> Change:
    facts = {"company": mapping.company_id, "company_name": mapping.company.name}
    target = (TARGET_TYPE, str(mapping.organization_id), mapping.organization.name)
    was = None if before is None else {**facts, "reasons": before}
    return Change(action, *target, was, {**facts, "reasons": reasons}, mapping.instance)
