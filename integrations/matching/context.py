"""What the rivals of a pair say: the same score means less when another pair scores nearly as high."""

import numpy as np

from integrations.matching.candidates import Longs
from integrations.matching.vocabulary import Flags, Reals

#: Context column -> the sign its weight must have (0: free).
CONTEXT: dict[str, int] = {
    "score": 1,
    "score_high": 0,
    "score_low": 0,
    "ahead": 1,
    "ahead_little": 1,
    "ahead_some": 1,
    "company_ahead": 1,
    "company_ahead_little": 1,
    "ahead_of_free": 1,
    "mutual_best": 1,
    "equal_rival": -1,
    "near_rival": -1,
    "organization_adds": -1,
    "organization_adds_structural": -1,
    "company_adds_structural": 0,
}

#: A pair without a rival is this far ahead, in log-odds.
FARTHEST = 8.0
LITTLE, SOME = 1.0, 3.0
#: A company whose own best organization is this much ahead is no rival to others.
SPOKEN_FOR = 1.5
EQUAL = 0.35
_HIGH, _LOW = 3.0, -1.0


def best_rival(group: Longs, score: Reals) -> Reals:
    """For each pair the best score of another pair of the same group; -inf when there is none."""
    if not group.size:
        return np.zeros(0)
    order = np.lexsort((-score, group))
    sorted_group = group[order]
    starts = np.flatnonzero(np.append(True, sorted_group[1:] != sorted_group[:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    best = score[order[starts]]
    second = np.full(len(starts), -np.inf)
    several = sizes > 1
    second[several] = score[order[starts[several] + 1]]
    rival = np.empty(len(score))
    rival[order] = np.repeat(best, sizes)
    rival[order[starts]] = second
    return rival


def _margin(score: Reals, rival: Reals) -> Reals:
    result: Reals = np.clip(np.where(np.isinf(rival), FARTHEST, score - rival), -FARTHEST, FARTHEST)
    return result


def margin_to_free(
    group: Longs, other: Longs, score: Reals, mutual: Flags, no_rival: Flags | None = None
) -> Reals:
    """For each pair the distance to the best rival of its group whose other end is not spoken for elsewhere.

    ``mutual``: pairs that are the best of both their ends. ``no_rival``: pairs that are nobody's rival.
    """
    holders = np.full(int(other.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(holders, other[mutual], score[mutual])
    left_out = holders[other] > score + SPOKEN_FOR
    if no_rival is not None:
        left_out |= no_rival
    return _margin(score, best_rival(group, np.where(left_out, -np.inf, score)))


def context_features(
    rows: Longs,
    columns: Longs,
    score: Reals,
    plain: Reals,
    same_words: Flags,
    sided: Reals,
    *,
    several_to_one: bool = False,
) -> Reals:
    """One row of context a pair, in the order of ``CONTEXT``.

    ``rows`` and ``columns``: organization and company of each pair. ``score``: log-odds of the pair alone.
    ``plain``: the same without what legal forms and punctuation contribute; rivals are compared by it,
    because they do not tell two companies of one name apart. ``same_words``: the names have the same words.
    ``sided``: see ``features.SIDED``. With ``several_to_one`` organizations do not compete for a company.
    """
    ahead = _margin(plain, best_rival(rows, plain))
    if several_to_one:
        company_ahead = np.full(len(plain), FARTHEST)
    else:
        company_ahead = _margin(plain, best_rival(columns, plain))
    mutual = (ahead > 0) & (company_ahead > 0)
    ahead_of_free = ahead if several_to_one else margin_to_free(rows, columns, plain, mutual)
    # the exact name is not shaken by a misspelling of it
    only_same = same_words & ~(best_rival(rows, same_words.astype(float)) > 0) & (ahead > 0)
    return np.column_stack(
        [
            np.clip(score, -FARTHEST, FARTHEST),
            np.maximum(score - _HIGH, 0.0),
            np.minimum(score - _LOW, 0.0),
            ahead,
            np.clip(ahead, -LITTLE, LITTLE),
            np.clip(ahead, -SOME, SOME),
            company_ahead,
            np.clip(company_ahead, -LITTLE, LITTLE),
            ahead_of_free,
            mutual.astype(float),
            ((ahead_of_free < EQUAL) & ~only_same).astype(float),
            ((ahead_of_free < LITTLE) & ~only_same).astype(float),
            sided,
        ]
    )
