"""Align the words of two forms: which word of one is which word of the other, and what is left over."""

from dataclasses import dataclass

import numpy as np

from integrations.matching import wordlists
from integrations.matching.similarity import INFLECTED, LEAST_SIMILARITY, is_guess, word_similarity
from integrations.matching.tables import Table
from integrations.matching.vocabulary import NOTHING, Flags, Ids, Reals, Vocabulary

#: A close pair is taken before a far one, then the heavier pair, then the one whose words stand alike.
_PREFER_WEIGHT, _PREFER_PLACE = 1e-3, 1e-5
_WHOLE_EQUAL = 0.99
SHORT_FORM = 3
#: In shorter words two exchanged letters make another name too often ("Neil", "Niel").
_SHORTEST_EXCHANGED = 5


@dataclass(slots=True)
class Alignment:
    """P pairs of forms after alignment. Weights are in units of word weight (see ``vocabulary``)."""

    left: Ids  # (P, W) words; -1 nothing
    right: Ids
    left_weight: Reals  # (P, W) weight of each word; a fuzzy pair counts with its lighter word
    right_weight: Reals
    left_open: Flags  # (P, W) words that found no partner
    right_open: Flags
    matched: Reals  # (P) weight matched on both sides together
    information: Reals  # (P) weight matched, counted once, fuzzy matches squared down
    total: Reals  # (P) weight on both sides
    fuzzy: Ids  # (P) number of misspelled or abbreviated partners
    worst: Reals  # (P) lowest similarity among partners, 1 when all are equal
    inflected: Ids  # (P) partners that differ by a plural or possessive ending
    first_inflected: Flags  # (P) the first words are such partners
    ordinary_swaps: Ids  # (P) partners that are two different ordinary words
    swaps: Ids  # (P) partners that are two different known words
    attested: Ids  # (P) partners that are two different surnames or places
    exchanged: Ids  # (P) partners of which one is a known word, the other it with two letters exchanged
    several: Ids  # (P) partners of which one is a short form of several words
    guesses: Ids  # (P) partners of which one is a short form that may stand for other words
    inexact: Reals  # (P) the part of the information that rests on partners not spelled alike
    lost: Reals  # (P) weight lost by partners that are not quite equal
    written_apart: Flags  # (P) a word of one side is two of the other's
    whole: Flags  # (P) the forms are equal whatever the order or the spaces
    partner: Ids  # (P, W) position of each left word's partner, -1 none


def any_of(flags: Flags) -> Flags:
    """Rows (P, W) with any flag set. Column by column: of few columns that takes a fifth of a reduction."""
    result: Flags = np.zeros(len(flags), bool)
    for column in range(flags.shape[1]):
        result |= flags[:, column]
    return result


def _match_joins(alignment: Alignment, rows: Ids, left_joins: Ids, right_joins: Ids) -> None:
    """Match an open word with two open neighbours of the other side that give it when written together."""
    sides = (
        (alignment.left, alignment.left_open, alignment.right_open, right_joins, False),
        (alignment.right, alignment.right_open, alignment.left_open, left_joins, True),
    )
    for single, single_open, pair_open, joins, turned in sides:
        width = single.shape[1] - 1
        if not width:
            continue
        hits = single[rows][:, :, None] == joins[rows][:, None, :width]
        hits &= single_open[rows][:, :, None]
        hits &= (pair_open[rows][:, :-1] & pair_open[rows][:, 1:])[:, None, :]
        single_weight, pair_weight = alignment.left_weight, alignment.right_weight
        if turned:
            single_weight, pair_weight = pair_weight, single_weight
        for subset_row, word, first in np.argwhere(hits).tolist():
            row = rows[subset_row]
            if not (single_open[row, word] and pair_open[row, first] and pair_open[row, first + 1]):
                continue
            single_open[row, word] = pair_open[row, first] = pair_open[row, first + 1] = False
            alignment.written_apart[row] = True
            weight = single_weight[row, word]
            alignment.matched[row] += weight + pair_weight[row, first] + pair_weight[row, first + 1]
            alignment.information[row] += weight
            if not turned:
                alignment.partner[row, word] = first


def _guesses(one: Ids, two: Ids, vocabulary: Vocabulary) -> Flags:
    """Pairs of which the shorter word may as well be short for another."""
    lengths = vocabulary.length
    short, long = (
        np.where(lengths[one] <= lengths[two], one, two),
        np.where(lengths[one] <= lengths[two], two, one),
    )
    found = np.zeros(len(one), bool)
    texts = vocabulary.texts
    for position in np.flatnonzero(
        (lengths[short] <= SHORT_FORM) & (lengths[long] > lengths[short] + 1)
    ).tolist():
        initial = lengths[short[position]] == 1 and vocabulary.given[long[position]]
        found[position] = not initial and is_guess(texts[short[position]], texts[long[position]])
    return found


