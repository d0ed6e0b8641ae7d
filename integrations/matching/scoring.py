"""Score all pairs of one press beside their rivals, and choose one pair an organization."""

from dataclasses import dataclass

import numpy as np

from integrations.matching.assign import assign
from integrations.matching.candidates import Longs
from integrations.matching.context import CONTEXT, EQUAL, FARTHEST, LITTLE, SOME, margin_to_free
from integrations.matching.features import FEATURES
from integrations.matching.model import Model, Scores, beside_rivals, fitted_model
from integrations.matching.preparation import Prepared
from integrations.matching.records import Tier
from integrations.matching.rules import Rule, exclusive_domain, first_rules, judge, spelled_elsewhere
from integrations.matching.tiers import Beside, kinds_of, tiers_of
from integrations.matching.view import View
from integrations.matching.vocabulary import Flags, Ids, Reals

#: What another legal form takes off a score (log-odds): it decides between equals and nothing else.
LEGAL_TIE = 1e-6
#: From this share of words in common on a company counts as one that a short form may stand for.
LEAST_FIT = 0.85
#: The least such confidence where a domain alone says so.
OTHER_NAME_LEAST = 0.6

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
class ScoredPairs:
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


def score_pairs(
    prepared: Prepared,
    refused: set[tuple[int, int]],
    *,
    several_to_one: bool,
    model: Model | None = None,
) -> ScoredPairs:
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
    judged.forbidden |= spelled_elsewhere(view, judged, rows)
    scores = beside_rivals(model, rows, columns, features, sided, judged, several_to_one=several_to_one)
    alone = _confidence_alone(model, scores)
    order, first, answer, free = _choose(prepared, scores, several_to_one=several_to_one)
    twin = _twins(model, prepared, scores, several_to_one=several_to_one)
    short = _same_short_form(rows, features)
    kinds = kinds_of(view)
    marked = np.array([record.name.is_marked_inactive for record in prepared.left.records], bool)
    tier, least = tiers_of(model, scores, Beside(view, judged, alone, twin, short, kinds, marked[rows]))
    exclusive = exclusive_domain(view, judged)
    _propose_exclusive(prepared, exclusive, tier, scores, answer, free)
    tops = order[np.minimum(first[:-1], max(len(order) - 1, 0))] if len(order) else order
    rules = first_rules(features[tops])
    return ScoredPairs(
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


def _confidence_alone(model: Model, scores: Scores) -> Reals:
    """The confidence each pair would have without rivals."""
    weights, others = model.context_weights, [n for n, name in enumerate(CONTEXT) if name not in _ALONE]
    of_rivals = sum(value * weights[_CONTEXT[name]] for name, value in _ALONE.items())
    return model.confidence(scores.context[:, others] @ weights[others] + (model.context_bias + of_rivals))


def _choose(prepared: Prepared, scores: Scores, *, several_to_one: bool) -> tuple[Longs, Longs, Longs, Flags]:
    """The order of the pairs, where each organization's begin in it, its answer, and whether that is free."""
    rows, columns = prepared.rows, prepared.columns
    # rounded, so that the last digit of a sum does not decide between equals; then the legal form may
    legal = prepared.left.classes[rows] != prepared.right.classes[columns]
    order = np.lexsort((columns, legal, -np.round(scores.pair, 6), -np.round(scores.final, 6), rows))
    first = np.searchsorted(rows[order], np.arange(prepared.left.size + 1))
    answer = np.full(prepared.left.size, -1, np.int64)
    some = first[:-1] < first[1:]
    answer[some] = order[first[:-1][some]]
    free = np.full(prepared.left.size, several_to_one)
    if not several_to_one:
        chosen = assign(rows, columns, scores.final - LEGAL_TIE * legal)
        answer[rows[chosen]] = chosen
        free[rows[chosen]] = True
    return order, first, answer, free


def _twins(model: Model, prepared: Prepared, scores: Scores, *, several_to_one: bool) -> Flags:
    """Pairs beside which another company, or another organization, fits as well."""
    rows, columns, features = prepared.rows, prepared.columns, prepared.features
    plain = model.plain_score(features, scores.pair)
    mutual = scores.context[:, _CONTEXT["mutual_best"]] > 0
    twin = _namesakes(model, rows, columns, features, plain, mutual)
    if not several_to_one:
        # an organization that cannot tell its own two companies apart takes neither from another
        undecided = scores.context[:, _CONTEXT["equal_rival"]] > 0
        twin |= margin_to_free(columns, rows, plain, mutual, undecided) < EQUAL
    return twin


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
