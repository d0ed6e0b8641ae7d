"""What the home page tells of each instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery

from integrations.database.query_cache import cached_rows
from integrations.models import (
    Company,
    HeldRefresh,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
)
from integrations.models.instances import InstanceQuerySet
from integrations.models.review_reasons import needs_review


@dataclass(frozen=True)
class InstanceCard:
    """An instance with its numbers.

    ``waits``: the result of a refresh waits for a person. ``mapped`` are the mappings that are in order,
    ``review`` those that are not. ``unmapped`` counts the organizations that are so in the PSA, ``ignored``
    those deliberately left out, ``elsewhere`` those that are mapped in other instances. ``counted_with`` is
    the first of several instances of the same tenant, whose card alone counts these three.
    """

    instance: IntegrationInstance
    companies: int
    mapped: int
    review: int
    unmapped: int
    ignored: int
    elsewhere: int = 0
    refresh_failed: bool = False
    waits: bool = False
    counted_with: IntegrationInstance | None = None


@dataclass(frozen=True)
class FirstSteps:
    """How far the way to the first mapping has been gone."""

    connected: bool
    organizations: int
    mapped: bool


def first_steps(cards: Collection[InstanceCard]) -> FirstSteps:
    """What is there already, of a configuration, organizations and a mapping, by the cards of all instances.

    Organizations are counted where nothing is mapped yet.
    """
    mapped = any(card.mapped or card.review for card in cards)
    organizations = 0 if mapped else Organization.objects.present().count()
    return FirstSteps(connected=bool(cards), organizations=organizations, mapped=mapped)


def _mapped() -> QuerySet[Any, Any]:
    """The mappings of each instance, and those to be reviewed: the rule is long, and its SQL is kept."""
    rows = OrganizationMapping.objects.in_tables().values("instance").order_by()
    return rows.annotate(mapped=Count("pk"), review=Count("pk", filter=needs_review()))


def _mapped_in_psa(
    rows: Collection[IntegrationInstance], mapped: Mapping[int, Mapping[str, int]]
) -> Counter[str]:
    """How many are mapped in each PSA, also in instances that are not among the rows."""
    psas = {row.pk: row.psa for row in rows}
    if others := mapped.keys() - psas.keys():
        psas |= dict(IntegrationInstance.objects.filter(pk__in=others).values_list("pk", "psa"))
    numbers: Counter[str] = Counter()
    for instance, found in mapped.items():
        numbers[psas.get(instance, "")] += found["mapped"]
    return numbers


def instance_cards(instances: InstanceQuerySet) -> list[InstanceCard]:
    """One card an instance, in their order; a few queries however many there are."""
    rows = list(instances)
    companies = dict(
        Company.objects.present()
        .filter(instance__in=rows)
        .order_by()
        .values_list("instance")
        .annotate(Count("pk"))
    )
    mapped: dict[int, Any] = {row["instance"]: row for row in cached_rows(_mapped, ())}
    latest = Job.objects.filter(
        instance=OuterRef("instance"), kind=Job.Kind.REFRESH_OPTIONS, finished_at__isnull=False
    ).order_by("-pk")
    failed = set(
        Job.objects.filter(instance__in=rows, pk=Subquery(latest.values("pk")[:1]), state=Job.State.FAILED)
        .order_by()
        .values_list("instance", flat=True)
    )
    waiting = HeldRefresh.objects.filter(instance__in=rows, left_at=None)
    waits = set(waiting.order_by().values_list("instance", flat=True))
    psas = {row.psa for row in rows}
    in_psa = _mapped_in_psa(rows, mapped)
    unmapped = {psa: Organization.objects.unmapped_in(psa).count() for psa in psas}
    ignored = {psa: Organization.objects.ignored_in(psa).count() for psa in psas}
    cards = []
    firsts: dict[tuple[str, int], IntegrationInstance] = {}
    for row in rows:
        first = row if row.database_id is None else firsts.setdefault((row.psa, row.database_id), row)
        numbers = mapped.get(row.pk, {"mapped": 0, "review": 0})
        cards.append(
            InstanceCard(
                instance=row,
                companies=companies.get(row.pk, 0),
                mapped=numbers["mapped"] - numbers["review"],
                review=numbers["review"],
                unmapped=unmapped[row.psa] if first is row else 0,
                ignored=ignored[row.psa] if first is row else 0,
                elsewhere=in_psa[row.psa] - numbers["mapped"] if first is row else 0,
                refresh_failed=row.pk in failed and not (row.failing_since and not row.failed_reads),
                waits=row.pk in waits,
                counted_with=None if first is row else first,
            )
        )
    return cards
