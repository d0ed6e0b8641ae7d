"""Answer for whole lists: which company each organization is, or that it cannot be told."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from integrations.matching.assign import assign
from integrations.matching.candidates import Longs
from integrations.matching.certain import Certain, refused_pairs, settle
from integrations.matching.context import CONTEXT, EQUAL, FARTHEST, LITTLE, SOME, margin_to_free
from integrations.matching.features import FEATURES
from integrations.matching.model import Model, Scores, fitted_model, score_pairs
from integrations.matching.preparing import Prepared, company_record, organization_record, parsed, prepare
from integrations.matching.reasons import held_back, pair_reasons, shared_contact, telling_apart, two_names
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
from integrations.matching.rules import Rule, View, exclusive_domain, first_rules, judge
from integrations.matching.tiers import Beside, agree, kinds_of, tiers_of
from integrations.matching.vocabulary import Flags, Ids, Reals

#: The MSP's own record in Autotask: never anybody's customer.
OWN_COMPANY = "0"
#: What another legal form takes off a score (log-odds): it decides between equals and nothing else.
LEGAL_TIE = 1e-6
#: From this share of words in common on a company counts as one that a short form may stand for.
LEAST_FIT = 0.85
#: Confidence in a company that an identifier or an exclusive domain names although the names differ.
OTHER_NAME_CONFIDENCE = 0.9
#: The least such confidence where a domain alone says so.
OTHER_NAME_LEAST = 0.6
#: A company that reaches this share of the best one's confidence is within its reach.
WITHIN_REACH = 0.5
#: Share of words in common below which two names are said to differ.
HALF_ALIKE = 0.5
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
    least: Reals  # confidence from which the pair would be suggested
    kinds: Ids  # positions in ``Kind``
    order: Longs  # pairs by organization, best first
    first: Longs  # order[first[r]:first[r + 1]] are the pairs of organization r
    answer: Longs  # (organizations) the pair that answers, -1 none
    free: Flags  # (organizations) whether that company is not given to another organization
    exclusive: Flags  # whether the domain of a pair is nobody else's
    rules: list[Rule | None]  # (organizations) the rule that keeps the best candidate from being suggested

    def context(self, name: str) -> Reals:
        """One column of what the rivals say (P)."""
        column: Reals = self.scores.context[:, _CONTEXT[name]]
        return column


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
    if refused:
        width = prepared.right.size
        no = np.array([row * width + column for row, column in refused], np.int64)
        prepared = prepared.keep(~np.isin(prepared.rows * width + prepared.columns, no))
    rows, columns, features, sided = prepared.rows, prepared.columns, prepared.features, prepared.sided
    view = View(features)
    judged = judge(view)
    scores = score_pairs(model, rows, columns, features, sided, judged, several_to_one=several_to_one)
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
    short = _same_short_form(rows, features)
    kinds = kinds_of(view)
    marked = np.array([record.name.is_marked_inactive for record in prepared.left.records], bool)
    tier, least = tiers_of(model, scores, Beside(view, judged, alone, twin, short, kinds, marked[rows]))
    exclusive = exclusive_domain(view, judged)
    _propose_exclusive(prepared, exclusive, tier, scores, answer, free)
    tops = order[np.minimum(first[:-1], max(len(order) - 1, 0))] if len(order) else order
    rules = first_rules(features[tops])
    return Weighed(
        prepared,
        rows,
        columns,
        features,
        scores,
        alone,
        tier,
        least,
        kinds,
        order,
        first,
        answer,
        free,
        exclusive,
        rules,
    )


def _propose_exclusive(
    prepared: Prepared, exclusive: Flags, tier: list[Tier], scores: Scores, answer: Longs, free: Flags
) -> None:
    """Propose the company whose domain nobody else holds to an organization that has no other suggestion.

    "Contoso" may be mapped to "Acorn Construction": names do not tell, the domain of both does. Changes its
    arguments in place.
    """
    rows, columns = prepared.rows, prepared.columns
    suggested = {Tier.SURE, Tier.LIKELY}
    taken = {
        int(columns[a])
        for a, own in zip(answer, free, strict=True)
        if a >= 0 and own and tier[a] in suggested
    }
    for pair in np.flatnonzero(exclusive).tolist():
        row = int(rows[pair])
        best = int(answer[row])
        if best < 0 or (free[row] and tier[best] in suggested) or int(columns[pair]) in taken:
            continue
        if tier[best] is Tier.AMBIGUOUS and best != pair:
            continue
        answer[row], free[row], tier[pair] = pair, True, Tier.LIKELY
        scores.confidence[pair] = max(scores.confidence[pair], OTHER_NAME_LEAST)
        taken.add(int(columns[pair]))


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
    reasons = pair_reasons(
        weighed.features[pair].tolist(),
        left.records[weighed.rows[pair]],
        theirs,
        weighed.prepared.forms(pair),
    )
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
        if tier is Tier.LIKELY and weighed.features[best, _ALIKE] < HALF_ALIKE and weighed.exclusive[best]:
            note = two_names(
                weighed.prepared.left.records[row], weighed.prepared.right.records[weighed.columns[best]]
            )
            answer = replace(answer, reasons=(note, *answer.reasons))
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
    if tier is Tier.AMBIGUOUS:
        twice = _held_twice(weighed, row, pairs)
        if twice is not None:
            return twice
        why = _why_ambiguous(weighed, row, pairs)
    elif words in hidden:
        why = (f'company "{hidden[words]}" has this name, but is inactive',)
    else:
        why = (_why_none(weighed, row, best),)
    return Suggestion(organization.id, None, confidence, tier, (*why, *rivals[0].reasons), rivals)


def _held_twice(weighed: Weighed, row: int, pairs: list[int]) -> Suggestion | None:
    """The answer where all companies that fit are one company that the PSA holds more than once.

    The active one is proposed, of equals the one of the lowest id.
    """
    confidence, records = weighed.scores.confidence, weighed.prepared.right.records
    best = pairs[0]
    within = [pair for pair in pairs if confidence[pair] >= WITHIN_REACH * confidence[best]]
    held = [records[int(weighed.columns[pair])] for pair in within]
    contested = weighed.context("company_ahead")[best] < SOME or weighed.alone[best] < weighed.least[best]
    shared = "" if contested or len(held) == 1 else shared_contact(held)
    if not shared:
        return None
    chosen, _ = min(zip(within, held, strict=True), key=lambda each: (not each[1].is_active, each[1].id))
    answer = _rival(weighed, chosen)
    names = " and ".join(f'"{record.name.text}"' for record in held)
    note = f"the PSA holds one company {len(held)} times: {names} share a {shared}; look which one is in use"
    others = tuple(_rival(weighed, pair) for pair in within[: MOST_RIVALS + 1] if pair != chosen)
    kind = tuple(Kind)[weighed.kinds[chosen]]
    figure = round(float(weighed.alone[chosen]), 10)
    organization = weighed.prepared.left.records[row]
    return Suggestion(
        organization.id, answer.company_id, figure, Tier.LIKELY, (note, *answer.reasons), others, kind
    )


def _why_ambiguous(weighed: Weighed, row: int, pairs: list[int]) -> tuple[str, ...]:
    """Which companies are within reach of each other, or who else claims the company."""
    confidence = weighed.scores.confidence
    best = pairs[0]
    if weighed.features[best, _OF_SEVERAL] > 0 and not weighed.context("equal_rival")[best]:
        return ("a short form in the name may stand for the words of more than one company",)
    within = [pair for pair in pairs[:MOST_RIVALS] if confidence[pair] >= WITHIN_REACH * confidence[best]]
    left, right = weighed.prepared.left.records, weighed.prepared.right.records
    if len(within) > 1:
        shown = ", ".join(f"{confidence[pair]:.2f}" for pair in within)
        apart = telling_apart([right[weighed.columns[pair]] for pair in within], left[row])
        return (f"{len(within)} companies fit equally well ({shown})", apart)
    if not weighed.free[row]:
        return ("its company goes to another organization that fits it as well or better",)
    if weighed.context("company_ahead")[best] < EQUAL:
        return ("another organization fits this company as well",)
    if weighed.context("company_ahead")[best] < SOME:
        return ("another organization comes near for this company",)
    others = pairs[1:2]
    if not others:
        return (f"the only candidate is not certain enough ({confidence[best]:.2f})",)
    return (
        (
            f"it fits best ({confidence[best]:.2f}), but the next company is not far enough behind "
            f"({confidence[others[0]]:.2f})"
        ),
    )


def _why_none(weighed: Weighed, row: int, best: int) -> str:
    """Which rule or threshold keeps the best candidate from being suggested."""
    if rule := weighed.rules[row]:
        return held_back(rule)
    confidence, least = weighed.scores.confidence[best], weighed.least[best]
    if confidence < least:
        return (
            f"no company is close enough: the best reaches {confidence:.2f}, and {least:.2f} would be enough"
        )
    return "another company or organization fits as well, and nothing tells them apart"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the collector of cycles: what is read is kept, has none, and would be walked again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _known_answers(
    certain: Certain, organizations: Sequence[Organization], offered: Sequence[Company]
) -> dict[str, Suggestion]:
    """Answers from knowledge: an id says which company; sure only where the name agrees too."""
    answers = {
        key: Suggestion(key, known.company_id, 1.0, Tier.SURE, (known.reason,), kind=Kind.IDENTIFIER)
        for key, known in certain.answers.items()
    }
    by_id = {key: known for key, known in certain.answers.items() if known.by_identifier}
    if not by_id:
        return answers
    ours = {o.id: o for o in organizations if o.id in by_id}
    theirs = {c.id: c for c in offered}
    keys = [key for key in by_id if key in ours and by_id[key].company_id in theirs]
    left = [organization_record(ours[key]) for key in keys]
    right = [company_record(theirs[by_id[key].company_id]) for key in keys]
    prepared = prepare(left, right, also=[(position, position) for position in range(len(keys))])
    agreeing = dict.fromkeys(range(len(keys)), False)
    own = np.flatnonzero(prepared.rows == prepared.columns)
    names_agree = agree(prepared.features[own])
    agreeing.update(zip(prepared.rows[own].tolist(), names_agree.tolist(), strict=True))
    for position, key in enumerate(keys):
        if agreeing[position]:
            continue
        names = f'the names differ: "{ours[key].name}" / "{theirs[by_id[key].company_id].name}"'
        answers[key] = replace(
            answers[key],
            confidence=OTHER_NAME_CONFIDENCE,
            tier=Tier.LIKELY,
            reasons=(by_id[key].reason, names),
        )
    return answers


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
    with _uncollected():
        return _suggest(
            organizations,
            companies,
            knowledge=knowledge or Knowledge(),
            include_inactive=include_inactive,
            several_to_one=several_to_one,
            progress=progress,
        )


def _suggest(
    organizations: Sequence[Organization],
    companies: Sequence[Company],
    *,
    knowledge: Knowledge,
    include_inactive: bool,
    several_to_one: bool,
    progress: Progress | None,
) -> list[Suggestion]:
    total = len(organizations)

    def step(share: float) -> None:
        if progress is not None:
            progress(min(int(share * total), total), total)

    step(0.0)
    offered = offered_companies(
        companies, knowledge, include_inactive=include_inactive, several_to_one=several_to_one
    )
    certain = settle(organizations, offered, knowledge, several_to_one=several_to_one)
    settled = {known.company_id for known in certain.answers.values()}
    offered_before = offered
    if settled and not several_to_one:
        offered = [company for company in offered if company.id not in settled]
    answers = _known_answers(certain, organizations, offered_before)
    for key, (ids, reason) in certain.contested.items():
        rivals = tuple(Rival(company_id, 1 / len(ids), (reason,)) for company_id in ids)
        reasons = (
            f"{len(ids)} companies fit equally well ({', '.join(f'{1 / len(ids):.2f}' for _ in ids)})",
            reason,
        )
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
