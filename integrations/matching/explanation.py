"""Everything behind the answer for one organization and one company: the "why (not)?" page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from integrations.matching.answers import LEAST_ALTERNATIVE, MOST_ALTERNATIVES, alternative
from integrations.matching.contacts import Contact
from integrations.matching.context import CONTEXT
from integrations.matching.features import FEATURES, compare
from integrations.matching.known_answers import refused_pairs
from integrations.matching.model import fitted_model
from integrations.matching.names import ParsedName, Steps, read_name
from integrations.matching.observations import observe, what_makes_sure
from integrations.matching.preparation import company_record, organization_record, prepare
from integrations.matching.reasons import LABELS
from integrations.matching.records import (
    AlignedWord,
    Alternative,
    Company,
    Contribution,
    Explanation,
    Kind,
    Knowledge,
    Organization,
    Reading,
    Suggestion,
    Tier,
)
from integrations.matching.rules import Strength, rules_for
from integrations.matching.scoring import ScoredPairs, score_pairs
from integrations.matching.similarity import word_similarity
from integrations.matching.suggestions import OWN_COMPANY, offered_companies, suggest

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


def _aligned_words(scored: ScoredPairs, pair: int) -> tuple[AlignedWord, ...]:
    """The words of the chosen forms side by side; partners first in the organization's order."""
    prepared = scored.prepared
    one = slice(pair, pair + 1)
    vocabulary = prepared.vocabulary
    alignment = compare(
        prepared.left, scored.rows[one], prepared.right, scored.columns[one], vocabulary, prepared.counts
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


def _contributions(scored: ScoredPairs, pair: int) -> tuple[Contribution, ...]:
    """Every feature that moved the score, the strongest first.

    The pair's own features count with the weight that the second stage gives the first.
    """
    model = fitted_model()
    share = float(model.context_weights[list(CONTEXT).index("score")])
    found = [
        Contribution(name, LABELS[name], float(value), float(value * weight * share))
        for name, value, weight in zip(FEATURES, scored.features[pair], model.pair_weights, strict=True)
    ]
    found.extend(
        Contribution(name, LABELS[name], float(value), float(value * weight))
        for name, value, weight in zip(
            CONTEXT, scored.scores.context[pair], model.context_weights, strict=True
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


@dataclass(slots=True)
class _ScoredPair:
    """Both lists scored with one pair among them, whether or not its company is on offer."""

    ours: Organization
    theirs: Company
    answer: Suggestion
    scored: ScoredPairs
    row: int
    column: int
    pair: int  # -1 where nothing can be compared
    is_offered: bool
    is_refused: bool
    names: dict[str, str]


def _verdict(scored_pair: _ScoredPair, knowledge: Knowledge) -> tuple[str, Tier]:
    """The verdict as a sentence, and the tier it stands for."""
    answer, company_id = scored_pair.answer, scored_pair.theirs.id
    if answer.company_id == company_id:
        look = "" if answer.tier is Tier.SURE else ", and wants a look"
        return f"suggested as {answer.tier.value}{look}: {answer.kind.value}", answer.tier
    if answer.tier is Tier.AMBIGUOUS and any(r.company_id == company_id for r in answer.alternatives):
        return "not suggested: other companies fit as well", Tier.AMBIGUOUS
    if scored_pair.is_refused:
        return "not suggested: a person said no to this pair", Tier.NONE
    marked = scored_pair.scored.prepared.right.records[scored_pair.column].name.is_marked_inactive
    if not scored_pair.is_offered and (why := _not_offered(scored_pair.theirs, marked, knowledge)):
        return f"not suggested: {why}", Tier.NONE
    if answer.company_id is not None:
        other = scored_pair.names.get(answer.company_id, "another company")
        return f'not suggested: another company fits better, "{other}"', Tier.NONE
    if scored_pair.pair >= 0:
        rules = [
            r
            for r in rules_for(scored_pair.scored.features[scored_pair.pair])
            if r.strength is not Strength.DOUBTS
        ]
        if rules:
            return f"not suggested because {rules[0].because}", Tier.NONE
    return "not suggested: not close enough", Tier.NONE


def _score_pair(
    ours: Organization,
    theirs: Company,
    organizations: Sequence[Organization],
    companies: Sequence[Company],
    knowledge: Knowledge,
    options: dict[str, bool],
) -> _ScoredPair:
    """Answer for the organization, and weigh the pair among all others."""
    answers = suggest(
        organizations,
        companies,
        knowledge=knowledge,
        include_inactive=options["include_inactive"],
        several_to_one=options["several_to_one"],
    )
    answer = next(a for a in answers if a.organization_id == ours.id)
    offered = offered_companies(companies, knowledge, **options)
    is_offered = any(c.id == theirs.id for c in offered)
    if not is_offered:
        offered = sorted([*offered, theirs], key=lambda c: (c.id, c.name))
    asking = sorted(organizations, key=lambda o: (o.id, o.name))
    row = next(i for i, o in enumerate(asking) if o.id == ours.id)
    column = next(i for i, c in enumerate(offered) if c.id == theirs.id)
    left, right = [organization_record(o) for o in asking], [company_record(c) for c in offered]
    comparable = bool(left[row].name.forms and right[column].name.forms)
    prepared = prepare(left, right, also=[(row, column)] if comparable else [])
    refused = refused_pairs(asking, offered, knowledge)
    several = options["several_to_one"]
    scored = score_pairs(prepared, refused - {(row, column)}, several_to_one=several)
    found = np.flatnonzero((scored.rows == row) & (scored.columns == column))
    return _ScoredPair(
        ours=ours,
        theirs=theirs,
        answer=answer,
        scored=scored,
        row=row,
        column=column,
        pair=int(found[0]) if found.size else -1,
        is_offered=is_offered,
        is_refused=(row, column) in refused,
        names={c.id: c.name for c in companies},
    )


def _alternatives_of(scored_pair: _ScoredPair) -> tuple[Alternative, ...]:
    scored = scored_pair.scored
    order = scored.order[scored.first[scored_pair.row] : scored.first[scored_pair.row + 1]].tolist()
    return tuple(
        alternative(scored, other) for other in order[: MOST_ALTERNATIVES + 1] if other != scored_pair.pair
    )[:MOST_ALTERNATIVES]


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

    The pair is scored as if the company were on offer even when it is not (inactive, mapped, rejected); the
    verdict says so. Raises ``UnknownRecord`` when either id is not in the lists.
    """
    knowledge = knowledge or Knowledge()
    ours = next((o for o in organizations if o.id == organization_id), None)
    theirs = next((c for c in companies if c.id == company_id), None)
    if ours is None or theirs is None:
        raise UnknownRecord(
            f"no organization {organization_id!r} or no company {company_id!r} in these lists"
        )
    options = {"include_inactive": include_inactive, "several_to_one": several_to_one}
    scored_pair = _score_pair(ours, theirs, organizations, companies, knowledge, options)
    return _explanation(scored_pair, knowledge)


def _explanation(scored_pair: _ScoredPair, knowledge: Knowledge) -> Explanation:
    """What is told of a pair that was scored among all others."""
    scored, pair, answer = scored_pair.scored, scored_pair.pair, scored_pair.answer
    ours, theirs = scored_pair.ours, scored_pair.theirs
    left = scored.prepared.left.records[scored_pair.row]
    right = scored.prepared.right.records[scored_pair.column]
    verdict, tier = _verdict(scored_pair, knowledge)
    alternatives = _alternatives_of(scored_pair)
    reasons: tuple[str, ...] = ("a name without letters or digits cannot be compared",)
    confidence, kind = 0.0, Kind.PART
    if pair >= 0:
        own = alternative(scored, pair)
        reasons, confidence, kind = own.reasons, own.confidence, tuple(Kind)[scored.kinds[pair]]
    near = [
        (scored_pair.names[r.company_id], r.confidence)
        for r in alternatives[:1]
        if r.confidence >= LEAST_ALTERNATIVE
    ]
    in_favour, against = (
        observe(reasons, scored.features[pair], ours, theirs, near[0] if near else None)
        if pair >= 0
        else ((), reasons)
    )
    if answer.company_id == theirs.id:
        reasons, confidence, kind = answer.reasons, answer.confidence, answer.kind
    return Explanation(
        organization_id=ours.id,
        company_id=theirs.id,
        confidence=confidence,
        tier=tier,
        verdict=verdict,
        reasons=reasons,
        organization=_reading(ours.name, left.name, left.contact),
        company=_reading(theirs.name, right.name, right.contact),
        words=_aligned_words(scored, pair) if pair >= 0 else (),
        contributions=_contributions(scored, pair) if pair >= 0 else (),
        alternatives=alternatives,
        kind=kind,
        in_favour=in_favour,
        against=against,
        to_be_sure=what_makes_sure(tier, kind, scored.features[pair]) if pair >= 0 else "",
    )
