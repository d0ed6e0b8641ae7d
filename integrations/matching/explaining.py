"""Everything behind the answer for one organization and one company: the "why (not)?" page."""

from collections.abc import Sequence

import numpy as np

from integrations.matching.certain import refused_pairs
from integrations.matching.contacts import Contact
from integrations.matching.context import CONTEXT
from integrations.matching.features import FEATURES, compare
from integrations.matching.model import fitted_model
from integrations.matching.names import ParsedName, Steps, read_name
from integrations.matching.preparing import company_record, organization_record, prepare
from integrations.matching.reasons import LABELS, pair_reasons
from integrations.matching.records import (
    AlignedWord,
    Company,
    Contribution,
    Explanation,
    Knowledge,
    Organization,
    Reading,
    Rival,
    Tier,
)
from integrations.matching.similarity import word_similarity
from integrations.matching.suggesting import (
    MOST_RIVALS,
    OWN_COMPANY,
    Weighed,
    offered_companies,
    suggest,
    weigh,
)

_SMALLEST_CONTRIBUTION = 0.005


class UnknownRecord(LookupError):
    """``explain`` was asked about an organization or a company that is not in the lists."""


def _reading(name: str, parsed: ParsedName, contact: Contact) -> Reading:
    steps: Steps = []
    read_name(name, steps)
    first = parsed.forms[0] if parsed.forms else None
    return Reading(
        original=name,
        steps=tuple(steps),
        words=first.words if first else (),
        legal_forms=parsed.legal,
        qualifiers=tuple(dict.fromkeys(word for form in parsed.forms[:2] for word in form.qualifier)),
        other_names=tuple(" ".join(form.words) for form in parsed.forms[1:]),
        is_marked_inactive=parsed.is_marked_inactive,
        domain=contact.domain,
        phone=contact.phone,
        postal_code=contact.postal_code,
        city=contact.city,
        state=contact.state,
    )


def _aligned_words(weighed: Weighed, pair: int) -> tuple[AlignedWord, ...]:
    """The words of the chosen forms side by side; partners first in the organization's order."""
    prepared = weighed.prepared
    one = slice(pair, pair + 1)
    vocabulary = prepared.vocabulary
    alignment = compare(
        prepared.left, weighed.rows[one], prepared.right, weighed.columns[one], vocabulary, prepared.counts
    ).alignment
    texts = vocabulary.texts
    left = [word for word in alignment.left[0].tolist() if word >= 0]
    right = [word for word in alignment.right[0].tolist() if word >= 0]
    shown, used = [], set()
    for position, word in enumerate(left):
        partner = int(alignment.partner[0, position])
        if 0 <= partner < len(right):
            used.add(partner)
            other = right[partner]
            alike = 1.0
            if other != word:
                alike = float(word_similarity(np.array([word]), np.array([other]), vocabulary)[0])
            shown.append(AlignedWord(texts[word], texts[other], round(alike, 3)))
        else:
            shown.append(AlignedWord(texts[word], "", 0.0))
    shown.extend(AlignedWord("", texts[w], 0.0) for position, w in enumerate(right) if position not in used)
    return tuple(shown)


def _contributions(weighed: Weighed, pair: int) -> tuple[Contribution, ...]:
    """Every feature that moved the score, the strongest first.

    The pair's own features count with the weight that the second stage gives the first.
    """
    model = fitted_model()
    share = float(model.context_weights[list(CONTEXT).index("score")])
    found = [
        Contribution(name, LABELS[name], float(value), float(value * weight * share))
        for name, value, weight in zip(FEATURES, weighed.features[pair], model.pair_weights, strict=True)
    ]
    found.extend(
        Contribution(name, LABELS[name], float(value), float(value * weight))
        for name, value, weight in zip(
            CONTEXT, weighed.scores.context[pair], model.context_weights, strict=True
        )
        if name != "score"
    )
    kept = [c for c in found if abs(c.contribution) >= _SMALLEST_CONTRIBUTION]
    return tuple(sorted(kept, key=lambda c: (-abs(c.contribution), c.feature)))


