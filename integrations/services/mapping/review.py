"""Review mode: the open rows one by one, with both records side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.functions import Lower

from integrations.matching.contacts import read_contact
from integrations.matching.records import Tier
from integrations.matching.words import fold
from integrations.models import Company, IntegrationInstance, MappingProposal, Organization
from integrations.services.companies.search import CompanyChoice, company_choices
from integrations.services.mapping.rows import (
    SUGGESTED_TIERS,
    RowState,
    TableQuery,
    chosen_rows,
    matching_rows,
)
from integrations.services.mapping.seen import pair_key, row_keys
from integrations.services.mapping.table import company_of, one_row

OPEN_STATES = (RowState.SUGGESTED, RowState.REVIEW, RowState.UNSUGGESTED)
CANDIDATES_SHOWN = 5
OTHERS_NAMED = 5
CONTACT = {
    "domain": "Web address",
    "phone": "Phone",
    "postal_code": "Postal code",
    "city": "City",
    "state": "State",
}


@dataclass(frozen=True)
class Evidence:
    """One line of the comparison: what both records hold, and whether it speaks for the pair."""

    label: str
    ours: str
    theirs: str
    verdict: str  # "agree", "differ", or "" when one side is silent


# The words of a name as it is written, and whether both names have it.
NameWords = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class ReviewStep:
    """One row of the review with its neighbours; ``row`` is None when nothing is open any more."""

    row: Any
    position: int
    total: int
    previous: int | None
    following: int | None
    candidates: tuple[CompanyChoice, ...] = ()
    candidate: CompanyChoice | None = None
    evidence: tuple[Evidence, ...] = ()
    words: tuple[NameWords, ...] = ()

    @cached_property
    def key(self) -> str:
        """What is shown of its mapping (`row_keys`); "" where it has none in force."""
        mapping = self.row.mapping if self.row is not None else None
        return row_keys([mapping])[mapping.pk] if mapping is not None else ""

    @cached_property
    def pair(self) -> str:
        """What is shown of both records (`pair_key`)."""
        return pair_key(self.row.pk, self.candidate.company.pk) if self.candidate is not None else ""

    @cached_property
    def obstacle(self) -> str:
        """Why the company that is shown cannot be accepted now: "gone", "outside" (the filter), or "".

        As saving judges it (`blocking_reason`): who chooses a company outside the filter by hand meant it.
        """
        if self.candidate is None:
            return ""
        company, proposal = self.candidate.company, self.row.proposal
        if company.missing_since is not None:
            return "gone"
        is_suggested = (
            proposal is not None
            and proposal.kind == MappingProposal.Kind.SUGGESTED
            and proposal.company_id == company.pk
        )
        return "outside" if is_suggested and not company.in_filter else ""

    @cached_property
    def others(self) -> tuple[str, ...]:
        """The other organizations that have the shown company, by name: the first of them."""
        if self.candidate is None:
            return ()
        if self.candidate.company.pk == company_of(self.row) and not self.row.shares_company:
            return ()
        holders = Organization.objects.filter(
            mappings__company=self.candidate.company, mappings__removed_at=None, deleted_at=None
        )
        names = holders.exclude(pk=self.row.pk).order_by(Lower("name")).values_list("name", flat=True)
        return tuple(names[:OTHERS_NAMED])


@dataclass(frozen=True)
class ReviewQueue:
    """The ids of the organizations that a person goes through: what the query chooses, or everything open.

    The surest first. The order is kept although a decision has just changed it.
    """

    instance: IntegrationInstance
    user: User
    query: TableQuery
    ids: list[int]

    @classmethod
    def read(cls, instance: IntegrationInstance, user: User, query: TableQuery) -> ReviewQueue:
        """The queue as it stands now."""
        return cls(instance, user, query, chosen_rows(_queue, instance, user, query))

    def step(self, organization_id: int | None = None, company_id: int | None = None) -> ReviewStep:
        """The row to look at now: the one asked for, otherwise the first.

        A row that is no longer in the queue (it was just saved) can still be asked for; then it has no
        position. Raises Organization.DoesNotExist.
        """
        ids = self.ids
        if organization_id is None and not ids:
            return ReviewStep(None, 0, 0, None, None)
        wanted = organization_id if organization_id is not None else ids[0]
        at = ids.index(wanted) if wanted in ids else -1
        previous, following = ids[at - 1] if at > 0 else None, ids[at + 1] if at + 1 < len(ids) else None
        row = one_row(self.instance, self.user, wanted)
        candidates = _candidates(self.instance, row, company_id)
        candidate = next(
            (
                choice
                for choice in candidates
                if choice.company.pk == company_id or (company_id is None and _proposes(row, choice.company))
            ),
            None,
        )
        return ReviewStep(
            row=row,
            position=at + 1,
            total=len(ids),
            previous=previous,
            following=following,
            candidates=candidates,
            candidate=candidate,
            evidence=evidence(row, candidate.company) if candidate else (),
            words=shared_words(row.name, candidate.company.name) if candidate else (),
        )

    def step_after(self, decided: int) -> ReviewStep:
        """The row after the one that was just decided.

        What was decided is done, so the rest of the queue need not be asked for once more.
        """
        at = self.ids.index(decided) if decided in self.ids else -1
        following = self.ids[at + 1] if at + 1 < len(self.ids) else None
        if at < 0 or following is None:
            return ReviewQueue.read(self.instance, self.user, self.query).step(following)
        return replace(self, ids=self.ids[:at] + self.ids[at + 1 :]).step(following)


def _queue(instance: int, user: int, psa: str, query: TableQuery) -> QuerySet[Any, int]:
    rows = matching_rows(instance, user, psa, query)
    if not query.state:
        rows = rows.filter(mapping_state__in=OPEN_STATES)
    rank = Case(
        *(When(proposal__tier=tier, then=Value(place)) for place, tier in enumerate(SUGGESTED_TIERS)),
        When(mapping_state=RowState.REVIEW, then=Value(len(SUGGESTED_TIERS))),
        default=Value(len(SUGGESTED_TIERS) + 1),
        output_field=IntegerField(),
    )
    ordered = rows.annotate(rank=rank).order_by("rank", Lower("name"), "pk")
    ids: QuerySet[Any, int] = ordered.values_list("pk", flat=True)
    return ids


def _candidates(instance: IntegrationInstance, row: Any, company_id: int | None) -> tuple[CompanyChoice, ...]:
    """What the matcher weighed, what is mapped or wanted, and what a person picked, without repetition."""
    # Beside a sure company nothing but its alternatives is worth a look; there is the search for all else.
    is_sure = row.proposal is not None and row.proposal.tier == Tier.SURE
    least = 1 if is_sure else CANDIDATES_SHOWN
    choices = company_choices(instance, row, "", CANDIDATES_SHOWN, least)
    shown = {choice.company.pk for choice in choices}
    wanted = [company_id] if company_id else []
    if row.mapping is not None and row.mapping.instance_id == instance.pk:
        wanted.append(row.mapping.company_id)
        wanted += [finding.company for finding in row.mapping.findings if finding.company]
    proposal = row.proposal
    if proposal is not None and proposal.company_id is not None and row.mapping is None:
        wanted.append(proposal.company_id)  # though the filter leaves it out by now
    missing = [pk for pk in wanted if pk not in shown]
    extra = Company.objects.filter(instance=instance, pk__in=missing) if missing else ()
    reasons = {proposal.company_id: list(proposal.reasons)} if proposal is not None else {}
    return (*(CompanyChoice(company, reasons.get(company.pk, [])) for company in extra), *choices)


def _proposes(row: Any, company: Company) -> bool:
    """Whether the candidate is the one answer (mapped, chosen or suggested), not one of several equals."""
    wanted = row.proposal.company_id if row.proposal else None
    mapped = row.mapping.company_id if row.mapping else None
    return company.pk in {wanted, mapped}


def shared_words(ours: str, theirs: str) -> tuple[NameWords, NameWords]:
    """Both names word by word, marked where the other one has the word too, in whatever spelling."""
    read = [[(word, _plain(word)) for word in name.split()] for name in (ours, theirs)]
    known = [{plain for _, plain in words if plain} for words in read]
    first, second = (
        tuple((word, plain in other) for word, plain in words)
        for words, other in zip(read, reversed(known), strict=True)
    )
    return first, second


def _plain(word: str) -> str:
    """A word without accents, case and punctuation; the sign for "and" is the word."""
    if word == "&":
        return "and"
    return "".join(sign for sign in fold(word).casefold() if sign.isalnum())


def evidence(organization: Organization, company: Company) -> tuple[Evidence, ...]:
    """What both records say beside the name, read as the matcher reads it, and their ids in other tools."""
    ours = {name: getattr(organization, name) for name in CONTACT}
    theirs = {name: getattr(company, "web_address" if name == "domain" else name) for name in CONTACT}
    read = read_contact(**ours), read_contact(**theirs)
    contacts = tuple(
        Evidence(label, ours[name], theirs[name], _verdict(*(getattr(contact, name) for contact in read)))
        for name, label in CONTACT.items()
        if ours[name] or theirs[name]
    )
    return (*contacts, *_ids(organization, company))


def _ids(organization: Organization, company: Company) -> list[Evidence]:
    """What other tools know the company by; an equal id of ours speaks for the pair, another says nothing."""
    found = []
    if company.tax_id:
        found.append(Evidence("Tax id", "", company.tax_id, ""))
    name = company.instance.user_value_name
    if name and company.user_value:
        ours = organization.external_id
        same = bool(ours) and ours.casefold() == company.user_value.casefold()
        found.append(Evidence(name, ours if same else "", company.user_value, "agree" if same else ""))
    return found


def _verdict(ours: str, theirs: str) -> str:
    if not ours or not theirs:
        return ""
    return "agree" if ours == theirs else "differ"