def _exchanged(one: Ids, two: Ids, vocabulary: Vocabulary) -> Flags:
    """Pairs of a known word and an unknown one that is it with two neighbouring letters exchanged."""
    lengths, texts = vocabulary.length, vocabulary.texts
    known = vocabulary.known | vocabulary.in_dictionary
    other = known | vocabulary.attested | vocabulary.exact_only
    possible = (known[one] & ~other[two]) | (known[two] & ~other[one])
    possible &= (lengths[one] == lengths[two]) & (lengths[one] >= _SHORTEST_EXCHANGED)
    words = wordlists.exchanged_words()
    for position in np.flatnonzero(possible).tolist():
        a, b = texts[one[position]], texts[two[position]]
        possible[position] = _neighbours_exchanged(a, b) and not (a in words and b in words)
    return possible


def _neighbours_exchanged(one: str, two: str) -> bool:
    """Whether two words of one length are the same but for two neighbouring letters: "design", "deisgn"."""
    unlike = [place for place in range(len(one)) if one[place] != two[place]]
    return (
        len(unlike) == 2
        and unlike[1] == unlike[0] + 1
        and one[unlike[0]] == two[unlike[1]]
        and one[unlike[1]] == two[unlike[0]]
    )


def _close_words(
    alignment: Alignment, rows: Ids, vocabulary: Vocabulary
) -> tuple[Ids, Ids, Ids, Ids, Ids, Reals]:
    """Open words that are alike: position in ``rows``, position and id of both words, similarity."""
    left, right = alignment.left[rows], alignment.right[rows]
    open_pairs = alignment.left_open[rows][:, :, None] & alignment.right_open[rows][:, None, :]
    row: Ids
    i: Ids
    j: Ids
    row, i, j = np.nonzero(open_pairs)
    a: Ids = left[row, i]
    b: Ids = right[row, j]
    keep = ~(vocabulary.exact_only[a] | vocabulary.exact_only[b])
    row, i, j, a, b = row[keep], i[keep], j[keep], a[keep], b[keep]
    keys, inverse = np.unique(np.minimum(a, b).astype(np.int64) << 32 | np.maximum(a, b), return_inverse=True)
    values = word_similarity(keys >> 32, keys & 0xFFFFFFFF, vocabulary)[inverse]
    close = values >= LEAST_SIMILARITY
    return row[close], i[close], j[close], a[close], b[close], values[close]


def _count_kinds(alignment: Alignment, at: Ids, a: Ids, b: Ids, vocabulary: Vocabulary) -> None:
    """Count what kind of words partners of other spelling are; each row stands once in ``at``."""
    known = vocabulary.known | vocabulary.in_dictionary
    ordinary, attested = vocabulary.ordinary, vocabulary.attested
    short_form = vocabulary.several[a] | vocabulary.several[b]
    alignment.ordinary_swaps[at] += ordinary[a] & ordinary[b] & ~short_form
    alignment.swaps[at] += known[a] & known[b]
    alignment.attested[at] += attested[a] & attested[b]
    alignment.exchanged[at] += _exchanged(a, b, vocabulary)
    alignment.several[at] += short_form
    alignment.guesses[at] += _guesses(a, b, vocabulary)


