"""Answer for whole lists: which company each organization is, or that it cannot be told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from integrations.matching.assign import assign
from integrations.matching.candidates import Longs
from integrations.matching.certain import refused_pairs, settle
from integrations.matching.context import CONTEXT, EQUAL, FARTHEST, LITTLE, SOME, margin_to_free
from integrations.matching.features import FEATURES
from integrations.matching.model import Model, Scores, fitted_model, score_pairs
from integrations.matching.preparing import Prepared, company_record, organization_record, parsed, prepare
from integrations.matching.reasons import pair_reasons, telling_apart
from integrations.matching.records import (
    Company,
    Kind,
    Knowledge,
    Organization,
    Progress,
    Rival,
    Suggestion,
    Tier,
)
from integrations.matching.tiers import kinds_of, tiers_of
from integrations.matching.vocabulary import Flags, Ids, Reals

#: The MSP's own record in Autotask: never anybody's customer.
OWN_COMPANY = "0"
#: What another legal form takes off a score (log-odds): it decides between equals and nothing else.
LEGAL_TIE = 1e-6
#: From this share of words in common on a company counts as one that a short form may stand for.
LEAST_FIT = 0.85
#: Companies named beside an answer.
MOST_RIVALS = 3
#: A rival less likely than this is not worth a line beside a suggestion.
LEAST_RIVAL = 0.02

_SAME_WORDS = list(FEATURES).index("same_words")
_ALIKE = list(FEATURES).index("alike")
_OF_SEVERAL = list(FEATURES).index("abbreviation_of_several")
_CONTEXT = {name: position for position, name in enumerate(CONTEXT)}
_ALONE = {
    "ahead": FARTHEST,
    "ahead_little": LITTLE,
    "ahead_some": SOME,
    "company_ahead": FARTHEST,
    "company_ahead_little": LITTLE,
    "ahead_of_free": FARTHEST,
    "mutual_best": 1.0,
    "equal_rival": 0.0,
    "near_rival": 0.0,
}


@dataclass(slots=True)
class Weighed:
    """All pairs of one press with their scores; rows and columns index the two tables."""

    prepared: Prepared
    rows: Longs
    columns: Longs
    features: Reals
    scores: Scores
    alone: Reals  # confidence the pair would have without rivals
    tier: list[Tier]
    kinds: Ids  # positions in ``Kind``
    order: Longs  # pairs by organization, best first
    first: Longs  # order[first[r]:first[r + 1]] are the pairs of organization r
    answer: Longs  # (organizations) the pair that answers, -1 none
    free: Flags  # (organizations) whether that company is not given to another organization


def offered_companies(
    companies: Sequence[Company], knowledge: Knowledge, *, include_inactive: bool, several_to_one: bool
) -> list[Company]:
    """Companies that may be proposed at all, in the order of their ids."""
    taken = set() if several_to_one else set(knowledge.mapped.values())
    return sorted(
        (
            company
            for company in companies
            if company.id != OWN_COMPANY
            and company.id not in taken
            and (include_inactive or (company.is_active and not parsed(company.name).is_marked_inactive))
        ),
        key=lambda company: (company.id, company.name),
    )


def weigh(
    prepared: Prepared,
    refused: set[tuple[int, int]],
    *,
    several_to_one: bool,
    model: Model | None = None,
) -> Weighed:
    """Score all pairs beside their rivals and choose one pair an organization.

    ``model``: other weights than those that ship with the portal, to measure them.
    """
    model = model or fitted_model()
    rows, columns, features, sided = prepared.rows, prepared.columns, prepared.features, prepared.sided
    if refused:
        width = prepared.right.size
        no = np.array([row * width + column for row, column in refused], np.int64)
        keep = ~np.isin(rows * width + columns, no)
        rows, columns, features, sided = rows[keep], columns[keep], features[keep], sided[keep]
    scores = score_pairs(model, rows, columns, features, sided, several_to_one=several_to_one)
    context = scores.context.copy()
    for name, value in _ALONE.items():
        context[:, _CONTEXT[name]] = value
    alone = model.confidence(model.context_score(context))
    # rounded, so that the last digit of a sum does not decide between equals; then the legal form may
    legal = prepared.left.classes[rows] != prepared.right.classes[columns]
    order = np.lexsort((columns, legal, -np.round(scores.pair, 6), -np.round(scores.final, 6), rows))
    first = np.searchsorted(rows[order], np.arange(prepared.left.size + 1))
    answer = np.full(prepared.left.size, -1, np.int64)
    free = np.zeros(prepared.left.size, bool)  # the answer's company is not given to another organization
    some = first[:-1] < first[1:]
    answer[some] = order[first[:-1][some]]
    if not several_to_one:
        chosen = assign(rows, columns, scores.final - LEGAL_TIE * legal)
        answer[rows[chosen]] = chosen
        free[rows[chosen]] = True
    else:
        free[:] = True
    plain = model.plain_score(features, scores.pair)
    mutual = scores.context[:, _CONTEXT["mutual_best"]] > 0
    twin = _namesakes(model, rows, columns, features, plain, mutual)
    if not several_to_one:
        # an organization that cannot tell its own two companies apart takes neither from another
        undecided = scores.context[:, _CONTEXT["equal_rival"]] > 0
        twin |= margin_to_free(columns, rows, plain, mutual, undecided) < EQUAL
    twin |= _same_short_form(rows, features)
    kinds = kinds_of(features)
    tier = tiers_of(model, features, scores, alone, twin, kinds)
    return Weighed(prepared, rows, columns, features, scores, alone, tier, kinds, order, first, answer, free)


def _same_short_form(rows: Longs, features: Reals) -> Flags:
    """Pairs whose organization has a short form that several companies' words would fit ("Vale Con")."""
    fits = (features[:, _OF_SEVERAL] > 0) & (features[:, _ALIKE] > LEAST_FIT)
    counts = np.bincount(rows[fits], minlength=int(rows.max(initial=-1)) + 1)
    return fits & (counts[rows] > 1)


