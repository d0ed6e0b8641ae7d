"""What speaks for and against a pair: one row of numbers a pair, every number with a name.

All features are symmetric: exchanging organization and company gives the same row.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA, Indel
from rapidfuzz.process import cpdist

from integrations.matching.alignment import Alignment, align
from integrations.matching.candidates import Longs
from integrations.matching.evidence import Counts, contact_features, label_is_name
from integrations.matching.names import FormKind
from integrations.matching.tables import Table
from integrations.matching.vocabulary import HEAVIEST, Flags, Ids, Reals, Vocabulary

#: Feature -> the sign its weight must have (0: free). The order is the order of the columns.
FEATURES: dict[str, int] = {
    "alike": 0,
    "contradiction": -1,
    "omission": -1,
    "letters_alike": 1,
    "number_conflict": -1,
    "number_omitted": -1,
    "acronym": 1,
    "same_words": 1,
    "repeated_word": -1,
    "apostrophe_differs": -1,
    "information": 1,
    "exact_information": 1,
    "inexact_information": 0,
    "contradiction_weight": -1,
    "heaviest_open": -1,
    "second_name": -1,
    "without_addition": -1,
    "addition_alone": -1,
    "addition_conflict": -1,
    "addition_is_city": 1,
    "addition_elsewhere": -1,
    "addition_dropped": -1,
    "legal_conflict": -1,
    "legal_same": 1,
    "same_first_word": 1,
    "one_word": 0,
    "same_text": 1,
    "neutral_omission": 1,
    "structural_omission": -1,
    "trades_differ": -1,
    "first_word_omitted": -1,
    "only_typos": 1,
    "one_edit": 1,
    "two_edits": 1,
    "inflected": -1,
    "first_word_inflected": -1,
    "known_word_swapped": -1,
    "ordinary_word_swapped": -1,
    "similarity_lost": -1,
    "worst_partner": -1,
    "domain_same": 1,
    "domain_different": -1,
    "domain_is_name": 1,
    "phone_same": 1,
    "phone_different": -1,
    "phone_near": 1,
    "postal_code_same": 1,
    "postal_code_different": -1,
    "city_same": 1,
    "city_different": -1,
    "state_different": -1,
    "evidence_despite_name": 0,
    "evidence_with_name": 1,
    "place_with_name": 1,
    "all_contacts_different": -1,
}

#: What differs between the sides; for the context, not for the pair's own score.
SIDED = ("organization_adds", "organization_adds_structural", "company_adds_structural")

#: Features that cannot tell two companies of the same name apart: people write legal forms as they like.
WRITING = ("legal_conflict", "legal_same", "same_text")

_LONGEST_INFORMATION = 24.0
_FORM_COST = {
    FormKind.FULL: 0.0,
    FormKind.OTHER: 0.03,
    FormKind.HEAD: 0.04,
    FormKind.TAIL: 0.16,
}


@dataclass(slots=True)
class FormPairs:
    """All pairs of forms of P pairs of records; the forms of pair p are first[p]:first[p + 1]."""

    first: Longs
    left: Longs
    right: Longs


def _form_pairs(left: Table, rows: Longs, right: Table, columns: Longs) -> FormPairs:
    ours = np.diff(left.first_form)[rows].astype(np.int64)
    theirs = np.diff(right.first_form)[columns].astype(np.int64)
    counts = ours * theirs
    first = np.concatenate([[0], np.cumsum(counts)])
    offset = np.arange(first[-1]) - np.repeat(first[:-1], counts)
    width = np.repeat(theirs, counts)
    return FormPairs(
        first=first,
        left=np.repeat(left.first_form[rows].astype(np.int64), counts) + offset // width,
        right=np.repeat(right.first_form[columns].astype(np.int64), counts) + offset % width,
    )


def _form_cost(left: Table, left_forms: Longs, right: Table, right_forms: Longs) -> Reals:
    cost = np.array([_FORM_COST[kind] for kind in FormKind])
    result: Reals = cost[left.form_kind[left_forms]] + cost[right.form_kind[right_forms]]
    return result


def _best_forms(pairs: FormPairs, value: Reals) -> Longs:
    """For each pair of records the position of its best pair of forms (the first of equals)."""
    best = np.maximum.reduceat(value, pairs.first[:-1])
    owner = np.repeat(np.arange(len(best)), np.diff(pairs.first))
    winners = np.flatnonzero(value >= best[owner])
    _, chosen = np.unique(owner[winners], return_index=True)
    result: Longs = winners[chosen]
    return result


def _take(alignment: Alignment, chosen: Longs) -> Alignment:
    fields = {name: getattr(alignment, name)[chosen] for name in Alignment.__slots__}
    return Alignment(**fields)


def _among(words: Ids, pool: Ids) -> Flags:
    """For each word (P, W) whether it is in its row's pool (P, C)."""
    hits: Flags = ((words[:, :, None] == pool[:, None, :]) & (words[:, :, None] >= 0)).any(2)
    return hits


