"""The features of aligned names: how far they agree, what is left over, what kind of difference it is."""

import numpy as np
from rapidfuzz.distance import OSA, Indel
from rapidfuzz.process import cpdist

from integrations.matching.additions import addition_features
from integrations.matching.alignment import Alignment, any_of
from integrations.matching.candidates import Longs
from integrations.matching.names import FormKind
from integrations.matching.pairs import Pairs, among
from integrations.matching.tables import Table
from integrations.matching.vocabulary import BODIES, HEAVIEST, Flags, Ids, Reals, Vocabulary

_LONGEST_INFORMATION = 24.0
_ALL_ALIKE = 0.95
_FEW_EDITS = 2
#: What a reading without a title counts beside one without its addition.
_UNTITLED = 0.125
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


def _count(flags: Flags) -> Ids:
    """How many flags of each row are set, column by column."""
    found: Ids = np.zeros(len(flags), np.int32)
    for column in range(flags.shape[1]):
        found += flags[:, column]
    return found


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
        open_words = _count(long_open)
        possible = np.flatnonzero((_count(short_open) == 1) & (open_words >= 2))
        numbers = short[possible, short_open[possible].argmax(1)]
        firsts = long[possible, long_open[possible].argmax(1)]
        beyond = vocabulary.length[numbers] - open_words[possible]
        fits = (
            (beyond >= 0)
            & (beyond <= 2)
            & (vocabulary.first_letter[numbers] == vocabulary.first_letter[firsts])
        )
        fits &= vocabulary.body[numbers] == 0  # "Denholm BC" is a borough, see ``_explain_bodies``
        for row, number in zip(possible[fits].tolist(), numbers[fits].tolist(), strict=True):
            word = texts[number]
            spelled = [texts[i] for i in long[row][long_open[row]].tolist()]
            letters = "".join(part[0] for part in spelled)
            legal = table.records[records[row]].name.legal
            with_legal = bool(legal) and word == letters + legal[-1][0]
            if word == letters or with_legal or word in table.initials[records[row]]:
                value[row] = 1.0 if len(word) >= 3 and not with_legal else 0.5
                short_open[row] = long_open[row] = False
    return value


def _heaviest(weight: Reals, open_words: Flags) -> Reals:
    weighed = weight * open_words
    result = np.zeros(len(weighed))
    for column in range(weighed.shape[1]):
        np.maximum(result, weighed[:, column], out=result)
    return result


def _greatest(numbers: Ids) -> Ids:
    """The greatest number of each row, at least nought."""
    result: Ids = np.zeros(len(numbers), numbers.dtype)
    for column in range(numbers.shape[1]):
        np.maximum(result, numbers[:, column], out=result)
    return result


def _explain_small_words(pairs: Pairs) -> None:
    """Small words weigh little; at the beginning or the end of a name they can be the name ("On Target").

    What stands behind them there may be the trade: "Lunch & Die Insurance" ends in "die" as well.
    """
    a, vocabulary = pairs.alignment, pairs.vocabulary
    letter = (vocabulary.length == 1) & ~vocabulary.number
    left_letter, right_letter = pairs.any_open(letter)
    initials = left_letter & right_letter
    pairs.values["initials_differ"] = (initials & ~a.whole).astype(float)
    # beside another initial "a" is one too: "Dr. A. Stone" and "Dr. B. Stone"
    left = pairs.left_open & (vocabulary.small[a.left] & ~(initials[:, None] & letter[a.left]))
    right = pairs.right_open & (vocabulary.small[a.right] & ~(initials[:, None] & letter[a.right]))
    some = any_of(left) | any_of(right)
    edge = np.zeros(len(a.total), bool)
    told = (vocabulary.length > 0) & (
        ~(vocabulary.small | vocabulary.structural | vocabulary.trade | vocabulary.neutral)
    )
    some_word = ~vocabulary.small
    sides = ((a.left, left, pairs.left_open), (a.right, right, pairs.right_open))
    for words, chosen, still_open in sides:
        # "B to C Rentals" beside "C Rentals": what stands before is left out as well
        before = np.logical_or.accumulate(some_word[words] & ~still_open, axis=1)
        behind = np.logical_or.accumulate(told[words][:, ::-1], axis=1)[:, ::-1]
        edge |= any_of(chosen & (~(before & behind) | vocabulary.particle[words]))
    pairs.values["edge_word_omitted"] = (edge & ~a.whole).astype(float)
    pairs.values["small_word_omitted"] = (some & ~edge).astype(float)
    pairs.explain(left, right)


