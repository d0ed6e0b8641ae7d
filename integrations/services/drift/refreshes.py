"""After a refresh: what it brought is compared with what is mapped, once, and told in numbers.

So is what was taken over page by page of a refresh whose result waits or was left, or that broke off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from integrations.database.among import Among
from integrations.models import (
    IntegrationInstance,
    Occurrence,
    OrganizationMapping,
    RecordChange,
    RefreshSummary,
)
from integrations.models.drift import OF_COMPANY, Changed
from integrations.models.instances import InstanceQuerySet
from integrations.models.review_reasons import REASON_OF, ReviewReason, open_reasons
from integrations.services.audit import serialize_followed_events
from integrations.services.companies.changes import FOUND_BY_READS
from integrations.services.drift.better import better_companies

Kind = RecordChange.Kind
# What of a company is told by the mapping's rows themselves, and not by what changed since.
SEEN_IN_ROWS = (Kind.RENAMED, Kind.INACTIVE, Kind.LEFT, Kind.GONE)
READ = "read:"  # and the id of the last change: the cause of what was told before a refresh counted it


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
        changes = RecordChange.objects.filter(refresh__in=summaries, pk__gt=_told_to(instance))
        found = _drifted(instance, changes, better)
        if found:
            serialize_followed_events()
            told = f"After the refresh {_mappings(found)} of {instance.name} should be looked at."
            _note(instance, f"refresh:{summaries[-1].pk}", told, found, refresh=summaries[-1].pk)
    return len(found)


def compare_unfinished(instance: IntegrationInstance) -> int:
    """Look at what reads brought that no refresh counts yet, and note how much drifted; how many mappings.

    Of a result that waits or was left, and of a read that broke off, the names, types and addresses of
    companies count already, and whether they are active. Repeatable: each change is told once, also after
    the refresh that counts it.
    """
    with transaction.atomic():
        IntegrationInstance.objects.locked().get(pk=instance.pk)
        changes = RecordChange.objects.filter(
            company__instance=instance, refresh=None, kind__in=FOUND_BY_READS, pk__gt=_told_to(instance)
        )
        found = _drifted(instance, changes, [])
        if found:
            serialize_followed_events()
            last = changes.aggregate(last=Max("pk"))["last"]
            looked = f"{_mappings(found)} of {instance.name} should be looked at"
            text = f"{looked}, by what was read. The refresh itself was not taken over."
            _note(instance, f"{READ}{last}", text, found)
    return len(found)


def _told_to(instance: IntegrationInstance) -> int:
    """The last change (its id) of which people were told before a refresh counted it; 0: of none."""
    told = Occurrence.objects.filter(instance=instance, cause__startswith=READ).order_by("-pk")
    cause = told.values_list("cause", flat=True).first()
    return int(cause.removeprefix(READ)) if cause else 0


def _drifted(
    instance: IntegrationInstance, changes: QuerySet[RecordChange], better: list[Changed]
) -> dict[int, set[str]]:
    """The organizations whose mappings have to be looked at because of these changes, and why."""
    changes = changes.order_by()
    found: dict[int, set[ReviewReason]] = {}
    for company, kind in changes.filter(kind__in=(*SEEN_IN_ROWS, *OF_COMPANY)).values_list("company", "kind"):
        found.setdefault(company, set()).add(REASON_OF[kind])
    wanted = {change.organization for change in better if change.organization is not None}
    # What became as it was confirmed, or was kept meanwhile, is nothing to look at.
    mine = OrganizationMapping.objects.in_tables().filter(instance=instance)
    mine = mine.filter(Q(Among("company", found)) | Q(Among("organization", wanted)))
    reasons = open_reasons(mine) if found or wanted else {}
    drifted: dict[int, set[str]] = {}
    rows = mine.filter(Among("pk", reasons)).order_by() if reasons else mine.none()
    for pk, organization, company in rows.values_list("pk", "organization", "company"):
        asked = found.get(company, set()) | ({ReviewReason.BETTER} if organization in wanted else set())
        if kinds := {reason.value for reason in asked.intersection(reasons[pk])}:
            drifted[organization] = kinds
    return drifted


def _mappings(found: dict[int, set[str]]) -> str:
    return "1 mapping" if len(found) == 1 else f"{len(found):,} mappings"


def _note(
    instance: IntegrationInstance, cause: str, text: str, found: dict[int, set[str]], **of: int
) -> None:
    kinds = Counter(kind for each in found.values() for kind in each)
    Occurrence.objects.create(
        at=timezone.now(),
        instance=instance,
        kind=Occurrence.Kind.DRIFT_FOUND,
        cause=cause,
        text=text[:500],
        details={"total": len(found), "kinds": dict(sorted(kinds.items())), **of},
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