def _acronyms(
    alignment: Alignment, left: Table, rows: Longs, right: Table, columns: Longs, vocabulary: Vocabulary
) -> Reals:
    """1 where the one open word of a side is the initials of the other's open words (.5 for two letters)."""
    value = np.zeros(len(rows))
    texts = vocabulary.texts
    sides = (
        (alignment.left, alignment.left_open, alignment.right, alignment.right_open, right, columns),
        (alignment.right, alignment.right_open, alignment.left, alignment.left_open, left, rows),
    )
    for short, short_open, long, long_open, table, records in sides:
        possible = np.flatnonzero((short_open.sum(1) == 1) & (long_open.sum(1) >= 2))
        for row in possible.tolist():
            word = texts[short[row, short_open[row].argmax()]]
            spelled = [texts[i] for i in long[row][long_open[row]].tolist()]
            if not 0 <= len(word) - len(spelled) <= 2 or word[0] != spelled[0][0]:
                continue
            letters = "".join(part[0] for part in spelled)
            legal = table.records[records[row]].name.legal
            if (
                word in table.initials[records[row]]
                or word == letters
                or (legal and word == letters + legal[-1][0])
            ):
                value[row] = 1.0 if len(word) >= 3 else 0.5
                short_open[row] = long_open[row] = False
    return value


def _heaviest(weight: Reals, open_words: Flags) -> Reals:
    result: Reals = (weight * open_words).max(1, initial=0.0)
    return result


def _additions(
    columns_of: dict[str, Reals],
    left: Table,
    lf: Longs,
    rows: Longs,
    right: Table,
    rf: Longs,
    cols: Longs,
    vocabulary: Vocabulary,
    counts: Counts,
    city_explained: npt.NDArray[np.bool_],
) -> None:
    """What was set aside in brackets or after a dash: does it agree with the other side?"""
    ours, theirs = left.qualifier[lf], right.qualifier[rf]
    has_left, has_right = (ours >= 0).any(1), (theirs >= 0).any(1)
    shared = _among(ours, theirs).any(1)
    in_city = _among(ours, right.city_words[cols]).any(1) | _among(theirs, left.city_words[rows]).any(1)
    own_city = _among(ours, left.city_words[rows]).any(1) | _among(theirs, right.city_words[cols]).any(1)
    elsewhere = (has_left & counts.city_word[ours].any(1) & (right.city[cols] >= 0)) | (
        has_right & counts.city_word[theirs].any(1) & (left.city[rows] >= 0)
    )
    columns_of["addition_conflict"] = (has_left & has_right & ~shared).astype(float)
    columns_of["addition_is_city"] = (in_city | city_explained).astype(float)
    columns_of["addition_elsewhere"] = (elsewhere & ~in_city).astype(float)
    dropped = (has_left ^ has_right) & ~in_city
    place = np.append(vocabulary.place, True)
    light = own_city | (place[ours].all(1) & place[theirs].all(1))
    unweighed = np.where(place[ours].all(1) & place[theirs].all(1), 0.5, 1.0)
    set_aside: Reals = columns_of["without_addition"] * np.where(in_city, 0.0, unweighed)
    columns_of["without_addition"] = set_aside
    columns_of["addition_dropped"] = np.where(dropped, np.where(light, 0.5, 1.0), 0.0)


