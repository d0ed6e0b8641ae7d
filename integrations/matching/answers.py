"""Put the answer for each organization into words."""

from collections.abc import Set
from dataclasses import replace

from integrations.matching.context import EQUAL, SOME
from integrations.matching.features import FEATURES
from integrations.matching.reasons import held_back, pair_reasons, shared_contact, telling_apart, two_names
from integrations.matching.records import Alternative, Kind, Suggestion, Tier
from integrations.matching.scoring import ScoredPairs

#: A company that reaches this share of the best one's confidence is within its reach.
WITHIN_REACH = 0.5
#: Share of words in common below which two names are said to differ.
HALF_ALIKE = 0.5
#: Companies named beside an answer.
MOST_ALTERNATIVES = 3
#: A alternative less likely than this is not worth a line beside a suggestion.
LEAST_ALTERNATIVE = 0.02

_ALIKE = list(FEATURES).index("alike")
_OF_SEVERAL = list(FEATURES).index("abbreviation_of_several")


def alternative(scored: ScoredPairs, pair: int) -> Alternative:
    """One scored company with its confidence and reasons."""
    left, right = scored.prepared.left, scored.prepared.right
    theirs = right.records[scored.columns[pair]]
    reasons = pair_reasons(
        scored.features[pair].tolist(),
        left.records[scored.rows[pair]],
        theirs,
        scored.prepared.forms(pair),
    )
    return Alternative(theirs.id, round(float(scored.scores.confidence[pair]), 4), reasons)


def answer_for(
    scored: ScoredPairs,
    row: int,
    hidden: dict[tuple[str, ...], str],
    mapped: Set[str] = frozenset(),
) -> Suggestion:
    """The suggestion for one organization that knowledge did not settle.

    ``hidden``: names, by their words, of companies not in use. ``mapped``: ids of companies that an
    organization is mapped to; of one company that the PSA holds twice they are proposed first.
    """
    organization = scored.prepared.left.records[row]
    pairs = scored.order[scored.first[row] : scored.first[row + 1]].tolist()
    words = organization.name.forms[0].words if organization.name.forms else ()
    if not pairs:
        reason = _why_no_candidate(words, hidden)
        return Suggestion(organization.id, None, 0.0, Tier.NONE, (reason,))
    best = int(scored.answer[row])
    tier = scored.tier[best]
    if not scored.free[row] and tier in (Tier.SURE, Tier.LIKELY):
        tier = Tier.AMBIGUOUS
    confidence = round(float(scored.scores.confidence[best]), 10)
    if tier in (Tier.SURE, Tier.LIKELY):
        answer = alternative(scored, best)
        if tier is Tier.LIKELY and scored.features[best, _ALIKE] < HALF_ALIKE and scored.exclusive[best]:
            note = two_names(
                scored.prepared.left.records[row], scored.prepared.right.records[scored.columns[best]]
            )
            answer = replace(answer, reasons=(note, *answer.reasons))
        others = tuple(
            alternative(scored, pair)
            for pair in pairs[: MOST_ALTERNATIVES + 1]
            if pair != best and scored.scores.confidence[pair] >= LEAST_ALTERNATIVE
        )
        kind = tuple(Kind)[scored.kinds[best]]
        return Suggestion(organization.id, answer.company_id, confidence, tier, answer.reasons, others, kind)
    best = pairs[0]
    alternatives = tuple(alternative(scored, pair) for pair in pairs[:MOST_ALTERNATIVES])
    confidence = round(float(scored.scores.confidence[best]), 10)
    if tier is Tier.AMBIGUOUS:
        twice = _held_twice(scored, row, pairs, mapped)
        if twice is not None:
            return twice
        why = _why_ambiguous(scored, row, pairs)
    elif words in hidden:
        why = (f'company "{hidden[words]}" has this name, but is inactive',)
    else:
        why = (_why_none(scored, row, best),)
    return Suggestion(organization.id, None, confidence, tier, (*why, *alternatives[0].reasons), alternatives)