def _explain_bodies(pairs: Pairs) -> None:
    """Public bodies: kinds tell them apart; a kind or role left out beside the whole place does not."""
    a, vocabulary = pairs.alignment, pairs.vocabulary
    kinds = vocabulary.body
    roles = vocabulary.role | vocabulary.light_role | (kinds > 0)
    left_open_kind = _greatest(np.where(pairs.left_open, kinds[a.left], 0))
    right_open_kind = _greatest(np.where(pairs.right_open, kinds[a.right], 0))
    differ = ~_EXCHANGED[left_open_kind, right_open_kind]
    business = vocabulary.structural | vocabulary.trade | vocabulary.neutral
    business = (business & ~vocabulary.town) & ~roles
    named_left, named_right = (a.left >= 0) & ~roles[a.left], (a.right >= 0) & ~roles[a.right]
    whole_place = ~any_of(pairs.left_open & named_left) & ~any_of(pairs.right_open & named_right)
    whole_place &= any_of(named_left) & any_of(named_right)
    whole_place &= ~any_of(business[a.left] & named_left) & ~any_of(business[a.right] & named_right)
    strong = (vocabulary.role & ~vocabulary.neutral) | vocabulary.agency
    public = any_of(strong[a.left]) | any_of(strong[a.right])
    full_kind = (kinds > 0) & ~vocabulary.light_role
    for words in (a.left, a.right):
        public |= full_kind[words[:, 0]] & ((words >= 0).sum(1) > 1)
    told = whole_place & public & ~differ
    left, right = (
        pairs.left_open & roles[a.left] & told[:, None],
        pairs.right_open & roles[a.right] & told[:, None],
    )
    pairs.values["bodies_differ"] = differ.astype(float)
    pairs.values["body_word_omitted"] = (any_of(left) | any_of(right)).astype(float)
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
    practice = vocabulary.practice
    practised = any_of(practice[a.left] & ~a.left_open & (a.left >= 0))
    unknown = ~vocabulary.known & ~vocabulary.exact_only & ~vocabulary.neutral & ~vocabulary.small
    left = pairs.left_open & (
        given[a.left] | (unknown[a.left] & _before_a_partner(a.left_open) & practised[:, None])
    )
    right = pairs.right_open & (
        given[a.right] | (unknown[a.right] & _before_a_partner(a.right_open) & practised[:, None])
    )
    only = ~any_of(pairs.left_open & ~left & ~neutral[a.left])
    only &= ~any_of(pairs.right_open & ~right & ~neutral[a.right])
    only &= practised & (any_of(left) ^ any_of(right))
    # the family name stands beside it, and is rare enough to tell
    family = vocabulary.attested | (vocabulary.weight >= _RARE)
    family &= ~(vocabulary.structural | vocabulary.trade | vocabulary.neutral)
    shared = any_of(family[a.left] & ~a.left_open & (a.left_weight >= _RARE))
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
    conflict = left_number & right_number
    (left_one, right_one), (left_more, right_more) = (
        pairs.any_open(vocabulary.roman_one),
        pairs.any_open(vocabulary.beyond_one),
    )
    conflict |= (left_one & right_more) | (right_one & left_more)
    values["number_conflict"] = conflict.astype(float)
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
    nothing_open: Flags = ~(any_of(pairs.left_open) | any_of(pairs.right_open))
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
    untitled = (left.form_kind[lf] == FormKind.UNTITLED) | (right.form_kind[rf] == FormKind.UNTITLED)
    values["without_addition"] = np.maximum(values["without_addition"], _UNTITLED * untitled)
    ours, theirs = left.classes[pairs.rows], right.classes[pairs.columns]
    both = (ours != 0) & (theirs != 0)
    values["legal_conflict"] = (both & (ours & theirs == 0)).astype(float)
    values["legal_same"] = (both & (ours & theirs != 0)).astype(float)
    partner_first = (a.partner[:, 0] == 0) | (a.left[:, 0] == a.right[:, 0])
    values["same_first_word"] = (partner_first | a.whole).astype(float)
    values["one_word"] = ((left.word_count[lf] == 1) | (right.word_count[rf] == 1)).astype(float)
    values["written_apart"] = a.written_apart.astype(float)
    article = same & pairs.vocabulary.small[a.left[:, 0]] & (a.left[:, 0] == a.right[:, 0])
    values["article_before_small"] = (article & (left.squash[lf] != right.squash[rf])).astype(float)
    values["same_text"] = (left.whole[pairs.rows] == right.whole[pairs.columns]).astype(float)
    return nothing_open


