"""How many rows of the mapping table are in each state: the rows of the table itself, grouped and counted.

tests/mapping/test_counts.py holds them against the state of every single row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Q

from integrations.database.query_cache import cached_rows
from integrations.models import IntegrationInstance, OrganizationMapping
from integrations.models.mappings import ReviewReason
from integrations.services.mapping.rows import RowState, savable_rows, table_queryset

REVIEW_WARNINGS = tuple(reason.warning for reason in ReviewReason)


@dataclass(frozen=True)
class TableCounts:
    """What the table of an instance holds for one person; what has no row is left out."""

    states: dict[str, int]
    warnings: dict[str, int]
    tiers: dict[str, int]
    pending: dict[str, int]


def table_counts(instance: IntegrationInstance, user: User) -> TableCounts:
    """All counts, in three queries however many rows there are."""
    states: Counter[str] = Counter()
    tiers: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    for row in cached_rows(_rows_by_state, (instance.pk, user.pk), (instance.psa,)):
        states[row["mapping_state"]] += row["number"]
        if row["mapping_state"] == RowState.SUGGESTED:
            tiers[row["proposal__tier"]] += row["number"]
        if row["mapping__instance"] == instance.pk:
            warnings.update({name: row[name] for name in (*REVIEW_WARNINGS, "twin")})
    warnings["shared"] = sum(row["number"] for row in cached_rows(_shared_companies, (instance.pk,)))
    return TableCounts(dict(states), dict(+warnings), dict(tiers), pending_changes(instance, user))


def _rows_by_state(instance: int, user: int, psa: str) -> Any:
    """All rows by state, place and tier, and how many of each have a warning."""
    rows = table_queryset(instance, user, psa).order_by()
    reasons = {reason.warning: Count("pk", filter=reason.q("mapping__")) for reason in ReviewReason}
    return rows.values("mapping_state", "mapping__instance", "proposal__tier").annotate(
        number=Count("pk"), twin=Count("pk", filter=Q(mapping__company__has_twin=True)), **reasons
    )


def _shared_companies(instance: int) -> Any:
    """The companies with several mappings in the instance, and how many."""
    here = OrganizationMapping.objects.in_tables().filter(instance=instance).order_by()
    return here.values("company").annotate(number=Count("pk")).filter(number__gt=1)


def pending_changes(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What Save Mappings would do now: ticked rows that are new, changed, moved here or removed."""
    pending = dict.fromkeys(("all", "new", "changed", "moved", "removed"), 0)
    change_in = {None: "new", instance.pk: "changed"}
    for row in cached_rows(_ticked_by_place, (instance.pk, user.pk), (instance.psa,)):
        pending["all"] += row["number"]
        pending[change_in.get(row["mapping__instance"], "moved")] += row["companies"]
        pending["removed"] += row["number"] - row["companies"]
    return pending


def _ticked_by_place(instance: int, user: int, psa: str) -> Any:
    """What would be saved, by where its organization is mapped; ``companies`` of them name a company."""
    ticked = savable_rows(instance, user, psa, Q(proposal__selected=True)).order_by()
    return ticked.values("mapping__instance").annotate(
        number=Count("pk"), companies=Count("proposal__company")
    )
