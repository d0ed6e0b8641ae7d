"""Answer for whole lists (``suggest``) and for one pair (``explain``)."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log

from rapidfuzz.distance import OSA

from integrations.matching.contacts import Contact, read_contact
from integrations.matching.names import ParsedName, Steps, read_name
from integrations.matching.records import (
    AlignedWord,
    Company,
    Explanation,
    Knowledge,
    Organization,
    Progress,
    Reading,
    Rival,
    Suggestion,
    Tier,
)
from integrations.matching.words import squashed

MODEL_VERSION = "1"
#: The MSP's own record in Autotask: never anybody's customer.
OWN_COMPANY = "0"
_SURE, _LIKELY, _AHEAD = 0.98, 0.9, 0.12


class UnknownRecord(LookupError):
    """``explain`` was asked about an organization or a company that is not in the lists."""


def _score(left: ParsedName, right: ParsedName, weight: dict[str, float]) -> float:
    best = 0.0
    for ours in left.forms:
        for theirs in right.forms:
            if ours.squash == theirs.squash or ours.words == theirs.words:
                return 1.0 - 0.02 * (max(ours.kind, theirs.kind) > 1)
            rest, shared, total = list(theirs.words), 0.0, 0.0
            for word in ours.words:
                total += weight.get(word, 9.0)
                partner = max(rest, key=lambda other: OSA.normalized_similarity(word, other), default="")
                alike = OSA.normalized_similarity(word, partner) if partner else 0.0
                if (alike >= 0.8 and len(word) > 3) or word == partner:
                    rest.remove(partner)
                    shared += alike * 2 * min(weight.get(word, 9.0), weight.get(partner, 9.0))
            total += sum(weight.get(word, 9.0) for word in theirs.words)
            best = max(best, shared / total - 0.05 * (max(ours.kind, theirs.kind) > 1))
    return best


def suggest(
    organizations: Sequence[Organization],
    companies: Sequence[Company],
    *,
    knowledge: Knowledge | None = None,
    include_inactive: bool = False,
    several_to_one: bool = False,
    progress: Progress | None = None,
) -> list[Suggestion]:
    """For each organization, in the order given, the company it is, or that it cannot be told.

    The answer does not depend on the order of either list. Companies that are inactive or carry a mark
    such as "do not use" are proposed only with ``include_inactive``. No company is suggested twice unless
    ``several_to_one``. Company "0", the MSP itself, is never suggested.
    """
    knowledge = knowledge or Knowledge()
    taken = set() if several_to_one else set(knowledge.mapped.values())
    names = {company.id: read_name(company.name) for company in companies}
    open_companies = sorted(
        (
            company
            for company in companies
            if company.id != OWN_COMPANY
            and company.id not in taken
            and (include_inactive or (company.is_active and not names[company.id].is_marked_inactive))
        ),
        key=lambda company: company.id,
    )
    counts = Counter(word for name in names.values() for form in name.forms for word in set(form.words))
    weight = {word: max(1.0, log((len(companies) + 100) / count)) for word, count in counts.items()}
    index: dict[str, set[str]] = defaultdict(set)
    for company in open_companies:
        for form in names[company.id].forms:
            for key in {*form.words, form.squash, *(word[:4] for word in form.words)}:
                index[key].add(company.id)
    by_number = {squashed(c.number): c.id for c in reversed(open_companies) if squashed(c.number)}
    offered = {company.id for company in open_companies}
    ranked: dict[str, list[tuple[float, str]]] = {}
    for done, organization in enumerate(organizations):
        if progress is not None and done % 100 == 0:
            progress(done, len(organizations))
        parsed = read_name(organization.name)
        no_names = {squashed(name) for name in knowledge.rejected_names.get(organization.id, ())}
        alias_names = {squashed(name) for name in knowledge.aliases.get(organization.id, ())}
        near: Counter[str] = Counter()
        for form in parsed.forms:
            for key in {*form.words, form.squash, *(word[:4] for word in form.words)}:
                for company_id in index.get(key, ()):
                    near[company_id] += weight.get(key, 5.0)  # type: ignore[assignment]
        ids = {
            company_id for company_id, _ in sorted(near.items(), key=lambda item: (-item[1], item[0]))[:20]
        }
        ids |= {c.id for c in open_companies if names[c.id].squash in alias_names} if alias_names else set()
        known = knowledge.company_ids.get(organization.id, "") or by_number.get(
            squashed(knowledge.numbers.get(organization.id, "")), ""
        )
        if known in offered:
            ids.add(known)
        ranked[organization.id] = sorted(
            (
                -1.0
                if company_id == known or names[company_id].squash in alias_names
                else -0.99 * _score(parsed, names[company_id], weight),
                company_id,
            )
            for company_id in ids
            if (organization.id, company_id) not in knowledge.rejected
            and names[company_id].squash not in no_names
        )
    claims: dict[str, str] = {}
    for score, company_id, organization_id in sorted(
        (score, company_id, organization_id)
        for organization_id, found in ranked.items()
        for score, company_id in found[:1]
    ):
        del score
        claims.setdefault(company_id, organization_id)
    answers = []
    for organization in organizations:
        if organization.id in knowledge.mapped:
            company_id = knowledge.mapped[organization.id]
            answers.append(Suggestion(organization.id, company_id, 1.0, Tier.SURE, ("already mapped",)))
            continue
        found = ranked[organization.id]
        rivals = tuple(Rival(i, round(-s, 4), (f"names {-s:.0%} alike",)) for s, i in found[:3])
        if not found or -found[0][0] < _LIKELY:
            reason = (
                "no company has a name close enough" if found else "no company shares a word with this name"
            )
            best = rivals[0].confidence if rivals else 0.0
            answers.append(Suggestion(organization.id, None, best, Tier.NONE, (reason,), rivals))
            continue
        score, company_id = -found[0][0], found[0][1]
        ahead = score + found[1][0] if len(found) > 1 else 1.0
        if ahead < _AHEAD and score < 1.0:
            reasons = ("several companies fit equally well",)
            answers.append(Suggestion(organization.id, None, score, Tier.AMBIGUOUS, reasons, rivals))
        elif not several_to_one and claims[company_id] != organization.id:
            reasons = ("another organization fits this company better",)
            answers.append(Suggestion(organization.id, None, score, Tier.NONE, reasons, rivals))
        else:
            tier = Tier.SURE if score >= _SURE else Tier.LIKELY
            reasons = ("same name",) if tier is Tier.SURE else (f"names {score:.0%} alike",)
            answers.append(Suggestion(organization.id, company_id, score, tier, reasons, rivals[1:]))
    if progress is not None:
        progress(len(organizations), len(organizations))
    return answers


def _reading(name: str, contact: Contact) -> Reading:
    steps: Steps = []
    parsed = read_name(name, steps)
    first = parsed.forms[0] if parsed.forms else None
    return Reading(
        original=name,
        steps=tuple(steps),
        words=first.words if first else (),
        legal_forms=parsed.legal,
        qualifiers=tuple(word for form in parsed.forms for word in form.qualifier),
        other_names=tuple(" ".join(form.words) for form in parsed.forms[1:]),
        is_marked_inactive=parsed.is_marked_inactive,
        domain=contact.domain,
        phone=contact.phone,
        postal_code=contact.postal_code,
        city=contact.city,
        state=contact.state,
    )


def explain(
    organization_id: str,
    company_id: str,
    organizations: Sequence[Organization],
    companies: Sequence[Company],
    *,
    knowledge: Knowledge | None = None,
    include_inactive: bool = False,
    several_to_one: bool = False,
) -> Explanation:
    """Why this company is, or is not, the answer for this organization.

    Raises ``UnknownRecord`` when either id is not in the lists.
    """
    ours = {organization.id: organization for organization in organizations}.get(organization_id)
    theirs = {company.id: company for company in companies}.get(company_id)
    if ours is None or theirs is None:
        raise UnknownRecord(
            f"no organization {organization_id!r} or no company {company_id!r} in these lists"
        )
    (answer,) = suggest(
        [ours],
        companies,
        knowledge=knowledge,
        include_inactive=include_inactive,
        several_to_one=several_to_one,
    )
    left = _reading(ours.name, read_contact(ours.domain, ours.phone, ours.city, ours.state, ours.postal_code))
    right = _reading(
        theirs.name,
        read_contact(theirs.web_address, theirs.phone, theirs.city, theirs.state, theirs.postal_code),
    )
    mine = [rival for rival in answer.rivals if rival.company_id == company_id]
    is_answer = answer.company_id == company_id
    confidence = answer.confidence if is_answer else mine[0].confidence if mine else 0.0
    return Explanation(
        organization_id=organization_id,
        company_id=company_id,
        confidence=confidence,
        tier=answer.tier if is_answer or answer.tier is Tier.AMBIGUOUS else Tier.NONE,
        verdict="suggested" if is_answer else "not suggested",
        reasons=answer.reasons if is_answer else mine[0].reasons if mine else ("the names share no word",),
        organization=left,
        company=right,
        words=tuple(
            AlignedWord(word, word if word in right.words else "", float(word in right.words))
            for word in left.words
        ),
        contributions=(),
        rivals=tuple(rival for rival in answer.rivals if rival.company_id != company_id),
    )
