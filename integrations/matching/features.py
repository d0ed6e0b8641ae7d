"""What speaks for and against a pair: one row of numbers a pair, every number with a name.

All features are symmetric: exchanging organization and company gives the same row.
"""

from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import OSA, Indel
from rapidfuzz.process import cpdist

from integrations.matching.alignment import Alignment, align
from integrations.matching.candidates import Longs
from integrations.matching.evidence import Counts, contact_features, label_is_name
from integrations.matching.names import FormKind
from integrations.matching.tables import Table
from integrations.matching.vocabulary import BODIES, HEAVIEST, Flags, Ids, Reals, Vocabulary

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
    "addition_same": 1,
    "legal_conflict": -1,
    "legal_same": 1,
    "same_first_word": 1,
    "one_word": 0,
    "same_text": 1,
    "neutral_omission": 1,
    "structural_omission": -1,
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
    "only_telling_word_swapped": -1,
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

#: What differs between the sides; for the context, not for the pair's own score.
SIDED = ("organization_adds", "organization_adds_structural", "company_adds_structural")

#: Features that cannot tell two companies of the same name apart: people write legal forms as they like.
WRITING = ("legal_conflict", "legal_same", "same_text")

_LONGEST_INFORMATION = 24.0
_NEVER = 9.0
_ALL_ALIKE = 0.95
_FEW_EDITS = 2
#: Weight from which a family name is rare: one name in some four hundred.
_RARE = 6.0


def _exchanged() -> Flags:
    """Which kinds of public bodies may stand for each other, by number; 0 stands for none."""
    size = len(BODIES) + 1
    found = np.eye(size, dtype=bool)
    found[0, :] = found[:, 0] = True
    generic = [BODIES.index(kind) + 1 for kind in ("city", "borough", "district", "municipality")]
    for one in generic:
        found[one, generic] = True
    townships = [BODIES.index(kind) + 1 for kind in ("town", "township", "municipality")]
    for one in townships:
        found[one, townships] = True
    return found


_EXCHANGED = _exchanged()
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


def _take(alignment: Alignment, chosen: Longs) -> Alignment:
    fields = {name: getattr(alignment, name)[chosen] for name in Alignment.__slots__}
    return Alignment(**fields)


def _any(flags: Flags) -> Flags:
    """Rows (P, W) with any flag set."""
    result: Flags = np.logical_or.reduce(flags, axis=1)
    return result


def _all(flags: Flags) -> Flags:
    """Rows (P, W) with every flag set."""
    result: Flags = np.logical_and.reduce(flags, axis=1)
    return result


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


@dataclass(slots=True)
class Pairs:
    """P pairs of records under comparison: their chosen forms, the alignment, and what is still open."""

    left: Table
    rows: Longs
    left_form: Longs
    right: Table
    columns: Longs
    right_form: Longs
    vocabulary: Vocabulary
    counts: Counts
    alignment: Alignment
    additions_conflict: Flags
    left_open: Flags
    right_open: Flags
    total: Reals
    values: dict[str, Reals]

    def any_open(self, kind: Flags) -> tuple[Flags, Flags]:
        """Pairs of which the left, or the right, has an open word of that kind (by word id)."""
        left: Flags = _any(self.left_open & kind[self.alignment.left])
        right: Flags = _any(self.right_open & kind[self.alignment.right])
        return left, right

    def explain(self, left: Flags, right: Flags) -> None:
        """Take words out of what is open, because something explains them."""
        a = self.alignment
        self.left_open &= ~left
        self.right_open &= ~right
        weight = (a.left_weight * left).sum(1) + (a.right_weight * right).sum(1)
        self.total = np.maximum(self.total - weight, 1e-9)


