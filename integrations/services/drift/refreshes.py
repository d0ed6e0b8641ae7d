"""After a refresh: what it brought is compared with what is mapped, once, and told in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models.functions import Lower
from django.utils import timezone

from integrations.models import (
    IntegrationInstance,
    Occurrence,
    OrganizationMapping,
    RecordChange,
    RefreshSummary,
)
from integrations.models.drift import CHUNK, OF_COMPANY, Changed
from integrations.models.instances import InstanceQuerySet
from integrations.models.review_reasons import REASON_OF, ReviewReason, open_reasons
from integrations.services.audit import serialize_followed_events
from integrations.services.drift.better import better_companies

Kind = RecordChange.Kind
# What of a company is told by the mapping's rows themselves, and not by what changed since.
SEEN_IN_ROWS = (Kind.RENAMED, Kind.INACTIVE, Kind.LEFT, Kind.GONE)


def compare_refreshes(instance: IntegrationInstance, name_keys: Mapping[str, str] | None = None) -> int:
    """Look at what the last refreshes of the instance brought, and note how much drifted; how many mappings.

    ``name_keys`` are the matcher's keys of names, as far as the refresh has read them already. Repeatable: a
    refresh whose comparison was killed is compared the next time, together with the next one.
    """
    summaries = list(RefreshSummary.objects.filter(instance=instance, compared=False).order_by("pk"))
    if not summaries:
        return 0
    is_first = all(each.is_first for each in summaries)
    better = [] if is_first else better_companies(instance, summaries, name_keys or {})
    with transaction.atomic():
        IntegrationInstance.objects.locked().get(pk=instance.pk)
        mine = RefreshSummary.objects.filter(pk__in=[each.pk for each in summaries], compared=False)
        if mine.update(compared=True) != len(summaries):
            transaction.set_rollback(True)  # another worker was faster
            return 0
        now = timezone.now()
        RecordChange.objects.record(better, now)
        found = _drifted(summaries, better)
        if found:
            serialize_followed_events()
            _note(instance, summaries[-1], found)
    return len(found)


def _drifted(summaries: list[RefreshSummary], better: list[Changed]) -> dict[int, set[str]]:
    """The organizations whose mappings have to be looked at because of these refreshes, and why."""
    changes = RecordChange.objects.filter(refresh__in=summaries).order_by()
    found: dict[int, set[ReviewReason]] = {}
    for company, kind in changes.filter(kind__in=(*SEEN_IN_ROWS, *OF_COMPANY)).values_list("company", "kind"):
        found.setdefault(company, set()).add(REASON_OF[kind])
    wanted = {change.organization for change in better}
    # What became as it was confirmed, or was kept meanwhile, is nothing to look at.
    mine = OrganizationMapping.objects.in_tables().filter(instance=summaries[-1].instance_id)
    reasons = open_reasons(mine)
    drifted: dict[int, set[str]] = {}
    keys = sorted(reasons)
    for start in range(0, len(keys), CHUNK):
        rows = mine.filter(pk__in=keys[start : start + CHUNK]).order_by()
        for pk, organization, company in rows.values_list("pk", "organization", "company"):
            asked = found.get(company, set()) | ({ReviewReason.BETTER} if organization in wanted else set())
            if kinds := {reason.value for reason in asked.intersection(reasons[pk])}:
                drifted[organization] = kinds
    return drifted


def _note(instance: IntegrationInstance, summary: RefreshSummary, found: dict[int, set[str]]) -> None:
    kinds = Counter(kind for each in found.values() for kind in each)
    number = len(found)
    mappings = "1 mapping of" if number == 1 else f"{number:,} mappings of"
    Occurrence.objects.create(
        at=timezone.now(),
        instance=instance,
        kind=Occurrence.Kind.DRIFT_FOUND,
        cause=f"refresh:{summary.pk}",
        text=f"After the refresh {mappings} {instance.name} should be looked at."[:500],
        details={"total": number, "kinds": dict(sorted(kinds.items())), "refresh": summary.pk},
    )


# --- the summaries ------------------------------------------------------------------------------------------

PAGE_SIZE = 50
CHANGES_A_PAGE = 100


@dataclass(frozen=True)
class SummaryPage:
    """One refresh, and a page of what it changed; of one kind, where that is asked for."""

    summary: RefreshSummary
    page: Page[RecordChange]
    counts: dict[RecordChange.Kind, int]


def read_summaries(instances: InstanceQuerySet, number: int = 1) -> Page[RefreshSummary]:
    """The refreshes of these configurations, the newest first."""
    rows = RefreshSummary.objects.filter(instance__in=instances).select_related("instance")
    return Paginator(rows, PAGE_SIZE).get_page(number)


def read_summary(instances: InstanceQuerySet, pk: int, kind: str = "", number: int = 1) -> SummaryPage:
    """What one refresh changed, by the names of the companies. Raises RefreshSummary.DoesNotExist."""
    summary = RefreshSummary.objects.select_related("instance").get(pk=pk, instance__in=instances)
    changes = summary.changes.select_related("company").order_by(Lower("company__name"), "pk")
    if kind:
        changes = changes.filter(kind=kind)
    page = Paginator(changes, CHANGES_A_PAGE).get_page(number)
    return SummaryPage(summary, page, counts_of(summary))


def counts_of(summary: RefreshSummary) -> dict[RecordChange.Kind, int]:
    """How much of each kind it changed, in the order of the kinds."""
    return {each: summary.counts[each.value] for each in Kind if summary.counts.get(each.value)}