def _match_fuzzy(alignment: Alignment, rows: Ids, vocabulary: Vocabulary) -> None:
    """Match open words with similar open words, best pair first. Changes the alignment in place."""
    row, i, j, a, b, values = _close_words(alignment, rows, vocabulary)
    weight = np.minimum(vocabulary.weight[a], vocabulary.weight[b])
    # one partner each: take the best pair of every row, strike its words, and again
    preference = values + _PREFER_WEIGHT * weight - _PREFER_PLACE * (np.abs(i - j) + 0.01 * (i + j))
    order = np.lexsort((np.minimum(a, b), -preference, row))
    row, i, j, a, b = (x[order] for x in (row, i, j, a, b))
    values, weight = values[order], weight[order]
    left_free = np.ones((len(rows), alignment.left.shape[1]), bool)
    right_free = np.ones((len(rows), alignment.right.shape[1]), bool)
    while row.size:
        first = np.ones(len(row), bool)
        first[1:] = row[1:] != row[:-1]
        r, ii, jj, value, light = row[first], i[first], j[first], values[first], weight[first]
        left_free[r, ii] = False
        right_free[r, jj] = False
        at = rows[r]
        lighter = alignment.left_weight[at, ii] + alignment.right_weight[at, jj] - 2 * light
        alignment.left_weight[at, ii] = light
        alignment.right_weight[at, jj] = light
        alignment.total[at] -= lighter
        alignment.left_open[at, ii] = False
        alignment.right_open[at, jj] = False
        alignment.partner[at, ii] = jj
        alignment.matched[at] += 2 * value * light
        alignment.information[at] += value * value * light
        alignment.lost[at] += (1 - value) * light
        alignment.worst[at] = np.minimum(alignment.worst[at], value)
        unequal = value < INFLECTED
        alignment.fuzzy[at] += unequal
        alignment.inexact[at] += unequal * value * value * light
        alignment.inflected[at] += ~unequal
        alignment.first_inflected[at] |= ~unequal & (ii == 0) & (jj == 0)
        _count_kinds(alignment, at[unequal], a[first][unequal], b[first][unequal], vocabulary)
        rest = left_free[row, i] & right_free[row, j]
        row, i, j, a, b = (x[rest] for x in (row, i, j, a, b))
        values, weight = values[rest], weight[rest]


def align(left: Table, left_forms: Ids, right: Table, right_forms: Ids, vocabulary: Vocabulary) -> Alignment:
    """Align P pairs of forms. Symmetric: exchanging the sides exchanges the result."""
    width = max(
        1,
        int(left.word_count[left_forms].max(initial=1)),
        int(right.word_count[right_forms].max(initial=1)),
    )
    ours = left.words[left_forms, :width]
    theirs = right.words[right_forms, :width]
    whole = (left.squash[left_forms] == right.squash[right_forms]) | (
        left.word_set[left_forms] == right.word_set[right_forms]
    )
    result = _equal_words(ours, theirs, whole, vocabulary)
    apart = whole & (any_of(result.left_open) | any_of(result.right_open))
    if apart.any():  # same letters, other spaces: everything is matched
        lighter = np.minimum(result.left_weight.sum(1), result.right_weight.sum(1))
        result.matched[apart] = _WHOLE_EQUAL * result.total[apart]
        result.information[apart] = lighter[apart]
        result.left_open[apart] = False
        result.right_open[apart] = False
    left_joins, right_joins = left.joins[left_forms], right.joins[right_forms]
    both_open = np.flatnonzero(any_of(result.left_open) & any_of(result.right_open))
    if both_open.size:
        joinable = both_open[any_of(left_joins[both_open] >= 0) | any_of(right_joins[both_open] >= 0)]
        if joinable.size:
            _match_joins(result, joinable, left_joins, right_joins)
            both_open = both_open[any_of(result.left_open[both_open]) & any_of(result.right_open[both_open])]
        _match_fuzzy(result, both_open, vocabulary)
    return result


def _equal_words(ours: Ids, theirs: Ids, whole: Flags, vocabulary: Vocabulary) -> Alignment:
    """The alignment by equal words alone."""
    left_weight, right_weight = vocabulary.weight[ours], vocabulary.weight[theirs]
    real = ours >= 0
    partner = np.full(ours.shape, NOTHING, np.int32)
    right_equal = np.zeros(theirs.shape, bool)
    for column in reversed(range(theirs.shape[1])):
        equal = (ours == theirs[:, column, None]) & real
        partner[equal] = column
        right_equal[:, column] = any_of(equal)
    left_equal = partner >= 0
    total = left_weight.sum(1) + right_weight.sum(1)
    shared = (left_weight * left_equal).sum(1)
    size = len(ours)
    return Alignment(
        left=ours,
        right=theirs,
        left_weight=left_weight,
        right_weight=right_weight,
        left_open=(ours >= 0) & ~left_equal,
        right_open=(theirs >= 0) & ~right_equal,
        matched=2 * shared,
        information=shared.copy(),
        total=total,
        fuzzy=np.zeros(size, np.int32),
        worst=np.ones(size),
        inflected=np.zeros(size, np.int32),
        first_inflected=np.zeros(size, bool),
        ordinary_swaps=np.zeros(size, np.int32),
        swaps=np.zeros(size, np.int32),
        attested=np.zeros(size, np.int32),
        exchanged=np.zeros(size, np.int32),
        several=np.zeros(size, np.int32),
        guesses=np.zeros(size, np.int32),
        inexact=np.zeros(size),
        lost=np.zeros(size),
        written_apart=np.zeros(size, bool),
        whole=whole,
        partner=partner,
    )