def _addition_features(pairs: Pairs, city_explained: Flags) -> None:
    """What was set aside in brackets or after a dash: does it agree with the other side?"""
    left, right, rows, cols = pairs.left, pairs.right, pairs.rows, pairs.columns
    ours, theirs = left.qualifier[pairs.left_form], right.qualifier[pairs.right_form]
    has_left, has_right = _any(ours >= 0), _any(theirs >= 0)
    in_city = _any(_among(ours, right.city_words[cols])) | _any(_among(theirs, left.city_words[rows]))
    own_city = _any(_among(ours, left.city_words[rows])) | _any(_among(theirs, right.city_words[cols]))
    city_word = pairs.counts.city_word
    elsewhere = (has_left & _any(city_word[ours]) & (right.city[cols] >= 0)) | (
        has_right & _any(city_word[theirs]) & (left.city[rows] >= 0)
    )
    values = pairs.values
    same = has_left & has_right & ~pairs.additions_conflict
    same &= (_among(ours, theirs) | (ours < 0)).all(1) & (_among(theirs, ours) | (theirs < 0)).all(1)
    values["addition_conflict"] = (pairs.additions_conflict & ~in_city).astype(float)
    values["addition_same"] = same.astype(float)
    values["addition_is_city"] = (in_city | city_explained).astype(float)
    values["addition_elsewhere"] = (elsewhere & ~in_city).astype(float)
    dropped = (has_left ^ has_right) & ~in_city
    place, neutral, main_site = (
        _all(kind[ours] | (ours < 0)) & _all(kind[theirs] | (theirs < 0))
        for kind in (pairs.vocabulary.place, pairs.vocabulary.neutral, pairs.vocabulary.main_site)
    )
    light = own_city | place | neutral
    says_nothing = ((has_left | has_right) & main_site) | in_city | same
    unweighed = np.where(place, 0.5, 1.0)
    values["without_addition"] *= np.where(says_nothing, 0.0, unweighed)
    values["addition_dropped"] = np.where(dropped, np.where(light, 0.5, 1.0), 0.0)


def _explain_small_words(pairs: Pairs) -> None:
    """Small words weigh little; at the beginning or the end of a name they can be the name ("On Target").

    What stands behind them there may be the trade: "Lunch & Die Insurance" ends in "die" as well.
    """
    a, vocabulary = pairs.alignment, pairs.vocabulary
    left, right = pairs.left_open & vocabulary.small[a.left], pairs.right_open & vocabulary.small[a.right]
    some = _any(left) | _any(right)
    edge = np.zeros(len(a.total), bool)
    told = (vocabulary.length > 0) & (
        ~(vocabulary.small | vocabulary.structural | vocabulary.trade | vocabulary.neutral)
    )
    some_word = ~vocabulary.small
    for words, chosen in ((a.left, left), (a.right, right)):
        before = np.logical_or.accumulate(some_word[words], axis=1)
        behind = np.logical_or.accumulate(told[words][:, ::-1], axis=1)[:, ::-1]
        edge |= _any(chosen & ~(before & behind))
    pairs.values["edge_word_omitted"] = (edge & ~a.whole).astype(float)
    pairs.values["small_word_omitted"] = (some & ~edge).astype(float)
    pairs.explain(left, right)


def _explain_bodies(pairs: Pairs) -> None:
    """Public bodies: kinds tell them apart; a kind or role left out beside the whole place does not."""
    a, vocabulary = pairs.alignment, pairs.vocabulary
    kinds = vocabulary.body
    roles = vocabulary.role | (kinds > 0)
    left_open_kind = np.where(pairs.left_open, kinds[a.left], 0).max(1)
    right_open_kind = np.where(pairs.right_open, kinds[a.right], 0).max(1)
    differ = ~_EXCHANGED[left_open_kind, right_open_kind]
    business = vocabulary.structural | vocabulary.trade | vocabulary.neutral
    business = (business & ~vocabulary.town) & ~roles
    named_left, named_right = (a.left >= 0) & ~roles[a.left], (a.right >= 0) & ~roles[a.right]
    whole_place = ~_any(pairs.left_open & named_left) & ~_any(pairs.right_open & named_right)
    whole_place &= _any(named_left) & _any(named_right)
    whole_place &= ~_any(business[a.left] & named_left) & ~_any(business[a.right] & named_right)
    strong = (vocabulary.role & ~vocabulary.neutral) | vocabulary.agency
    public = _any(strong[a.left]) | _any(strong[a.right])
    for words in (a.left, a.right):
        public |= (kinds[words[:, 0]] > 0) & ((words >= 0).sum(1) > 1)
    told = whole_place & public & ~differ
    left, right = (
        pairs.left_open & roles[a.left] & told[:, None],
        pairs.right_open & roles[a.right] & told[:, None],
    )
    pairs.values["bodies_differ"] = differ.astype(float)
    pairs.values["body_word_omitted"] = (_any(left) | _any(right)).astype(float)
    pairs.explain(left, right)


def _before_a_partner(open_words: Flags) -> Flags:
    """Words that stand directly before one that found its partner."""
    found = np.zeros_like(open_words)
    found[:, :-1] = open_words[:, :-1] & ~open_words[:, 1:]
    return found


