"""How many rows of the mapping table are in each state.

Where organizations stand is the same for everybody and is counted without joining them; only rows with a
proposal of this person, and mappings that somebody should look at, are looked at themselves.
tests/mapping/test_counts.py holds the counts against every single row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from integrations.database.query_cache import cached_rows
from integrations.models import (
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RecordChange,
)
from integrations.models.drift import quiet_mappings
from integrations.models.review_reasons import AS_THEY_ARE, SINCE_CONFIRMED, needs_review
from integrations.services.mapping.rows import (
    CHOSEN_BY_HAND,
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
    ``left_out`` organizations have no row: they are inactive, and not mapped in the instance.
    """

    states: dict[str, int]
    unmapped: int
    warnings: dict[str, int]
    tiers: dict[str, int]
    pending: dict[str, int]
    left_out: int


def table_counts(instance: IntegrationInstance, user: User) -> TableCounts:
    """All counts, in four queries however many rows there are, and one more where companies are shared."""
    ids, shape = (instance.pk, user.pk), (instance.psa,)
    numbers = {row.pop("of"): row for row in cached_rows(_places, ids[:1], shape)}
    mapped = numbers["mapped"]
    # Where the rows stand without this person; then what this person has before them.
    states: Counter[str] = Counter(
        {
            RowState.MAPPED: mapped["number"],
            RowState.ELSEWHERE: mapped["elsewhere"],
            RowState.IGNORED: numbers["ignored"]["number"],
        }
    )
    unmapped = numbers["active"]["number"] + mapped["inactive"] - states.total()
    states[RowState.UNSUGGESTED] = unmapped
    tiers: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    for row in cached_rows(_proposed_rows, ids, shape):
        place, state = _place_of(row, instance.pk), _state_of(row, instance.pk)
        states[place] -= row["number"]
        states[state] += row["number"]
        states[RowState.REVIEW] -= row["by_hand_to_review"]
        states[RowState.MAPPED] += row["by_hand_to_review"]
        if state == RowState.SUGGESTED:
            tiers[row["proposal__tier"]] += row["number"]
        if row["proposal__selected"] and state not in SETTLED:
            # As IS_ANSWER says: a suggestion without a company is none.
            ticked = row["number"] if row["proposal__kind"] in CHOSEN_BY_HAND else row["named"]
            pending.update(_changes(_change(row["mapping__instance"], instance.pk), ticked, row["named"]))
    warnings: Counter[str] = Counter()
    for row in cached_rows(_warned_mappings, ids[:1], shape):  # one, or none where there is nothing to tell
        states[RowState.REVIEW] += row["review"]
        states[RowState.MAPPED] -= row["review"]
        warnings.update({name: row[name] for name in (*SEEN_IN_ROWS, "twin")})
    for row in cached_rows(_changed, ids[:1], shape):
        warnings[WARNING_OF[row["kind"]]] += row["number"]
    if mapped["companies"] != mapped["number"]:
        warnings["shared"] = sum(row["number"] for row in cached_rows(_shared_companies, ids[:1], shape))
    left_out = numbers["inactive"]["number"] - mapped["inactive"]
    return TableCounts(dict(+states), unmapped, dict(+warnings), dict(tiers), _pending(pending), left_out)


def _places(instance: int, psa: str) -> Numbers:
    """Where the organizations stand that have a row, whoever looks: one row of numbers for each ``of``.

    Those mapped in the PSA: how many in the instance, how many companies these have and how many of them are
    inactive, and how many rows are mapped elsewhere. Those that are ignored. All, by whether they are active.
    """
    here, inactive = Q(instance=instance), Q(organization__in=_pks(is_active=False))
    mapped = OrganizationMapping.objects.in_tables().filter(psa=psa)
    is_active = Organization.objects.present().filter(pk=OuterRef("organization"), is_active=True)
    is_mapped = OrganizationMapping.objects.present().filter(organization=OuterRef("organization"), psa=psa)
    ignored = IgnoredOrganization.objects.filter(Exists(is_active), ~Exists(is_mapped), psa=psa)
    return _named(
        "mapped",
        mapped,
        number=Count("pk", filter=here),
        companies=Count("company", filter=here, distinct=True),
        inactive=Count("pk", filter=here & inactive),
        elsewhere=Count("pk", filter=~here & ~inactive),
    ).union(
        _named("ignored", ignored),
        _named("active", Organization.objects.present().filter(is_active=True)),
        _named("inactive", Organization.objects.present().filter(is_active=False)),
        all=True,
    )


def _named(name: str, rows: Any, **numbers: Any) -> Numbers:
    """One row of numbers under a name: how many, where nothing else is said."""
    counted = {"number": Count("pk"), **{key: Value(0) for key in ("companies", "inactive", "elsewhere")}}
    named: Numbers = rows.order_by().values(of=Value(name)).annotate(**(counted | numbers))
    return named


def _pks(**conditions: Any) -> Any:
    """The organizations of which this is so: of few, which takes less than a look at each row."""
    return Organization.objects.filter(**conditions).order_by().values("pk")


