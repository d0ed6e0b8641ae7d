"""The company picker: the matcher's candidates for a row first, then what a search finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Lower

from integrations.models import Company, IntegrationInstance
from integrations.models.companies import MSP_COMPANY_ID

MOST_CHOICES = 20
MOST_CATCH_ALL_CHOICES = 20
MOST_WORDS = 6  # of an organization's name, when companies like it are looked for


@dataclass(frozen=True)
class CompanyChoice:
    """A company that can be picked, why it is offered, and which organization has it already."""

    company: Company
    reasons: list[str] = field(default_factory=list)
    taken_by: str = ""


def company_choices(
    instance: IntegrationInstance,
    row: Any,
    text: str,
    most: int = MOST_CHOICES,
    least: int = MOST_CHOICES,
) -> list[CompanyChoice]:
    """At most twenty companies, or the first ``most`` of them, for a row of the mapping table.

    Without a text: what the matcher proposed (the row's ``suggested``) and its rivals; where these are fewer
    than ``least``, then companies that share a word of the name. With a text, the row does not matter; where
    nothing else has it, it may be an id by which another tool knows the company.
    """
    offered = instance.companies.offered()
    wanted: dict[int, list[str]]
    if text:
        wanted = {pk: [] for pk in _search(offered, text).values_list("pk", flat=True)}
        wanted = wanted or _known_elsewhere_as(offered, text)
    else:
        wanted = _proposed(row)
        if len(wanted) < least:
            for pk in _alike(offered, row.name).values_list("pk", flat=True)[:most]:
                wanted.setdefault(pk, [])
    found = {row.pk: row for row in offered.filter(pk__in=wanted).with_holder()} if wanted else {}
    chosen = [
        CompanyChoice(found[pk], reasons, found[pk].taken_by or "")
        for pk, reasons in wanted.items()
        if pk in found
    ]
    return chosen[:most]


def _proposed(row: Any) -> dict[int, list[str]]:
    """Company ids of the row's suggestion and its rivals, with the matcher's reasons."""
    proposal = getattr(row, "suggested", None)
    if proposal is None:
        return {}
    found: dict[int, list[str]] = {}
    if proposal.company_id:
        found[proposal.company_id] = list(proposal.reasons)
    for rival in proposal.rivals:
        found.setdefault(rival["company"], list(rival["reasons"]))
    return found


def _search(offered: QuerySet[Company], text: str) -> QuerySet[Company]:
    """Every word must occur somewhere; names that begin with the text come first, ids before all."""
    for word in text.split():
        offered = offered.filter(Q(remote_id=word) | Q(searched__icontains=word))
    return offered.annotate(
        rank=Case(
            When(remote_id=text, then=Value(0)),
            When(name__istartswith=text, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
    ).order_by("rank", Lower("name"), "pk")[:MOST_CHOICES]


def _known_elsewhere_as(offered: QuerySet[Company], text: str) -> dict[int, list[str]]:
    """Those with this tax id or user-defined value: ids that other tools know."""
    found = offered.filter(Q(tax_id__iexact=text) | Q(user_value__iexact=text)).order_by(Lower("name"), "pk")
    return {pk: [f"known elsewhere as {text}"] for pk in found.values_list("pk", flat=True)[:MOST_CHOICES]}


def _alike(offered: QuerySet[Company], name: str) -> QuerySet[Company]:
    """Companies that share the longest word of the name; those that share most of its words come first."""
    words = sorted((word for word in name.split() if len(word) > 2), key=len, reverse=True)
    if not words:
        return offered.none()
    # The condition on what is searched says nothing new, but there is an index for it.
    alike = offered.filter(searched__icontains=words[0], name__icontains=words[0])
    shared: Any = sum(
        (Case(When(name__icontains=word, then=1), default=0) for word in words[1:MOST_WORDS]), start=Value(0)
    )
    return alike.annotate(shared=shared).order_by("-shared", Lower("name"), "pk")


def catch_all_choices(instance: IntegrationInstance, text: str) -> list[Company]:
    """At most twenty companies to choose a catch-all from: the MSP itself, then what the text finds."""
    usable = instance.companies.usable()
    found = list(usable.filter(remote_id=MSP_COMPANY_ID))
    if text:
        others = usable.exclude(remote_id=MSP_COMPANY_ID).search(text)
        found += others.order_by(Lower("name"), "pk")[:MOST_CATCH_ALL_CHOICES]
    return found[:MOST_CATCH_ALL_CHOICES]
