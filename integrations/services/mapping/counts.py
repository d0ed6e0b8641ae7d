"""How many rows of the mapping table are in each state: the rows of the table themselves, counted.

Rows that are mapped in the instance are counted apart from all others: they alone have a company to look at,
and the mapping's index finds them. tests/mapping/test_counts.py holds the counts against every single row.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import BooleanField, Case, Count, Q, When

from integrations.database.query_cache import cached_rows
from integrations.models import IntegrationInstance, OrganizationMapping
from integrations.models.mappings import ReviewReason
from integrations.services.mapping.rows import (
    HERE,
    IS_ANSWER,
    SETTLED,
    RowState,
    joined_rows,
    row_states,
    savable_rows,
    state_of_row,
)

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
    warnings: Counter[str] = Counter()
    tiers: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    ids, shape = (instance.pk, user.pk), (instance.psa,)
    for row in cached_rows(_rows_here, ids, shape):  # one, or none where nothing is mapped
        states[RowState.CHANGED], states[RowState.REVIEW] = row["by_hand"], row["to_review"]
        states[RowState.MAPPED] = row["number"] - row["by_hand"] - row["to_review"]
        warnings.update({name: row[name] for name in (*REVIEW_WARNINGS, "twin")})
        pending.update(_changes("changed", row["ticked"], row["named"]))
    for row in cached_rows(_other_rows, ids, shape):
        state = row["mapping_state"]
        states[state] += row["number"]
        if state == RowState.SUGGESTED:
            tiers[row["proposal__tier"]] += row["number"]
        if row["proposal__selected"] and state not in SETTLED:
            # As IS_ANSWER says: a suggestion without a company is none.
            ticked = row["number"] if state == RowState.CHANGED else row["named"]
            change = "new" if row["mapping__instance"] is None else "moved"
            pending.update(_changes(change, ticked, row["named"]))
    warnings["shared"] = sum(row["number"] for row in cached_rows(_shared_companies, ids[:1], shape))
    return TableCounts(dict(+states), dict(+warnings), dict(tiers), _pending(pending))


def _rows_here(instance: int, user: int, psa: str) -> Any:
    """One row of numbers, of the rows that are mapped in the instance. To group them takes twice as long."""
    rows = joined_rows(instance, user, psa, Q(mapping__instance=instance)).order_by()
    states = row_states(instance, psa)
    by_hand, ticked = states[RowState.CHANGED], Q(proposal__selected=True) & IS_ANSWER
    reasons = {reason.warning: Count("pk", filter=reason.q("mapping__")) for reason in ReviewReason}
    return rows.values("mapping__instance").annotate(
        number=Count("pk"),
        by_hand=Count("pk", filter=by_hand),
        to_review=Count("pk", filter=states[RowState.REVIEW] & ~by_hand),
        ticked=Count("pk", filter=ticked),
        named=Count("proposal__company", filter=ticked),
        twin=Count("pk", filter=Q(mapping__company__has_twin=True)),
        **reasons,
    )


def _other_rows(instance: int, user: int, psa: str) -> Any:
    """All other rows by state, place, tier and tick; ``named`` of them have a proposal with a company."""
    # By an alias: what is denied of a joined row is otherwise asked of all its rows, in a query within.
    is_here = Case(When(mapping__instance=instance, then=True), default=False, output_field=BooleanField())
    rows = joined_rows(instance, user, psa).order_by().alias(is_here=is_here).filter(is_here=False)
    states = {state: told for state, told in row_states(instance, psa).items() if state not in HERE}
    groups = rows.annotate(mapping_state=state_of_row(states)).values(
        "mapping_state", "mapping__instance", "proposal__tier", "proposal__selected"
    )
    return groups.annotate(number=Count("pk"), named=Count("proposal__company"))


def _shared_companies(instance: int, psa: str) -> Any:
    """The companies with several mappings in the instance, and how many."""
    here = OrganizationMapping.objects.in_tables().filter(instance=instance, psa=psa).order_by()
    return here.values("company").annotate(number=Count("pk")).filter(number__gt=1)


def pending_changes(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What Save Mappings would do now: ticked rows that are new, changed, moved here or removed."""
    pending: Counter[str] = Counter()
    change_in = {None: "new", instance.pk: "changed"}
    for row in cached_rows(_ticked_by_place, (instance.pk, user.pk), (instance.psa,)):
        change = change_in.get(row["mapping__instance"], "moved")
        pending.update(_changes(change, row["number"], row["named"]))
    return _pending(pending)


def _ticked_by_place(instance: int, user: int, psa: str) -> Any:
    """What would be saved, by where its organization is mapped; ``named`` of them name a company."""
    ticked = savable_rows(instance, user, psa, Q(proposal__selected=True)).order_by()
    return ticked.values("mapping__instance").annotate(number=Count("pk"), named=Count("proposal__company"))


def _changes(change: str, number: int, named: int) -> dict[str, int]:
    """What ``number`` ticked rows are: those that are ``named`` this change, the others are cleared."""
    return {"all": number, change: named, "removed": number - named}


def _pending(counted: Counter[str]) -> dict[str, int]:
    return {change: counted[change] for change in ("all", "new", "changed", "moved", "removed")}