def _proposed_rows(instance: int, user: int, psa: str) -> Numbers:
    """The rows with a proposal, by what tells their place and state; ``named`` of them with a company."""
    rows = joined_rows(instance, user, psa, Q(proposal__user=user)).order_by()
    states = row_states(instance, psa)
    groups = rows.values(
        "mapping__instance",
        "proposal__kind",
        "proposal__tier",
        "proposal__selected",
        is_ignored=_is(states[RowState.IGNORED]),
    )
    by_hand = states[RowState.CHANGED] & Q(mapping__instance=instance)
    numbers: Numbers = groups.annotate(
        number=Count("pk"),
        named=Count("proposal__company"),
        by_hand_to_review=Count("pk", filter=by_hand & states[RowState.REVIEW]),
    )
    return numbers


def _is(condition: Q) -> Case:
    return Case(When(condition, then=True), default=False, output_field=BooleanField())


def _place_of(row: Mapping[str, Any], instance: int) -> RowState:
    """The state of such rows as if nothing were proposed, but for reviews."""
    if row["mapping__instance"] is not None:
        return RowState.MAPPED if row["mapping__instance"] == instance else RowState.ELSEWHERE
    return RowState.IGNORED if row["is_ignored"] else RowState.UNSUGGESTED


def _state_of(row: Mapping[str, Any], instance: int) -> RowState:
    """The state of such rows as ``row_states`` tells it, but for reviews; there it took longer."""
    if row["proposal__kind"] in CHOSEN_BY_HAND:
        return RowState.CHANGED
    place = _place_of(row, instance)
    is_suggested = place == RowState.UNSUGGESTED and row["proposal__tier"] in SUGGESTED_TIERS
    return RowState.SUGGESTED if is_suggested else place


def _warned_mappings(instance: int, psa: str) -> Numbers:
    """How many of the table's mappings are to be reviewed, and by what of those that the rows tell."""
    twin = Q(company__has_twin=True)
    rows = OrganizationMapping.objects.in_tables().filter(needs_review() | twin, instance=instance, psa=psa)
    numbers: Numbers = (
        rows.order_by()
        .values("instance")
        .annotate(
            # Few have a twin; of all others it is known by now that they are to be reviewed.
            review=Count("pk", filter=~twin | needs_review()),
            twin=Count("pk", filter=twin),
            **{reason.warning: Count("pk", filter=reason.q()) for reason in AS_THEY_ARE},
        )
    )
    return numbers


def _changed(instance: int, psa: str) -> Numbers:
    """How many rows something has changed for since they were confirmed, at either side, by what."""
    theirs, ours = RecordChange.objects.held(), RecordChange.objects.of_organizations()
    return _by_kind(theirs, instance, psa).union(_by_kind(ours, instance, psa), all=True)


def _by_kind(changes: Any, instance: int, psa: str) -> Numbers:
    found = changes.filter(held_instance=instance, held_psa=psa)
    found = found.exclude(held_organization__in=_pks(deleted_at__isnull=False))
    found = found.exclude(held_pk__in=quiet_mappings()).order_by()
    numbers: Numbers = found.values("kind").annotate(number=Count("held_pk", distinct=True))
    return numbers


def _shared_companies(instance: int, psa: str) -> Numbers:
    """The companies with several mappings in the instance, and how many."""
    here = OrganizationMapping.objects.in_tables().filter(instance=instance, psa=psa).order_by()
    return here.values("company").annotate(number=Count("pk")).filter(number__gt=1)


def pending_changes(instance: IntegrationInstance, user: User) -> dict[str, int]:
    """What Save Mappings would do now: ticked rows that are new, changed, moved here or removed."""
    pending: Counter[str] = Counter()
    for row in cached_rows(_ticked_by_place, (instance.pk, user.pk), (instance.psa,)):
        change = _change(row["mapping__instance"], instance.pk)
        pending.update(_changes(change, row["number"], row["named"]))
    return _pending(pending)


def _ticked_by_place(instance: int, user: int, psa: str) -> Numbers:
    """What would be saved, by where its organization is mapped; ``named`` of them name a company."""
    ticked = savable_rows(instance, user, psa, Q(proposal__selected=True)).order_by()
    by_place = ticked.values("mapping__instance")
    numbers: Numbers = by_place.annotate(number=Count("pk"), named=Count("proposal__company"))
    return numbers


def _change(place: int | None, instance: int) -> str:
    """What saving makes of an organization that is mapped in this place."""
    return "new" if place is None else "changed" if place == instance else "moved"


def _changes(change: str, number: int, named: int) -> dict[str, int]:
    """What ``number`` ticked rows are: those that are ``named`` this change, the others are cleared."""
    return {"all": number, change: named, "removed": number - named}


def _pending(counted: Counter[str]) -> dict[str, int]:
    return {change: counted[change] for change in ("all", "new", "changed", "moved", "removed")}
