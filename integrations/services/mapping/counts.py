"""How many rows of the mapping table are in each state: the rows of the table themselves, counted.

Rows that are mapped in the instance are counted apart from all others: they alone have a company to look at,
and the mapping's index finds them. tests/mapping/test_counts.py holds the counts against every single row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import BooleanField, Case, Count, Q, QuerySet, When

from integrations.database.query_cache import cached_rows
from integrations.models import IntegrationInstance, Organization, OrganizationMapping, RecordChange
from integrations.models.drift import quiet_mappings
from integrations.models.review_reasons import AS_THEY_ARE, SINCE_CONFIRMED
from integrations.services.mapping.rows import (
    CHOSEN_BY_HAND,
    IS_ANSWER,
    SETTLED,
    SUGGESTED_TIERS,
    RowState,
    joined_rows,
    row_states,
    savable_rows,
)

Numbers = QuerySet[Any, Any]  # its rows are numbers by name

WARNING_OF = {str(reason.change): reason.warning for reason in SINCE_CONFIRMED}
SEEN_IN_ROWS = tuple(reason.warning for reason in AS_THEY_ARE)


@dataclass(frozen=True)
class TableCounts:
    """What the table of an instance holds for one person; what has no row is left out.

    Each row is in one of ``states``; the ``unmapped`` ones (models/organizations.py: is_unmapped) in three.
    """

    states: dict[str, int]
    unmapped: int
    warnings: dict[str, int]
    tiers: dict[str, int]
    pending: dict[str, int]


def table_counts(instance: IntegrationInstance, user: User) -> TableCounts:
    """All counts, in three queries however many rows there are."""
    states: Counter[str] = Counter()
    unmapped = 0
    warnings: Counter[str] = Counter()
    tiers: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    ids, shape = (instance.pk, user.pk), (instance.psa,)
    for row in cached_rows(_rows_here, ids, shape):  # one, or none where nothing is mapped
        states[RowState.CHANGED], states[RowState.REVIEW] = row["by_hand"], row["to_review"]
        states[RowState.MAPPED] = row["number"] - row["by_hand"] - row["to_review"]
        warnings.update({name: row[name] for name in (*SEEN_IN_ROWS, "twin")})
        pending.update(_changes("changed", row["ticked"], row["named"]))
    for row in cached_rows(_other_rows, ids, shape):
        state = _state_of(row)
        states[state] += row["number"]
        if row["mapping__instance"] is None and not row["is_ignored"]:
            unmapped += row["number"]
        if state == RowState.SUGGESTED:
            tiers[row["proposal__tier"]] += row["number"]
        if row["proposal__selected"] and state not in SETTLED:
            # As IS_ANSWER says: a suggestion without a company is none.
            ticked = row["number"] if state == RowState.CHANGED else row["named"]
            change = "new" if row["mapping__instance"] is None else "moved"
            pending.update(_changes(change, ticked, row["named"]))
    for row in (
        *cached_rows(_changed_companies, ids[:1], shape),
        *cached_rows(_changed_ours, ids[:1], shape),
    ):
        warnings[WARNING_OF[row["kind"]]] += row["number"]
    warnings["shared"] = sum(row["number"] for row in cached_rows(_shared_companies, ids[:1], shape))
    return TableCounts(dict(+states), unmapped, dict(+warnings), dict(tiers), _pending(pending))


def _rows_here(instance: int, user: int, psa: str) -> Numbers:
    """One row of numbers, of the rows that are mapped in the instance. To group them takes twice as long."""
    rows = joined_rows(instance, user, psa, Q(mapping__instance=instance)).order_by()
    states = row_states(instance, psa)
    by_hand, ticked = states[RowState.CHANGED], Q(proposal__selected=True) & IS_ANSWER
    reasons = {reason.warning: Count("pk", filter=reason.q("mapping__")) for reason in AS_THEY_ARE}
    numbers: Numbers = rows.values("mapping__instance").annotate(
        number=Count("pk"),
        by_hand=Count("pk", filter=by_hand),
        to_review=Count("pk", filter=states[RowState.REVIEW] & ~by_hand),
        ticked=Count("pk", filter=ticked),
        named=Count("proposal__company", filter=ticked),
        twin=Count("pk", filter=Q(mapping__company__has_twin=True)),
        **reasons,
    )
    return numbers


def _other_rows(instance: int, user: int, psa: str) -> Numbers:
    """All other rows by what tells their state; ``named`` of them have a proposal with a company."""
    # By an alias: what is denied of a joined row is otherwise asked of all its rows, in a query within.
    rows = joined_rows(instance, user, psa).order_by().alias(is_here=_is(Q(mapping__instance=instance)))
    groups = rows.filter(is_here=False).values(
        "mapping__instance",
        "proposal__kind",
        "proposal__tier",
        "proposal__selected",
        is_ignored=_is(row_states(instance, psa)[RowState.IGNORED]),
    )
    numbers: Numbers = groups.annotate(number=Count("pk"), named=Count("proposal__company"))
    return numbers


def _is(condition: Q) -> Case:
    return Case(When(condition, then=True), default=False, output_field=BooleanField())


def _state_of(row: Mapping[str, Any]) -> RowState:
    """The state of rows that are not mapped here, as ``row_states`` tells it; there it took longer."""
    if row["proposal__kind"] in CHOSEN_BY_HAND:
        return RowState.CHANGED
    if row["mapping__instance"] is not None:
        return RowState.ELSEWHERE
    if row["is_ignored"]:
        return RowState.IGNORED
    return RowState.SUGGESTED if row["proposal__tier"] in SUGGESTED_TIERS else RowState.UNSUGGESTED


def _changed_companies(instance: int, psa: str) -> Numbers:
    """How many rows something of the company has changed for since they were confirmed, by what."""
    return _changed(RecordChange.objects.held(), instance, psa)


def _changed_ours(instance: int, psa: str) -> Numbers:
    """The same for what changed of the organization."""
    return _changed(RecordChange.objects.of_organizations(), instance, psa)


def _changed(changes: Any, instance: int, psa: str) -> Numbers:
    deleted = Organization.objects.deleted().order_by().values("pk")
    found = changes.filter(held_instance=instance, held_psa=psa).exclude(held_organization__in=deleted)
    found = found.exclude(held_pk__in=quiet_mappings()).order_by()
    numbers: Numbers = found.values("kind").annotate(number=Count("held_pk", distinct=True))
    return numbers


def _shared_companies(instance: int, psa: str) -> Numbers:
    """The companies with several mappings in the instance, and how many."""
    here = OrganizationMapping.objects.in_tables().filter(instance=instance, psa=psa).order_by()
    return here.values("company").annotate(number=Count("pk")).filter(number__gt=1)


def rows_left_out(instance: IntegrationInstance) -> int:
    """How many organizations have no row in the table: they are inactive, and not mapped in the instance."""
    return sum(row["number"] - row["here"] for row in cached_rows(_inactive, (instance.pk,), (instance.psa,)))


def _inactive(instance: int, psa: str) -> Numbers:
    """One row of numbers, or none where nobody is inactive."""
    inactive = Organization.objects.present().filter(is_active=False).with_mapping(psa).order_by()
    here = Count("pk", filter=Q(mapping__instance=instance))
    return inactive.values("is_active").annotate(number=Count("pk"), here=here)


def pending_changes(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What Save Mappings would do now: ticked rows that are new, changed, moved here or removed."""
    pending: Counter[str] = Counter()
    change_in = {None: "new", instance.pk: "changed"}
    for row in cached_rows(_ticked_by_place, (instance.pk, user.pk), (instance.psa,)):
        change = change_in.get(row["mapping__instance"], "moved")
        pending.update(_changes(change, row["number"], row["named"]))
    return _pending(pending)


def _ticked_by_place(instance: int, user: int, psa: str) -> Numbers:
    """What would be saved, by where its organization is mapped; ``named`` of them name a company."""
    ticked = savable_rows(instance, user, psa, Q(proposal__selected=True)).order_by()
    by_place = ticked.values("mapping__instance")
    numbers: Numbers = by_place.annotate(number=Count("pk"), named=Count("proposal__company"))
    return numbers


def _changes(change: str, number: int, named: int) -> dict[str, int]:
    """What ``number`` ticked rows are: those that are ``named`` this change, the others are cleared."""
    return {"all": number, change: named, "removed": number - named}


def _pending(counted: Counter[str]) -> dict[str, int]:
    return {change: counted[change] for change in ("all", "new", "changed", "moved", "removed")}
