"""What a complete read makes of each company: an option, outside the filter, or gone.

Gone is said only of a company that the PSA no longer has. A mapping to one stays as it is;
``models.mappings.ReviewReason`` tells that it needs a look.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Q

from integrations.models import Company, IntegrationInstance
from integrations.psa.base import FoundCompanies
from integrations.services.companies.store import CHUNK, store_companies


def mark_offered(instance: IntegrationInstance, seen: Collection[str]) -> None:
    """What was seen is there and in the filter."""
    other = Q(is_pending=True) | Q(in_filter=False) | Q(missing_since__isnull=False)
    rows = instance.companies.filter(other).values_list("pk", "remote_id")
    _update(
        [pk for pk, remote_id in rows if remote_id in seen],
        is_pending=False,
        in_filter=True,
        missing_since=None,
    )


def store_outside(instance: IntegrationInstance, found: FoundCompanies, started: dt.datetime) -> int:
    """Keep what was found by its id only: it is there, outside the filter; how many of them were inside."""
    store_companies(instance, found.companies.values(), started)
    other = Q(is_pending=True) | Q(in_filter=True) | Q(missing_since__isnull=False)
    rows = instance.companies.filter(other).values_list("pk", "remote_id", "is_pending", "in_filter")
    outside = [row for row in rows if row[1] in found.companies]
    _update([pk for pk, *_ in outside], is_pending=False, in_filter=False, missing_since=None)
    return sum(in_filter and not is_pending for _, _, is_pending, in_filter in outside)


def mark_absent(
    instance: IntegrationInstance, there: Collection[str], asked: Collection[str] | None, started: dt.datetime
) -> tuple[int, int]:
    """Tell of all companies that are not ``there``: gone, or outside the filter; how many newly are.

    ``asked`` are the ids that were asked for by themselves: who is not there then is gone. None: there is no
    filter, so that whoever the read lacks is gone.
    """
    pending, gone, outside = [], [], []
    for pk, remote_id, is_pending, is_gone, in_filter in instance.companies.annotate(
        is_gone=Q(missing_since__isnull=False)
    ).values_list("pk", "remote_id", "is_pending", "is_gone", "in_filter"):
        if remote_id in there:
            continue
        if is_pending:
            pending.append(pk)  # an odd read found it, and no complete one has; never an option
        elif asked is None or remote_id in asked:
            gone += [] if is_gone else [pk]
        elif in_filter and not is_gone:
            outside.append(pk)
    for start in range(0, len(pending), CHUNK):
        Company.objects.filter(pk__in=pending[start : start + CHUNK]).delete()
    _update(gone, missing_since=started)
    _update(outside, in_filter=False)
    return len(gone), len(outside)


def _update(keys: Sequence[int], **values: Any) -> None:
    """Write the same values into many companies; SQLite takes so many ids at a time."""
    for start in range(0, len(keys), CHUNK):
        Company.objects.filter(pk__in=keys[start : start + CHUNK]).update(**values)
