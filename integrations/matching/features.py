"""What speaks for and against a pair: one row of numbers a pair, every number with a name.

All features are symmetric: exchanging organization and company gives the same row.
"""

from dataclasses import dataclass

import numpy as np

from integrations.matching.additions import conflicting_additions
from integrations.matching.alignment import Alignment, align, any_of
from integrations.matching.candidates import Longs
from integrations.matching.evidence import Counts, contact_features, label_is_name
from integrations.matching.name_features import name_features
from integrations.matching.names import FormKind
from integrations.matching.pairs import Pairs
from integrations.matching.tables import Table
from integrations.matching.vocabulary import Reals, Vocabulary

#: Feature -> the sign its weight must have (0: free). The order is the order of the columns.
FEATURES: dict[str, int] = {
    "alike": 0,
    "contradiction": -1,
    "omission": -1,
    "letters_alike": 1,
    "number_conflict": -1,
    "number_omitted": -1,
    "initials_differ": -1,
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
    "second_names_differ": -1,
    "without_addition": -1,
    "addition_alone": -1,
    "addition_conflict": -1,
    "addition_is_city": 1,
    "addition_elsewhere": -1,
    "addition_dropped": -1,
    "addition_same": 1,
    "legal_conflict": -1,
    "legal_same": 1,
    "same_first_word": 1,
    "one_word": 0,
    "same_text": 1,
    "neutral_omission": 1,
    "trade_omission": 0,
    "structural_omission": -1,
    "structural_and_more_omitted": -1,
    "small_word_omitted": 0,
    "edge_word_omitted": -1,
    "body_word_omitted": 0,
    "bodies_differ": -1,
    "given_name_omitted": 0,
    "joined_word_omitted": -1,
    "trades_differ": -1,
    "first_word_omitted": -1,
    "only_typos": 1,
    "one_edit": 1,
    "two_edits": 1,
    "inflected": -1,
    "first_word_inflected": -1,
    "known_word_swapped": -1,
    "ordinary_word_swapped": -1,
    "attested_word_swapped": -1,
    "letters_exchanged": 0,
    "article_before_small": 0,
    "written_apart": 0,
    "only_telling_word_swapped": -1,
    "only_light_words_shared": -1,
    "abbreviation_guessed": -1,
    "abbreviation_of_several": -1,
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

#: What only rules and tiers read; their weights stay nought.
UNWEIGHED = frozenset(["letters_exchanged", "article_before_small", "written_apart"])

#: What differs between the sides; for the context, not for the pair's own score.
SIDED = ("organization_adds", "organization_adds_structural", "company_adds_structural")

#: Features that cannot tell two companies of the same name apart: people write legal forms as they like.
WRITING = ("legal_conflict", "legal_same", "same_text")

_NEVER = 9.0
_FORM_COST = {
    FormKind.FULL: 0.0,
    FormKind.OTHER: 0.03,
    FormKind.HEAD: 0.04,
    FormKind.TAIL: 0.16,
    FormKind.UNTITLED: 0.04,
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
    """What a pair of readings costs; an addition may only meet a whole name, never another addition."""
    cost = np.array([_FORM_COST[kind] for kind in FormKind])
    ours, theirs = left.form_kind[left_forms], right.form_kind[right_forms]
    partial = (ours == FormKind.TAIL) & (theirs >= FormKind.HEAD)
    partial |= (theirs == FormKind.TAIL) & (ours >= FormKind.HEAD)
    result: Reals = cost[ours] + cost[theirs] + _NEVER * partial
    return result


def _best_forms(pairs: FormPairs, value: Reals) -> Longs:
    """For each pair of records the position of its best pair of forms (the first of equals)."""
    best = np.maximum.reduceat(value, pairs.first[:-1])
    owner = np.repeat(np.arange(len(best)), np.diff(pairs.first))
    winners = np.flatnonzero(value >= best[owner])
    _, chosen = np.unique(owner[winners], return_index=True)
    result: Longs = winners[chosen]
    return result


def _second_form(table: Table) -> Longs:
    """The first reading by a second name of each record of a table; -1 where it has none."""
    found = np.full(table.size, -1, np.int64)
    others = np.flatnonzero(table.form_kind == FormKind.OTHER)[::-1]
    found[table.form_record[others]] = others  # the first one is written last
    return found


def _second_names_differ(
    pairs: FormPairs, alignment: Alignment, left: Table, rows: Longs, right: Table, columns: Longs
) -> Reals:
    """1 where both records have a second name ("dba") and each of the two has a word of its own."""
    ours, theirs = _second_form(left)[rows], _second_form(right)[columns]
    width = np.diff(right.first_form)[columns]
    at = pairs.first[:-1] + (ours - left.first_form[rows]) * width + theirs - right.first_form[columns]
    both = np.flatnonzero((ours >= 0) & (theirs >= 0))
    differ = np.zeros(len(rows))
    differ[both] = any_of(alignment.left_open[at[both]]) & any_of(alignment.right_open[at[both]])
    return differ


def _take(alignment: Alignment, chosen: Longs) -> Alignment:
    fields = {name: getattr(alignment, name)[chosen] for name in Alignment.__slots__}
    return Alignment(**fields)


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
    first = pairs.first[:-1]
    conflict = conflicting_additions(
        alignment, first, left, pairs.left[first], right, pairs.right[first], vocabulary
    )
    left_form, right_form = pairs.left[chosen], pairs.right[chosen]
    for table, forms in ((left, left_form), (right, right_form)):
        conflict &= (table.form_kind[forms] == FormKind.FULL) | (table.form_kind[forms] == FormKind.HEAD)
    columns_of = {"second_names_differ": _second_names_differ(pairs, alignment, left, rows, right, columns)}
    columns_of["second_names_differ"][
        (left.form_kind[left_form] == FormKind.OTHER) | (right.form_kind[right_form] == FormKind.OTHER)
    ] = 0.0
    if len(chosen) < len(value):
        alignment = _take(alignment, chosen)
    # "BancFirst" read as one word is the whole of the other's head: it has no place of its own
    sides = (
        (left, left_form, pairs.left[first], alignment.left_open),
        (right, right_form, pairs.right[first], alignment.right_open),
    )
    for table, forms, whole, still_open in sides:
        conflict &= (forms == whole) | any_of(table.qualifier[whole] >= 0) | any_of(still_open)
    compared = Pairs(
        left, rows, left_form, right, columns, right_form, vocabulary, counts, alignment, conflict,
        alignment.left_open, alignment.right_open, alignment.total, columns_of,
    )  # fmt: skip
    name_features(compared)
    columns_of["domain_is_name"] = np.maximum(
        label_is_name(left, rows, left_form, right, columns),
        label_is_name(right, columns, right_form, left, rows),
    )
    contact_features(columns_of, left, rows, right, columns, counts)
    matrix = np.column_stack([columns_of[name] for name in FEATURES])
    sided = np.column_stack([columns_of[name] for name in SIDED])
    return Compared(matrix, sided, left_form, right_form, alignment)