def _explain_given_names(pairs: Pairs) -> None:
    """A practice may leave out the given names of its owner: "Law Offices of Priya Ramanathan"."""
    a, vocabulary = pairs.alignment, pairs.vocabulary
    given = vocabulary.given & ~vocabulary.neutral
    neutral = vocabulary.neutral
    # in a practice ("law", "dental") any unknown word before the family name is taken for a given name
    practice = vocabulary.structural
    practised = _any(practice[a.left] & ~a.left_open & (a.left >= 0))
    unknown = ~vocabulary.known & ~vocabulary.exact_only & ~vocabulary.neutral & ~vocabulary.small
    left = pairs.left_open & (
        given[a.left] | (unknown[a.left] & _before_a_partner(a.left_open) & practised[:, None])
    )
    right = pairs.right_open & (
        given[a.right] | (unknown[a.right] & _before_a_partner(a.right_open) & practised[:, None])
    )
    only = ~_any(pairs.left_open & ~left & ~neutral[a.left])
    only &= ~_any(pairs.right_open & ~right & ~neutral[a.right])
    only &= _any(left) ^ _any(right)
    # the family name stands beside it, and is rare enough to tell
    family = vocabulary.attested | (vocabulary.weight >= _RARE)
    family &= ~(vocabulary.structural | vocabulary.trade | vocabulary.neutral)
    shared = _any(family[a.left] & ~a.left_open & (a.left_weight >= _RARE))
    only &= shared & (a.fuzzy == 0)
    left = (left | (pairs.left_open & neutral[a.left])) & only[:, None]
    right = (right | (pairs.right_open & neutral[a.right])) & only[:, None]
    pairs.values["given_name_omitted"] = only.astype(float)
    pairs.explain(left, right)


def _word_features(pairs: Pairs, letters: tuple[list[str], list[str]]) -> None:
    """How far the words agree, and what is left over on either side."""
    a, values, vocabulary = pairs.alignment, pairs.values, pairs.vocabulary
    left_open, right_open, total = pairs.left_open, pairs.right_open, pairs.total
    left_lost, right_lost = (a.left_weight * left_open).sum(1), (a.right_weight * right_open).sum(1)
    values["alike"] = np.minimum(a.matched / total, 1.0)
    values["contradiction"] = 2 * np.minimum(left_lost, right_lost) / total
    values["omission"] = np.abs(left_lost - right_lost) / total
    values["letters_alike"] = cpdist(*letters, scorer=Indel.normalized_similarity, dtype=np.float64)
    left_number, right_number = pairs.any_open(vocabulary.number)
    values["number_conflict"] = (left_number & right_number).astype(float)
    values["number_omitted"] = (left_number ^ right_number).astype(float)
    information = np.minimum(a.information, _LONGEST_INFORMATION) / _LONGEST_INFORMATION
    inexact = np.minimum(a.inexact, _LONGEST_INFORMATION) / _LONGEST_INFORMATION
    values["information"] = information
    values["inexact_information"] = np.where(a.whole, 0.0, inexact)
    values["exact_information"] = np.maximum(information - values["inexact_information"], 0.0)
    left_heavy, right_heavy = _heaviest(a.left_weight, left_open), _heaviest(a.right_weight, right_open)
    values["contradiction_weight"] = np.minimum(left_heavy, right_heavy) / HEAVIEST
    values["heaviest_open"] = np.maximum(left_heavy, right_heavy) / HEAVIEST
    values["similarity_lost"] = np.where(a.whole, 0.0, a.lost / total)
    values["worst_partner"] = np.where(a.whole, 0.0, 1 - a.worst)