def _names(
    alignment: Alignment,
    left: Table,
    lf: Longs,
    rows: Longs,
    right: Table,
    rf: Longs,
    cols: Longs,
    vocabulary: Vocabulary,
    counts: Counts,
) -> dict[str, Reals]:
    """All features of the aligned names."""
    columns_of: dict[str, Reals] = {}
    columns_of["acronym"] = _acronyms(alignment, left, rows, right, cols, vocabulary)
    left_city = alignment.left_open & _among(alignment.left, right.city_words[cols])
    right_city = alignment.right_open & _among(alignment.right, left.city_words[rows])
    explained: Flags = np.logical_or(left_city.any(1), right_city.any(1))
    left_open, right_open = alignment.left_open & ~left_city, alignment.right_open & ~right_city
    explained_weight = (alignment.left_weight * left_city).sum(1) + (alignment.right_weight * right_city).sum(
        1
    )
    total = np.maximum(alignment.total - explained_weight, 1e-9)
    left_lost = (alignment.left_weight * left_open).sum(1)
    right_lost = (alignment.right_weight * right_open).sum(1)
    columns_of["alike"] = alignment.matched / total
    columns_of["contradiction"] = 2 * np.minimum(left_lost, right_lost) / total
    columns_of["omission"] = np.abs(left_lost - right_lost) / total
    columns_of["letters_alike"] = cpdist(
        [left.joined_texts[i] for i in lf.tolist()],
        [right.joined_texts[i] for i in rf.tolist()],
        scorer=Indel.normalized_similarity,
        dtype=np.float64,
    )
    edits = cpdist(
        [left.joined_texts[i] for i in lf.tolist()],
        [right.joined_texts[i] for i in rf.tolist()],
        scorer=OSA.distance,
        score_cutoff=2,
        dtype=np.float64,
    )
    left_number = (vocabulary.number[alignment.left] & left_open).any(1)
    right_number = (vocabulary.number[alignment.right] & right_open).any(1)
    columns_of["number_conflict"] = (left_number & right_number).astype(float)
    columns_of["number_omitted"] = (left_number ^ right_number).astype(float)
    nothing_open = ~(left_open.any(1) | right_open.any(1))
    repeated = nothing_open & (left.repeats[lf] != right.repeats[rf]) & ~alignment.whole
    equal = nothing_open & (alignment.fuzzy == 0) & (columns_of["alike"] > 0.95) & ~repeated
    same = alignment.whole | equal
    columns_of["same_words"] = same.astype(float)
    columns_of["repeated_word"] = repeated.astype(float)
    # "Hayes'" and "Hayes" may be two families; "Price's" and "Prices" are two ways to write one
    unlike = 0.5 * (left.apostrophes[lf] != right.apostrophes[rf])
    unlike[left.end_apostrophes[lf] != right.end_apostrophes[rf]] = 1.0
    columns_of["apostrophe_differs"] = same * unlike
    columns_of["information"] = np.minimum(alignment.information, _LONGEST_INFORMATION) / _LONGEST_INFORMATION
    inexact = np.minimum(alignment.inexact, _LONGEST_INFORMATION) / _LONGEST_INFORMATION
    columns_of["inexact_information"] = np.where(alignment.whole, 0.0, inexact)
    columns_of["exact_information"] = np.maximum(
        columns_of["information"] - columns_of["inexact_information"], 0.0
    )
    left_heavy = _heaviest(alignment.left_weight, left_open)
    right_heavy = _heaviest(alignment.right_weight, right_open)
    columns_of["contradiction_weight"] = np.minimum(left_heavy, right_heavy) / HEAVIEST
    columns_of["heaviest_open"] = np.maximum(left_heavy, right_heavy) / HEAVIEST
    left_kind, right_kind = left.form_kind[lf], right.form_kind[rf]
    for name, kind in (
        ("second_name", FormKind.OTHER),
        ("without_addition", FormKind.HEAD),
        ("addition_alone", FormKind.TAIL),
    ):
        columns_of[name] = (left_kind == kind).astype(float) + (right_kind == kind)
    _additions(columns_of, left, lf, rows, right, rf, cols, vocabulary, counts, explained)
    ours, theirs = left.classes[rows], right.classes[cols]
    both = (ours != 0) & (theirs != 0)
    columns_of["legal_conflict"] = (both & (ours & theirs == 0)).astype(float)
    columns_of["legal_same"] = (both & (ours & theirs != 0)).astype(float)
    first_left, first_right = alignment.left[:, 0], alignment.right[:, 0]
    partner_first = (alignment.partner[:, 0] == 0) | (first_left == first_right)
    columns_of["same_first_word"] = (partner_first | alignment.whole).astype(float)
    columns_of["one_word"] = ((left.word_count[lf] == 1) | (right.word_count[rf] == 1)).astype(float)
    columns_of["same_text"] = (left.whole[rows] == right.whole[cols]).astype(float)
    neutral, structural = vocabulary.neutral, vocabulary.structural
    all_neutral = ~(
        (left_open & ~neutral[alignment.left]).any(1) | (right_open & ~neutral[alignment.right]).any(1)
    )
    columns_of["neutral_omission"] = (all_neutral & ~nothing_open).astype(float)
    left_structural = (left_open & structural[alignment.left]).any(1)
    right_structural = (right_open & structural[alignment.right]).any(1)
    columns_of["structural_omission"] = (left_structural | right_structural).astype(float)
    left_trade = (left_open & vocabulary.trade[alignment.left]).any(1)
    right_trade = (right_open & vocabulary.trade[alignment.right]).any(1)
    columns_of["trades_differ"] = (
        (left_trade & (right_trade | right_structural)) | (right_trade & left_structural)
    ).astype(float)
    left_adds, right_adds = left_open.any(1), right_open.any(1)
    columns_of["organization_adds"] = (left_adds & ~right_adds).astype(float)
    columns_of["organization_adds_structural"] = (left_structural & ~right_adds).astype(float)
    columns_of["company_adds_structural"] = (right_structural & ~left_adds).astype(float)
    columns_of["first_word_omitted"] = (left_open[:, 0] ^ right_open[:, 0]).astype(float)
    typos = (alignment.fuzzy > 0) & (alignment.swaps == 0) & nothing_open
    columns_of["only_typos"] = typos * alignment.worst
    longest = np.log(np.maximum(alignment.total, 1.0)) / np.log(4 * HEAVIEST)
    ordinary, exact = vocabulary.ordinary, vocabulary.exact_only
    both_ordinary = np.logical_and(
        (left_open & ordinary[alignment.left]).any(1), (right_open & ordinary[alignment.right]).any(1)
    )
    known_open = both_ordinary & (edits <= 2)
    exact_open = (left_open & exact[alignment.left]).any(1) | (right_open & exact[alignment.right]).any(1)
    spelling = ~same & (alignment.swaps == 0) & ~exact_open & ~known_open
    columns_of["one_edit"] = ((edits == 1) & spelling) * longest
    columns_of["two_edits"] = ((edits == 2) & spelling) * longest
    columns_of["inflected"] = (alignment.inflected > 0).astype(float)
    columns_of["first_word_inflected"] = alignment.first_inflected.astype(float)
    columns_of["known_word_swapped"] = ((alignment.swaps > 0) & ~alignment.whole).astype(float)
    swapped = ((alignment.ordinary_swaps > 0) | known_open) & ~alignment.whole
    columns_of["ordinary_word_swapped"] = swapped.astype(float)
    columns_of["similarity_lost"] = np.where(alignment.whole, 0.0, alignment.lost / total)
    columns_of["worst_partner"] = np.where(alignment.whole, 0.0, 1 - alignment.worst)
    return columns_of