def _namesakes(
    model: Model, rows: Longs, columns: Longs, features: Reals, plain: Reals, mutual: Flags
) -> Flags:
    """Pairs with a namesake beside them from which nothing but its other telephone number tells them apart.

    A company has many numbers; one that differs does not make its namesake the right one.
    """
    same = np.flatnonzero(features[:, _SAME_WORDS] > 0)
    unphoned = model.without_feature("phone_different", features[same], plain[same])
    found = np.zeros(len(rows), bool)
    found[same] = margin_to_free(rows[same], columns[same], unphoned, mutual[same]) < EQUAL
    return found


def _rival(weighed: Weighed, pair: int) -> Rival:
    left, right = weighed.prepared.left, weighed.prepared.right
    theirs = right.records[weighed.columns[pair]]
    reasons = pair_reasons(weighed.features[pair].tolist(), left.records[weighed.rows[pair]], theirs)
    return Rival(theirs.id, round(float(weighed.scores.confidence[pair]), 4), reasons)


def _answer(weighed: Weighed, row: int, hidden: dict[tuple[str, ...], str]) -> Suggestion:
    """The suggestion for one organization that knowledge did not settle."""
    organization = weighed.prepared.left.records[row]
    pairs = weighed.order[weighed.first[row] : weighed.first[row + 1]].tolist()
    words = organization.name.forms[0].words if organization.name.forms else ()
    if not pairs:
        reason = "no company shares a rare word, a domain or a telephone number with it"
        if not words:
            reason = "the name holds no letters or digits"
        elif words in hidden:
            reason = f'company "{hidden[words]}" has this name, but is inactive'
        return Suggestion(organization.id, None, 0.0, Tier.NONE, (reason,))
    best = int(weighed.answer[row])
    tier = weighed.tier[best]
    if not weighed.free[row] and tier in (Tier.SURE, Tier.LIKELY):
        tier = Tier.AMBIGUOUS
    confidence = round(float(weighed.scores.confidence[best]), 10)
    if tier in (Tier.SURE, Tier.LIKELY):
        answer = _rival(weighed, best)
        others = tuple(
            _rival(weighed, pair)
            for pair in pairs[: MOST_RIVALS + 1]
            if pair != best and weighed.scores.confidence[pair] >= LEAST_RIVAL
        )
        kind = tuple(Kind)[weighed.kinds[best]]
        return Suggestion(organization.id, answer.company_id, confidence, tier, answer.reasons, others, kind)
    best = pairs[0]
    rivals = tuple(_rival(weighed, pair) for pair in pairs[:MOST_RIVALS])
    confidence = round(float(weighed.scores.confidence[best]), 10)
    reasons: tuple[str, ...]
    if tier is Tier.AMBIGUOUS:
        records = weighed.prepared.right.records
        plain = weighed.scores.context[:, _CONTEXT["ahead"]]
        equals = [pair for pair in pairs[:MOST_RIVALS] if plain[pair] > -SOME]
        if len(equals) > 1:
            apart = telling_apart([records[weighed.columns[pair]] for pair in equals], organization)
            reasons = (f"{len(equals)} companies fit equally well", apart, *rivals[0].reasons)
        else:
            reasons = ("another organization fits this company as well", *rivals[0].reasons)
    elif words in hidden:
        reasons = (f'company "{hidden[words]}" has this name, but is inactive', *rivals[0].reasons)
    else:
        reasons = ("no company is close enough", *rivals[0].reasons)
    return Suggestion(organization.id, None, confidence, tier, reasons, rivals)


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

    The answer does not depend on the order of either list; ids are expected to be unique. Companies that are
    inactive or carry a mark such as "do not use" are proposed only with ``include_inactive``. No company is
    suggested twice unless ``several_to_one``. Company "0", the MSP itself, is never suggested.
    """
    total = len(organizations)

    def step(share: float) -> None:
        if progress is not None:
            progress(min(int(share * total), total), total)

    step(0.0)
    knowledge = knowledge or Knowledge()
    offered = offered_companies(
        companies, knowledge, include_inactive=include_inactive, several_to_one=several_to_one
    )
    certain = settle(organizations, offered, knowledge, several_to_one=several_to_one)
    settled = {company_id for company_id, _ in certain.answers.values()}
    if settled and not several_to_one:
        offered = [company for company in offered if company.id not in settled]
    answers: dict[str, Suggestion] = {
        key: Suggestion(key, company_id, 1.0, Tier.SURE, (reason,), kind=Kind.IDENTIFIER)
        for key, (company_id, reason) in certain.answers.items()
    }
    for key, (ids, reason) in certain.contested.items():
        rivals = tuple(Rival(company_id, 1 / len(ids), (reason,)) for company_id in ids)
        reasons = (f"{len(ids)} companies fit equally well", reason)
        answers[key] = Suggestion(key, None, 1 / len(ids), Tier.AMBIGUOUS, reasons, rivals)
    asking = sorted((o for o in organizations if o.id not in answers), key=lambda o: (o.id, o.name))
    prepared = prepare(
        [organization_record(organization) for organization in asking],
        [company_record(company) for company in offered],
        step=step,
    )
    weighed = weigh(prepared, refused_pairs(asking, offered, knowledge), several_to_one=several_to_one)
    step(0.92)
    offered_ids = {company.id for company in offered}
    hidden: dict[tuple[str, ...], str] = {}
    for company in companies:
        if company.id not in offered_ids and company.id != OWN_COMPANY and company.id not in settled:
            name = parsed(company.name)
            if name.forms and (name.is_marked_inactive or not company.is_active):
                hidden.setdefault(name.forms[0].words, company.name)
    for row, organization in enumerate(asking):
        answers[organization.id] = _answer(weighed, row, hidden)
    step(1.0)
    return [answers[organization.id] for organization in organizations]