def _sameness_features(pairs: Pairs) -> Flags:
    """Whether the names are the same, and as which readings; returns the pairs without an open word."""
    a, values, left, right = pairs.alignment, pairs.values, pairs.left, pairs.right
    lf, rf = pairs.left_form, pairs.right_form
    nothing_open: Flags = ~(_any(pairs.left_open) | _any(pairs.right_open))
    explained = sum(
        (
            values[n]
            for n in ("small_word_omitted", "edge_word_omitted", "body_word_omitted", "given_name_omitted")
        ),
        np.zeros(len(a.total)),
    )
    repeated = nothing_open & (left.repeats[lf] != right.repeats[rf]) & ~a.whole
    equal = (
        nothing_open
        & (a.fuzzy + a.inflected == 0)
        & (values["alike"] > _ALL_ALIKE)
        & ~repeated
        & (explained == 0)
    )
    same: Flags = np.logical_or(a.whole, equal)
    values["same_words"] = same.astype(float)
    values["repeated_word"] = repeated.astype(float)
    # "Hayes'" and "Hayes" may be two families; "Price's" and "Prices" are two ways to write one
    unlike = 0.5 * (left.apostrophes[lf] != right.apostrophes[rf])
    unlike[left.end_apostrophes[lf] != right.end_apostrophes[rf]] = 1.0
    values["apostrophe_differs"] = same * unlike
    for name, kind in (
        ("second_name", FormKind.OTHER),
        ("without_addition", FormKind.HEAD),
        ("addition_alone", FormKind.TAIL),
    ):
        values[name] = (left.form_kind[lf] == kind).astype(float) + (right.form_kind[rf] == kind)
    ours, theirs = left.classes[pairs.rows], right.classes[pairs.columns]
    both = (ours != 0) & (theirs != 0)
    values["legal_conflict"] = (both & (ours & theirs == 0)).astype(float)
    values["legal_same"] = (both & (ours & theirs != 0)).astype(float)
    partner_first = (a.partner[:, 0] == 0) | (a.left[:, 0] == a.right[:, 0])
    values["same_first_word"] = (partner_first | a.whole).astype(float)
    values["one_word"] = ((left.word_count[lf] == 1) | (right.word_count[rf] == 1)).astype(float)
    values["same_text"] = (left.whole[pairs.rows] == right.whole[pairs.columns]).astype(float)
    return nothing_open


def _omission_features(pairs: Pairs, nothing_open: Flags) -> None:
    """What kind of word one side has and the other lacks."""
    values, vocabulary = pairs.values, pairs.vocabulary
    telling = pairs.any_open(~vocabulary.neutral)
    values["neutral_omission"] = (~(telling[0] | telling[1]) & ~nothing_open).astype(float)
    left_structural, right_structural = pairs.any_open(vocabulary.structural)
    values["structural_omission"] = (left_structural | right_structural).astype(float)
    left_trade, right_trade = pairs.any_open(vocabulary.trade)
    values["trades_differ"] = (
        (left_trade & (right_trade | right_structural)) | (right_trade & left_structural)
    ).astype(float)
    left_joined = _any(pairs.left_open & _among(pairs.alignment.left, pairs.left.joined[pairs.left_form]))
    right_joined = _any(
        pairs.right_open & _among(pairs.alignment.right, pairs.right.joined[pairs.right_form])
    )
    values["joined_word_omitted"] = (left_joined ^ right_joined).astype(float)
    left_adds, right_adds = _any(pairs.left_open), _any(pairs.right_open)
    values["organization_adds"] = (left_adds & ~right_adds).astype(float)
    values["organization_adds_structural"] = (left_structural & ~right_adds).astype(float)
    values["company_adds_structural"] = (right_structural & ~left_adds).astype(float)
    values["first_word_omitted"] = (pairs.left_open[:, 0] ^ pairs.right_open[:, 0]).astype(float)


def _spelling_features(pairs: Pairs, nothing_open: Flags, letters: tuple[list[str], list[str]]) -> None:
    """What kind of difference there is between words that found a partner not spelled alike."""
    a, values, vocabulary = pairs.alignment, pairs.values, pairs.vocabulary
    edits = cpdist(*letters, scorer=OSA.distance, score_cutoff=2, dtype=np.float64)
    typos = (a.fuzzy > 0) & (a.swaps == 0) & nothing_open
    values["only_typos"] = typos * a.worst
    longest = np.log(np.maximum(a.total, 1.0)) / np.log(4 * HEAVIEST)
    left_ordinary, right_ordinary = pairs.any_open(vocabulary.ordinary)
    known_open = left_ordinary & right_ordinary & (edits <= _FEW_EDITS)
    left_exact, right_exact = pairs.any_open(vocabulary.exact_only | (vocabulary.length == 1))
    unsame = (values["same_words"] == 0) & (values["small_word_omitted"] + values["edge_word_omitted"] == 0)
    spelling = unsame & (a.swaps == 0) & ~(left_exact | right_exact) & ~known_open
    values["one_edit"] = ((edits == 1) & spelling) * longest
    values["two_edits"] = ((edits == _FEW_EDITS) & spelling) * longest
    values["inflected"] = ((a.inflected > 0) & ~a.first_inflected).astype(float)
    values["first_word_inflected"] = a.first_inflected.astype(float)
    values["known_word_swapped"] = ((a.swaps > 0) & ~a.whole).astype(float)
    swapped = ((a.ordinary_swaps > 0) | known_open) & ~a.whole
    values["ordinary_word_swapped"] = swapped.astype(float)
    values["attested_word_swapped"] = ((a.attested > 0) & ~a.whole).astype(float)
    values["abbreviation_of_several"] = ((a.several > 0) & ~a.whole).astype(float)
    values["abbreviation_guessed"] = ((a.guesses > 0) & ~a.whole).astype(float)
    light = vocabulary.neutral | vocabulary.structural | vocabulary.trade | vocabulary.small
    partner = np.take_along_axis(a.right, np.maximum(a.partner, 0), axis=1)
    told = _any((a.partner >= 0) & (partner == a.left) & ~light[a.left])
    values["only_telling_word_swapped"] = ((a.fuzzy > 0) & ~told & ~a.whole).astype(float)