def _omission_features(pairs: Pairs, nothing_open: Flags) -> None:
    """What kind of word one side has and the other lacks."""
    values, vocabulary = pairs.values, pairs.vocabulary
    telling = pairs.any_open(~vocabulary.neutral)
    values["neutral_omission"] = (~(telling[0] | telling[1]) & ~nothing_open).astype(float)
    beyond_trade = pairs.any_open(~(vocabulary.neutral | vocabulary.trade))
    left_trade, right_trade = pairs.any_open(vocabulary.trade)
    only_trade = (left_trade ^ right_trade) & ~(beyond_trade[0] | beyond_trade[1])
    values["trade_omission"] = only_trade.astype(float)
    left_structural, right_structural = pairs.any_open(vocabulary.structural)
    values["structural_omission"] = (left_structural | right_structural).astype(float)
    light = vocabulary.structural | vocabulary.neutral | vocabulary.trade | vocabulary.small
    left_more, right_more = pairs.any_open(~light)
    values["structural_and_more_omitted"] = (
        (left_structural & left_more) | (right_structural & right_more)
    ).astype(float)
    values["trades_differ"] = (
        (left_trade & (right_trade | right_structural)) | (right_trade & left_structural)
    ).astype(float)
    left_joined = any_of(pairs.left_open & among(pairs.alignment.left, pairs.left.joined[pairs.left_form]))
    right_joined = any_of(
        pairs.right_open & among(pairs.alignment.right, pairs.right.joined[pairs.right_form])
    )
    values["joined_word_omitted"] = (left_joined ^ right_joined).astype(float)
    left_adds, right_adds = any_of(pairs.left_open), any_of(pairs.right_open)
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
    exchanged = (a.exchanged > 0) & (a.exchanged == a.fuzzy) & (a.inflected == 0)
    values["letters_exchanged"] = (exchanged & nothing_open & ~a.whole).astype(float)
    values["abbreviation_of_several"] = ((a.several > 0) & ~a.whole).astype(float)
    values["abbreviation_guessed"] = ((a.guesses > 0) & ~a.whole).astype(float)
    light = vocabulary.neutral | vocabulary.structural | vocabulary.trade | vocabulary.small
    partner = np.take_along_axis(a.right, np.maximum(a.partner, 0), axis=1)
    told = any_of((a.partner >= 0) & (partner == a.left) & ~light[a.left])
    values["only_telling_word_swapped"] = ((a.fuzzy > 0) & ~told & ~a.whole).astype(float)
    left_told, right_told = pairs.any_open(~light)
    # of a trade alone people do name a house: "The Grill"
    empty = light & ~vocabulary.trade
    left_shared, right_shared = (a.left >= 0) & ~a.left_open, (a.right >= 0) & ~a.right_open
    named = any_of(left_shared & ~empty[a.left]) | any_of(right_shared & ~empty[a.right])
    unlike = any_of(left_shared) & ~named & (left_told | right_told)
    values["only_light_words_shared"] = (unlike & ~a.whole & (values["acronym"] == 0)).astype(float)


def name_features(pairs: Pairs) -> None:
    """Put all features of the aligned names into ``pairs.values``."""
    a, values, left, right = pairs.alignment, pairs.values, pairs.left, pairs.right
    values["acronym"] = _acronyms(a, left, pairs.rows, right, pairs.columns, pairs.vocabulary)
    pairs.left_open, pairs.right_open = a.left_open.copy(), a.right_open.copy()
    left_city = pairs.left_open & among(a.left, right.contacts.city_words[pairs.columns])
    right_city = pairs.right_open & among(a.right, left.contacts.city_words[pairs.rows])
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
    addition_features(pairs, np.logical_or(any_of(left_city), any_of(right_city)))
    _omission_features(pairs, nothing_open)
    _spelling_features(pairs, nothing_open, letters)