def _why_no_candidate(words: tuple[str, ...], hidden: dict[tuple[str, ...], str]) -> str:
    """Why no company was compared with the organization."""
    if not words:
        return "the name holds no letters or digits"
    if words in hidden:
        return f'company "{hidden[words]}" has this name, but is inactive'
    return "no company shares a rare word, a domain or a telephone number with it"


def _held_twice(scored: ScoredPairs, row: int, pairs: list[int], mapped: Set[str]) -> Suggestion | None:
    """The answer where all companies that fit are one company that the PSA holds more than once.

    The one that is mapped already is proposed, else the active one, of equals the one of the lowest id.
    """
    confidence, records = scored.scores.confidence, scored.prepared.right.records
    best = pairs[0]
    within = [pair for pair in pairs if confidence[pair] >= WITHIN_REACH * confidence[best]]
    held = [records[int(scored.columns[pair])] for pair in within]
    contested = scored.context("company_ahead")[best] < SOME or scored.alone[best] < scored.least[best]
    shared = "" if contested or len(held) == 1 else shared_contact(held)
    if not shared:
        return None
    chosen, record = min(
        zip(within, held, strict=True),
        key=lambda each: (each[1].id not in mapped, not each[1].is_active, each[1].id),
    )
    answer = alternative(scored, chosen)
    names = " and ".join(f'"{record.name.text}"' for record in held)
    which = "this one is mapped already" if record.id in mapped else "look which one is in use"
    note = f"the PSA holds one company {len(held)} times: {names} share a {shared}; {which}"
    others = tuple(alternative(scored, pair) for pair in within[: MOST_ALTERNATIVES + 1] if pair != chosen)
    kind = tuple(Kind)[scored.kinds[chosen]]
    figure = round(float(scored.alone[chosen]), 10)
    organization = scored.prepared.left.records[row]
    return Suggestion(
        organization.id, answer.company_id, figure, Tier.LIKELY, (note, *answer.reasons), others, kind
    )


def _is_taken(scored: ScoredPairs, row: int, pair: int) -> bool:
    """Whether the company of a pair is the answer for another organization."""
    given = scored.free & (scored.answer >= 0)
    given[row] = False
    return bool((scored.columns[scored.answer[given]] == scored.columns[pair]).any())


def _why_ambiguous(scored: ScoredPairs, row: int, pairs: list[int]) -> tuple[str, ...]:
    """Which companies are within reach of each other, or who else claims the company."""
    confidence = scored.scores.confidence
    best = pairs[0]
    if scored.features[best, _OF_SEVERAL] > 0 and not scored.context("equal_rival")[best]:
        return ("a short form in the name may stand for the words of more than one company",)
    within = [
        pair for pair in pairs[:MOST_ALTERNATIVES] if confidence[pair] >= WITHIN_REACH * confidence[best]
    ]
    left, right = scored.prepared.left.records, scored.prepared.right.records
    if len(within) > 1:
        shown = ", ".join(f"{confidence[pair]:.2f}" for pair in within)
        apart = telling_apart([right[scored.columns[pair]] for pair in within], left[row])
        return (f"{len(within)} companies fit equally well ({shown})", apart)
    if _is_taken(scored, row, best):
        return ("its company goes to another organization that fits it as well or better",)
    if scored.context("company_ahead")[best] < EQUAL:
        return ("another organization fits this company as well",)
    if scored.context("company_ahead")[best] < SOME:
        return ("another organization comes near for this company",)
    others = pairs[1:2]
    if not others:
        return (f"the only candidate is not certain enough ({confidence[best]:.2f})",)
    # beside the best one the next is worth little; what brought it near is what it is worth alone
    return (
        (
            f"it fits best, but the next company is not far enough behind: taken alone they would reach "
            f"{scored.alone[best]:.2f} and {scored.alone[others[0]]:.2f}"
        ),
    )


def _why_none(scored: ScoredPairs, row: int, best: int) -> str:
    """Which rule or threshold keeps the best candidate from being suggested."""
    if rule := scored.rules[row]:
        return held_back(rule)
    confidence, least = scored.scores.confidence[best], scored.least[best]
    if confidence < least:
        return (
            f"no company is close enough: the best reaches {confidence:.2f}, and {least:.2f} would be enough"
        )
    return "another company or organization fits as well, and nothing tells them apart"
