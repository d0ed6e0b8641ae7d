"""What a read changed, company by company, kept for whoever has to look at a mapping because of it.

What a page brings is kept with the page; what is new, back, outside or gone is known at the end of the read,
whose summary then takes all of it in. So a killed read loses nothing: the next summary counts what it found.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Count
from django.utils import timezone

from integrations.database.among import Among
from integrations.database.transactions import transaction_required
from integrations.models import IntegrationInstance, RecordChange, RefreshSummary
from integrations.models.drift import NO, YES, Changed

Kind = RecordChange.Kind
# What people look at of a company: the kind of change for each copied value.
WATCHED = {"name": Kind.RENAMED, "company_type": Kind.RETYPED, "web_address": Kind.READDRESSED}
FOUND_BY_READS = (
    Kind.NEW, Kind.RENAMED, Kind.RETYPED, Kind.READDRESSED, Kind.INACTIVE, Kind.ACTIVE, Kind.LEFT,
    Kind.ENTERED, Kind.GONE, Kind.BACK, Kind.TWIN,
)  # fmt: skip


def differences(pk: int, copied: Sequence[str], before: Sequence[Any], after: Sequence[Any]) -> list[Changed]:
    """What became different of one company, by the values of the ``copied`` fields before and after."""
    found = []
    for name, was, now in zip(copied, before, after, strict=True):
        if was == now:
            continue
        if name == "is_active":
            found.append(Changed(Kind.ACTIVE if now else Kind.INACTIVE, pk))
        elif name in WATCHED:
            first, second = (_comparable(name, value) for value in (was, now))
            if first != second:
                found.append(Changed(WATCHED[name], pk, first, second))
    return found


def _comparable(name: str, value: Any) -> str:
    """A value as it is kept; of a web address the domain: "http" that became "https" is nobody's business."""
    if value is None:
        return ""
    if name != "web_address":
        return str(value)
    from integrations.matching.contacts import read_domain

    host = str(value).strip().casefold().rpartition("//")[2].partition("/")[0]
    return read_domain(value)[0] or host.removeprefix("www.")


@transaction_required
def record_changes(changes: Iterable[Changed]) -> None:
    """Keep what became different, as of now: whoever has confirmed a mapping before now saw what was."""
    RecordChange.objects.record(changes, timezone.now())


def of_kind(kind: Kind, companies: Mapping[int, str]) -> list[Changed]:
    """The same thing happened to these companies, by id and name."""
    return [Changed(kind, pk, "", name) for pk, name in companies.items()]


def changed_twins(companies: Iterable[int], *, has_twin: bool) -> list[Changed]:
    """These companies (ids) got a twin, or have none any more."""
    before, after = (NO, YES) if has_twin else (YES, NO)
    return [Changed(Kind.TWIN, pk, before, after) for pk in companies]


@transaction_required
def summarize(
    instance: IntegrationInstance, at: dt.datetime, *, full: bool, read: int, created: int, is_first: bool
) -> RefreshSummary:
    """Keep what this read and those before it that did not come to their end have changed.

    Of a first read only the number of companies is kept: all of them are new.
    """
    summary = RefreshSummary.objects.create(
        instance=instance,
        at=at,
        full=full,
        is_first=is_first,
        read=read,
        offered=instance.companies.present().count(),
    )
    open_changes = RecordChange.objects.filter(
        company__instance=instance, refresh=None, kind__in=FOUND_BY_READS
    )
    pks = list(open_changes.order_by().values_list("pk", flat=True))
    if pks:
        RecordChange.objects.filter(Among("pk", pks)).update(refresh=summary)
    counted = summary.changes.order_by().values("kind").annotate(number=Count("pk"))
    summary.counts = {row["kind"]: row["number"] for row in counted}
    if is_first:
        summary.counts[Kind.NEW] = created
    summary.save(update_fields=["counts"])
    return summary