def _not_offered(company: Company, marked: bool, knowledge: Knowledge) -> str:
    """Why a company is not proposed to anybody; empty when it may be."""
    if company.id == OWN_COMPANY:
        return "this is the MSP's own record"
    if company.id in knowledge.mapped.values():
        return "the company is already mapped to an organization"
    if not company.is_active:
        return "the company is inactive"
    return "the company's name carries a mark such as 'do not use'" if marked else ""


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
    """Why this company is, or is not, the answer for this organization; takes as long as one ``suggest``.

    The pair is weighed as if the company were on offer even when it is not (inactive, mapped, rejected); the
    verdict says so. Raises ``UnknownRecord`` when either id is not in the lists.
    """
    knowledge = knowledge or Knowledge()
    ours = next((o for o in organizations if o.id == organization_id), None)
    theirs = next((c for c in companies if c.id == company_id), None)
    if ours is None or theirs is None:
        raise UnknownRecord(
            f"no organization {organization_id!r} or no company {company_id!r} in these lists"
        )
    answer = next(
        a
        for a in suggest(
            organizations,
            companies,
            knowledge=knowledge,
            include_inactive=include_inactive,
            several_to_one=several_to_one,
        )
        if a.organization_id == organization_id
    )
    offered = offered_companies(
        companies, knowledge, include_inactive=include_inactive, several_to_one=several_to_one
    )
    is_offered = any(c.id == company_id for c in offered)
    if not is_offered:
        offered = sorted([*offered, theirs], key=lambda c: (c.id, c.name))
    asking = sorted(organizations, key=lambda o: (o.id, o.name))
    row = next(i for i, o in enumerate(asking) if o.id == organization_id)
    column = next(i for i, c in enumerate(offered) if c.id == company_id)
    left, right = [organization_record(o) for o in asking], [company_record(c) for c in offered]
    comparable = bool(left[row].name.forms and right[column].name.forms)
    prepared = prepare(left, right, also=[(row, column)] if comparable else [])
    refused = refused_pairs(asking, offered, knowledge)
    weighed = weigh(prepared, refused - {(row, column)}, several_to_one=several_to_one)
    found = np.flatnonzero((weighed.rows == row) & (weighed.columns == column))
    pair = int(found[0]) if found.size else -1
    is_answer = answer.company_id == company_id
    reasons: tuple[str, ...] = ("a name without letters or digits cannot be compared",)
    confidence = 0.0
    if pair >= 0:
        reasons = pair_reasons(
            weighed.features[pair].tolist(), left[row], right[column], weighed.prepared.forms(pair)
        )
        confidence = round(float(weighed.scores.confidence[pair]), 6)
    if is_answer:
        verdict, tier, confidence = "suggested", answer.tier, answer.confidence
        reasons = answer.reasons
    else:
        tier = Tier.NONE
        if answer.tier is Tier.AMBIGUOUS and any(r.company_id == company_id for r in answer.rivals):
            verdict, tier = "not suggested: other companies fit as well", Tier.AMBIGUOUS
        elif (row, column) in refused:
            verdict = "not suggested: a person said no to this pair"
        elif not is_offered and (
            why := _not_offered(theirs, right[column].name.is_marked_inactive, knowledge)
        ):
            verdict = f"not suggested: {why}"
        elif answer.company_id is not None:
            verdict = "not suggested: another company fits better"
        else:
            verdict = "not suggested: not close enough"
    order = weighed.order[weighed.first[row] : weighed.first[row + 1]].tolist()
    rivals = tuple(
        Rival(
            right[weighed.columns[other]].id,
            round(float(weighed.scores.confidence[other]), 6),
            pair_reasons(
                weighed.features[other].tolist(),
                left[row],
                right[weighed.columns[other]],
                weighed.prepared.forms(other),
            ),
        )
        for other in order[: MOST_RIVALS + 1]
        if other != pair
    )
    return Explanation(
        organization_id=organization_id,
        company_id=company_id,
        confidence=confidence,
        tier=tier,
        verdict=verdict,
        reasons=reasons,
        organization=_reading(ours.name, left[row].name, left[row].contact),
        company=_reading(theirs.name, right[column].name, right[column].contact),
        words=_aligned_words(weighed, pair) if pair >= 0 else (),
        contributions=_contributions(weighed, pair) if pair >= 0 else (),
        rivals=rivals[:MOST_RIVALS],
    )