def _name_features(pairs: Pairs) -> None:
    """All features of the aligned names."""
    a, values, left, right = pairs.alignment, pairs.values, pairs.left, pairs.right
    values["acronym"] = _acronyms(a, left, pairs.rows, right, pairs.columns, pairs.vocabulary)
    pairs.left_open, pairs.right_open = a.left_open.copy(), a.right_open.copy()
    left_city = pairs.left_open & _among(a.left, right.city_words[pairs.columns])
    right_city = pairs.right_open & _among(a.right, left.city_words[pairs.rows])
    pairs.explain(left_city, right_city)
    _explain_small_words(pairs)
    _explain_bodies(pairs)
    _explain_given_names(pairs)
    letters = (
        [left.joined_texts[i] for i in pairs.left_form.tolist()],
        [right.joined_texts[i] for i in pairs.right_form.tolist()],
    )
    _word_features(pairs, letters)
    nothing_open = _sameness_features(pairs)
    _addition_features(pairs, np.logical_or(_any(left_city), _any(right_city)))
    _omission_features(pairs, nothing_open)
    _spelling_features(pairs, nothing_open, letters)


def _conflicting_additions(
    alignment: Alignment, first: Longs, pairs: FormPairs, left: Table, right: Table, vocabulary: Vocabulary
) -> Flags:
    """Pairs whose whole names share a head and whose additions each keep a telling word of their own.

    "Acme - Dallas Office" and "Acme - Denver Office" are two sites, though both say "office". ``first``: the
    position of each pair's whole readings.
    """
    lf, rf = pairs.left[first], pairs.right[first]
    ours, theirs = left.qualifier[lf], right.qualifier[rf]
    whole = (left.form_kind[lf] == FormKind.FULL) & (right.form_kind[rf] == FormKind.FULL)
    found = np.zeros(len(first), bool)
    some = np.flatnonzero(whole & (_any(ours >= 0) | _any(theirs >= 0)))
    if not some.size:
        return found
    at = first[some]
    silent = vocabulary.neutral | vocabulary.small | vocabulary.host
    telling = ~silent | vocabulary.main_site
    town = vocabulary.town | vocabulary.number
    left_words, right_words = alignment.left[at], alignment.right[at]
    left_open = alignment.left_open[at] & telling[left_words]
    right_open = alignment.right_open[at] & telling[right_words]
    left_added, right_added = _among(left_words, ours[some]), _among(right_words, theirs[some])
    left_place, right_place = left_open & town[left_words], right_open & town[right_words]
    found[some] = (
        (_any(left_open & left_added) & _any(right_open & right_added))
        | (_any(left_open & left_added) & _any(right_place))
        | (_any(left_place) & _any(right_open & right_added))
    )
    return found


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
    conflict = _conflicting_additions(alignment, pairs.first[:-1], pairs, left, right, vocabulary)
    left_form, right_form = pairs.left[chosen], pairs.right[chosen]
    for table, forms in ((left, left_form), (right, right_form)):
        conflict &= (table.form_kind[forms] == FormKind.FULL) | (table.form_kind[forms] == FormKind.HEAD)
    if len(chosen) < len(value):
        alignment = _take(alignment, chosen)
    columns_of: dict[str, Reals] = {}
    compared = Pairs(
        left, rows, left_form, right, columns, right_form, vocabulary, counts, alignment, conflict,
        alignment.left_open, alignment.right_open, alignment.total, columns_of,
    )  # fmt: skip
    _name_features(compared)
    columns_of["domain_is_name"] = np.maximum(
        label_is_name(left, rows, left_form, right, columns),
        label_is_name(right, columns, right_form, left, rows),
    )
    contact_features(columns_of, left, rows, right, columns, counts)
    matrix = np.column_stack([columns_of[name] for name in FEATURES])
    sided = np.column_stack([columns_of[name] for name in SIDED])
    return Compared(matrix, sided, left_form, right_form, alignment)
