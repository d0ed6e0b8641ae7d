"""What the portal would make of each company: an organization of its own, or one that is there already.

The opinion is the matcher's, by the same services as the mapping table's; what a person has before them there
counts first. Nothing is written. What is proposed already, inactive or like a heading is not ticked, nor is
what the matcher is not sure of: only a person says that two names are one customer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.db.models.functions import Lower

from integrations import matching
from integrations.files.headings import looks_like_heading
from integrations.files.text import name_key
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
)
from integrations.models.mappings import in_percent
from integrations.services.suggestions.suggest import open_organizations, suggest_mappings, takes_long

CREATE = "create"
NOT_SAID = ""
NEAR = 0.3  # of what is not suggested: worth a look before a second organization is made
Rival = tuple[int, float, tuple[str, ...]]  # a company, how sure, and why


@dataclass(frozen=True)
class CompanyQuery:
    """Which of a configuration's companies are shown: ``status`` is "", "active" or "inactive".

    ``company_type`` is the tenant's value as text; ``mapped`` shows those as well that are mapped already.
    """

    text: str = ""
    status: str = ""
    company_type: str = ""
    mapped: bool = False


@dataclass(frozen=True)
class Candidate:
    """An organization that the company may be, how sure that is (None: a person said so), and why."""

    organization: int
    name: str
    confidence: float | None
    reasons: tuple[str, ...] = ()
    matcher_version: str = ""

    @property
    def label(self) -> str:
        """Its name with the confidence."""
        return self.name if self.confidence is None else f"{self.name} ({in_percent(self.confidence)})"

    @property
    def value(self) -> str:
        """What the form calls it."""
        return str(self.organization)


@dataclass(frozen=True)
class CompanyChoice:
    """What can be done with one company and what is proposed: ``held_back`` says why it is not ticked.

    ``proposed`` is CREATE, a candidate's value, or NOT_SAID where a person has to choose. What cannot be
    chosen at all has a ``closed`` reason.
    """

    pk: int
    candidates: tuple[Candidate, ...] = ()
    proposed: str = CREATE
    held_back: str = ""
    closed: str = ""
    opinion: str = ""

    @property
    def says_why(self) -> bool:
        """Whether its opinion says already why it is not ticked."""
        return bool(self.closed) or self.held_back in {PROPOSED, LIKELY, SEVERAL}

    @property
    def is_ticked(self) -> bool:
        """Whether the page ticks it."""
        return not self.held_back and not self.closed


@dataclass(frozen=True)
class ShownCompany:
    """A row of the page: the company, its choice, and what the form says of it now."""

    company: Company
    choice: CompanyChoice
    is_ticked: bool
    answer: str


@dataclass
class CompanyOrder:
    """What a person wants: companies to make organizations of, and those to map to one that is there.

    ``unsaid`` are ticked companies for which it was not said which.
    """

    create: list[int] = field(default_factory=list)
    mapped: dict[int, Candidate] = field(default_factory=dict)
    unsaid: list[int] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int]:
        """How many are created, and mapped."""
        return len(self.create), len(self.mapped)

    def as_options(self) -> dict[str, Any]:
        """What the job has to know."""
        return {
            "companies": sorted(self.create),
            "map": {
                str(company): {
                    "organization": candidate.organization,
                    "confidence": candidate.confidence,
                    "reasons": list(candidate.reasons),
                    "matcher_version": candidate.matcher_version,
                }
                for company, candidate in sorted(self.mapped.items())
            },
        }


@dataclass(frozen=True)
class CompanyPage:
    """A page of companies, with what all that the query chooses come to as proposed.

    ``left`` are the reasons for which some of them are not ticked, each with how many. ``is_compared`` is
    False where the matcher would keep the page waiting and this person has not asked it yet.
    """

    page: Page[CompanyChoice]
    rows: list[ShownCompany]
    here: CompanyOrder
    every: CompanyOrder
    left: dict[str, int]
    is_compared: bool


def importable(instance: IntegrationInstance, query: CompanyQuery) -> QuerySet[Company]:
    """The companies that the query chooses, by name; each carries ``taken_by``, an organization or None."""
    companies = instance.companies.offered().with_holder()
    if not query.mapped:
        companies = companies.free()
    if query.status:
        companies = companies.filter(is_active=query.status == "active")
    if query.company_type:
        companies = companies.filter(company_type=int(query.company_type))
    for word in query.text.split():
        companies = companies.search(word)
    return companies.order_by(Lower("name"), "pk")


def company_page(
    user: User,
    instance: IntegrationInstance,
    query: CompanyQuery,
    number: int,
    size: int,
    answers: Mapping[int, str] | None = None,
) -> CompanyPage:
    """What the query chooses, a page of it; ``answers`` are what a form has said, by company (None: nothing).

    Asks the matcher where that takes no longer than a page may.
    """
    choices, is_compared = _choices(user, instance, query)
    page = Paginator(choices, size).get_page(number)
    shown = list(page.object_list)
    companies = Company.objects.with_holder().in_bulk([choice.pk for choice in shown])
    rows = []
    for choice in shown:
        answer = choice.proposed if answers is None else answers.get(choice.pk, choice.proposed)
        ticked = choice.is_ticked if answers is None else choice.pk in answers and not choice.closed
        rows.append(ShownCompany(companies[choice.pk], choice, ticked, answer))
    here = _order(shown, {row.choice.pk: row.answer for row in rows if row.is_ticked})
    left: dict[str, int] = defaultdict(int)
    for choice in choices:
        if not choice.is_ticked:
            left[choice.closed or choice.held_back] += 1
    every = _order(choices, {choice.pk: choice.proposed for choice in choices if choice.is_ticked})
    return CompanyPage(page, rows, here, every, dict(left), is_compared)


def order_companies(
    user: User, instance: IntegrationInstance, answers: Mapping[int, str] | None, query: CompanyQuery
) -> CompanyOrder:
    """What is to be done: with the companies of ``answers`` what they say, else (None) all as proposed.

    Companies of other configurations and organizations that are no candidate are left out.
    """
    if answers is None:
        choices, _ = _choices(user, instance, query)
        return _order(choices, {choice.pk: choice.proposed for choice in choices if choice.is_ticked})
    choices, _ = _choices(user, instance, CompanyQuery(mapped=True))
    return _order(choices, answers)


def _order(choices: Iterable[CompanyChoice], answers: Mapping[int, str]) -> CompanyOrder:
    order = CompanyOrder()
    for choice in choices:
        if choice.pk not in answers:
            continue
        answer = answers[choice.pk]
        candidate = next((each for each in choice.candidates if each.value == answer), None)
        if candidate is not None:
            order.mapped[choice.pk] = candidate
        elif answer == CREATE:
            order.create.append(choice.pk)
        else:
            order.unsaid.append(choice.pk)
    return order


# --- what is proposed ---------------------------------------------------------------------------------------

INACTIVE, HEADING, PROPOSED = "inactive", "looks like a heading", "proposed in the mapping table already"
LIKELY, SEVERAL = "probably there already", "could be one that is there"
TWIN, MAPPED, NAMED = "another one of this name", "mapped already", "an organization has this name"
NOT_COMPARED = "not compared yet"


def _choices(
    user: User, instance: IntegrationInstance, query: CompanyQuery
) -> tuple[list[CompanyChoice], bool]:
    """What is proposed for each company of the query, in its order, and whether the matcher was asked."""
    opinions = _opinions(user, instance)
    named = _names_of_others(instance)
    seen: set[str] = set()
    choices = []
    fields = ("pk", "name", "is_active", Company.HOLDER)
    for pk, name, is_active, holder in importable(instance, query).values_list(*fields):
        key, found = name_key(name), tuple(opinions.candidates.get(pk, ()))
        if holder:
            choices.append(CompanyChoice(pk, closed=MAPPED, opinion=f"mapped to {holder}"))
        elif not found and key in named:
            choices.append(CompanyChoice(pk, closed=NAMED, opinion=f"there is an organization {named[key]}"))
        else:
            doubts = (
                (looks_like_heading(name), HEADING),
                (not is_active, INACTIVE),
                (pk in opinions.proposed, PROPOSED),
                (pk in opinions.open or len(found) > 1, SEVERAL),
                (bool(found) and pk not in opinions.sure, LIKELY),
                (not found and not opinions.are_asked, NOT_COMPARED),
                (key in seen, TWIN),
            )
            held_back = next((reason for holds, reason in doubts if holds), "")
            is_one = len(found) == 1 and pk not in opinions.open
            answer = found[0].value if is_one else NOT_SAID if found else CREATE
            told = _sentence(found, is_one=is_one, is_proposed=pk in opinions.proposed)
            choices.append(CompanyChoice(pk, found, answer, held_back, opinion=told))
        seen.add(key)
    return choices, opinions.are_asked


def _sentence(found: Sequence[Candidate], *, is_one: bool, is_proposed: bool) -> str:
    """What the portal says of a company; "" where it knows of no organization."""
    names = " or ".join(candidate.label for candidate in found)
    if is_one and is_proposed:
        return f"proposed already for {names}"
    return f"{'probably' if is_one else 'could be'} {names}" if found else ""


@dataclass
class _Opinions:
    """By company: who it may be, whether this person has that before them, is it sure, is it one of several.

    ``are_asked`` is False where nobody compared the organizations with the companies.
    """

    candidates: dict[int, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    proposed: set[int] = field(default_factory=set)
    sure: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)
    are_asked: bool = False

    def add(
        self, candidate: Candidate, company: int | None, rivals: Iterable[Rival], *, is_ambiguous: bool
    ) -> list[int]:
        """Note the company that the candidate is, or (None) those that come near; returns which."""
        if company is not None:
            self.candidates[company].append(candidate)
            return [company]
        near = [rival for rival in rivals if is_ambiguous or rival[1] >= NEAR]
        for pk, confidence, reasons in near:
            self.candidates[pk].append(replace(candidate, confidence=confidence, reasons=reasons))
            self.open.add(pk)
        return [pk for pk, _, _ in near]


def _opinions(user: User, instance: IntegrationInstance) -> _Opinions:
    """What this person's proposals say, and of the organizations that they leave, the matcher."""
    opinions = _Opinions()
    names = dict(open_organizations(instance).values_list("pk", "name"))
    own = MappingProposal.objects.filter(user=user, instance=instance)
    settled = set()
    for each in own.order_by("-confidence", "pk"):
        opinions.are_asked |= each.kind == MappingProposal.Kind.SUGGESTED
        if each.organization_id not in names:
            continue  # mapped, ignored or deleted since
        settled.add(each.organization_id)
        candidate = Candidate(
            each.organization_id,
            names[each.organization_id],
            each.confidence,
            tuple(each.reasons),
            each.matcher_version,
        )
        rivals = ((other["company"], other["confidence"], tuple(other["reasons"])) for other in each.rivals)
        is_ambiguous = each.tier == matching.Tier.AMBIGUOUS.value
        noted = opinions.add(candidate, each.company_id, rivals, is_ambiguous=is_ambiguous)
        opinions.proposed.update(noted)
    if takes_long(instance):
        return opinions
    opinions.are_asked = True
    for suggestion in suggest_mappings(instance):
        organization = int(suggestion.organization_id)
        if organization in names and organization not in settled:
            _add_suggestion(opinions, suggestion, names[organization])
    return opinions


def _add_suggestion(opinions: _Opinions, suggestion: matching.Suggestion, name: str) -> None:
    candidate = Candidate(
        int(suggestion.organization_id),
        name,
        round(suggestion.confidence, 4),
        suggestion.reasons,
        matching.MODEL_VERSION,
    )
    rivals = (
        (int(other.company_id), round(other.confidence, 4), other.reasons)
        for other in suggestion.alternatives
    )
    company = int(suggestion.company_id) if suggestion.company_id else None
    opinions.add(candidate, company, rivals, is_ambiguous=suggestion.tier is matching.Tier.AMBIGUOUS)
    if suggestion.tier is matching.Tier.SURE and company is not None:
        opinions.sure.add(company)


def _names_of_others(instance: IntegrationInstance) -> dict[str, str]:
    """The names that are taken, each with whose it is; what has such a name is not made a second time."""
    rows = Organization.objects.present().with_mapping(instance.psa)
    fields = ("name", "is_active", "mapping__company__name")
    return {
        name_key(name): f"“{name}”, mapped to {company}"
        if company
        else f"“{name}”" + ("" if is_active else ", inactive")
        for name, is_active, company in rows.values_list(*fields).iterator(chunk_size=2_000)
    }