@dataclass(slots=True)
class Compared:
    """A chunk of pairs after comparison: the features, the chosen forms and their alignment."""

    features: Reals  # (P, len(FEATURES))
    sided: Reals  # (P, len(SIDED))
    left_form: Longs
    right_form: Longs
    alignment: Alignment


def compare(
    left: Table, rows: Longs, right: Table, columns: Longs, vocabulary: Vocabulary, counts: Counts
) -> Compared:
    """Compare P pairs of records that all have at least one form."""
    pairs = _form_pairs(left, rows, right, columns)
    alignment = align(left, pairs.left, right, pairs.right, vocabulary)
    value = alignment.matched / np.maximum(alignment.total, 1e-9)
    value -= _form_cost(left, pairs.left, right, pairs.right)
    chosen = _best_forms(pairs, np.round(value, 9))
    if len(chosen) < len(value):
        alignment = _take(alignment, chosen)
    left_form, right_form = pairs.left[chosen], pairs.right[chosen]
    columns_of = _names(alignment, left, left_form, rows, right, right_form, columns, vocabulary, counts)
    columns_of["domain_is_name"] = np.maximum(
        label_is_name(left, rows, left_form, right, columns),
        label_is_name(right, columns, right_form, left, rows),
    )
    contact_features(columns_of, left, rows, right, columns, counts)
    matrix = np.column_stack([columns_of[name] for name in FEATURES])
    sided = np.column_stack([columns_of[name] for name in SIDED])
    return Compared(matrix, sided, left_form, right_form, alignment)
