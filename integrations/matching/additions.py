"""What stands in brackets or behind a dash: whether it agrees with the other name, or tells two sites."""

import numpy as np

from integrations.matching.alignment import Alignment, any_of
from integrations.matching.candidates import Longs
from integrations.matching.names import FormKind
from integrations.matching.pairs import Pairs, all_of, among
from integrations.matching.tables import Table
from integrations.matching.vocabulary import Flags, Ids, Vocabulary

#: What a reading without its addition counts where both additions name one site, and where both are a region.
_SAME_SITE, _PLACE = 0.25, 0.5
#: ``addition_dropped`` of an addition that hardly tells anything.
_LIGHT = 0.5


def _swapped(alignment: Alignment, at: Longs, vocabulary: Vocabulary) -> tuple[Flags, Flags]:
    """Words whose partner is another known word and no inflection of it, on either side: junior / senior."""
    left, right, partner = alignment.left[at], alignment.right[at], alignment.partner[at]
    other = np.take_along_axis(right, np.maximum(partner, 0), axis=1)
    known = vocabulary.known
    ours = (partner >= 0) & (left != other) & known[left] & known[other]
    ours &= (alignment.inflected[at] == 0)[:, None]
    theirs = np.zeros(right.shape, bool)
    row, word = np.nonzero(ours)
    theirs[row, partner[row, word]] = True
    return ours, theirs


def _other_places(ours: Ids, theirs: Ids, vocabulary: Vocabulary) -> Flags:
    """Rows whose additions each name a place, number or letter that the other's does not."""
    tells = vocabulary.town | vocabulary.number | (vocabulary.length == 1)
    only_ours, only_theirs = ~among(ours, theirs) & (ours >= 0), ~among(theirs, ours) & (theirs >= 0)
    found: Flags = np.logical_and(any_of(only_ours & tells[ours]), any_of(only_theirs & tells[theirs]))
    return found


def conflicting_additions(
    alignment: Alignment,
    first: Longs,
    left: Table,
    left_forms: Longs,
    right: Table,
    right_forms: Longs,
    vocabulary: Vocabulary,
) -> Flags:
    """Pairs whose whole names share a head and whose additions each keep a telling word of their own.

    "Acme - Dallas Office" and "Acme - Denver Office" are two sites, though both say "office". ``first``: the
    position of each pair's whole readings in the alignment; ``left_forms``, ``right_forms``: these readings.
    """
    ours, theirs = left.qualifier[left_forms], right.qualifier[right_forms]
    whole = (left.form_kind[left_forms] == FormKind.FULL) & (right.form_kind[right_forms] == FormKind.FULL)
    found: Flags = np.logical_and(whole, _other_places(ours, theirs, vocabulary))
    town = vocabulary.town | vocabulary.number
    # each side has an addition, or a place or number of its own
    possible = whole & (any_of(ours >= 0) | any_of(alignment.left_open[first] & town[alignment.left[first]]))
    possible &= any_of(theirs >= 0) | any_of(alignment.right_open[first] & town[alignment.right[first]])
    some = np.flatnonzero(possible)
    if not some.size:
        return found
    at = first[some]
    silent = vocabulary.neutral | vocabulary.small | vocabulary.host
    telling = ~silent | vocabulary.main_site
    left_words, right_words = alignment.left[at], alignment.right[at]
    left_added, right_added = among(left_words, ours[some]), among(right_words, theirs[some])
    # a letter names a building as a number does: "(Building A)"
    letter = vocabulary.length == 1
    left_swapped, right_swapped = _swapped(alignment, at, vocabulary)
    left_open = (alignment.left_open[at] | (left_swapped & left_added)) & (
        telling[left_words] | (letter[left_words] & left_added)
    )
    right_open = (alignment.right_open[at] | (right_swapped & right_added)) & (
        telling[right_words] | (letter[right_words] & right_added)
    )
    left_place, right_place = left_open & town[left_words], right_open & town[right_words]
    # "Acme Leeds Branch" and "Acme Derby Branch", without any sign between: nothing but places differs
    only_places = ~any_of(left_open & ~left_place) & ~any_of(right_open & ~right_place)
    head = ~alignment.left_open[at] & telling[left_words] & ~town[left_words] & (left_words >= 0)
    found[some] |= (
        (any_of(left_open & left_added) & any_of(right_open & right_added))
        | (any_of(left_open & left_added) & any_of(right_place))
        | (any_of(left_place) & any_of(right_open & right_added))
        | (only_places & any_of(left_place) & any_of(right_place) & any_of(head))
    )
    return found


def _is_city(addition: Ids, city: Ids, vocabulary: Vocabulary) -> Flags:
    """Rows whose addition is the other's city and names no other place."""
    inside = among(addition, city)
    light = vocabulary.site | vocabulary.neutral | vocabulary.place | vocabulary.small
    return any_of(inside) & all_of(inside | light[addition] | (addition < 0))


def addition_features(pairs: Pairs, city_explained: Flags) -> None:
    """What was set aside in brackets or after a dash: does it agree with the other side?"""
    values, size = pairs.values, len(pairs.rows)
    for name in ("addition_same", "addition_elsewhere", "addition_dropped"):
        values[name] = np.zeros(size)
    values["addition_conflict"] = pairs.additions_conflict.astype(float)
    values["addition_is_city"] = city_explained.astype(float)
    some = np.flatnonzero(
        any_of(pairs.left.qualifier[pairs.left_form] >= 0)
        | any_of(pairs.right.qualifier[pairs.right_form] >= 0)
    )
    if some.size:
        _compare_additions(pairs, some)


def _compare_additions(pairs: Pairs, some: Longs) -> None:
    """The same for pairs of which one side or both have an addition."""
    left, right, vocabulary, values = pairs.left, pairs.right, pairs.vocabulary, pairs.values
    rows, cols, conflict = pairs.rows[some], pairs.columns[some], pairs.additions_conflict[some]
    ours, theirs = left.qualifier[pairs.left_form[some]], right.qualifier[pairs.right_form[some]]
    has_left, has_right = any_of(ours >= 0), any_of(theirs >= 0)
    in_city = _is_city(ours, right.contacts.city_words[cols], vocabulary)
    in_city |= _is_city(theirs, left.contacts.city_words[rows], vocabulary)
    own_city = any_of(among(ours, left.contacts.city_words[rows])) | any_of(
        among(theirs, right.contacts.city_words[cols])
    )
    city_word = pairs.counts.city_word
    elsewhere = (has_left & any_of(city_word[ours]) & (right.contacts.city[cols] >= 0)) | (
        has_right & any_of(city_word[theirs]) & (left.contacts.city[rows] >= 0)
    )
    both = has_left & has_right & ~conflict
    own, other = among(ours, theirs), among(theirs, ours)
    same = both & all_of(own | (ours < 0)) & all_of(other | (theirs < 0))
    # "Plano Office" is "Plano"
    site = vocabulary.site | vocabulary.neutral
    same_site = both & any_of(own & ~site[ours]) & ~same
    same_site &= all_of(own | site[ours] | (ours < 0)) & all_of(other | site[theirs] | (theirs < 0))
    # "Phoenix, AZ" is "Phoenix"
    town = vocabulary.town & ~vocabulary.place
    same_town = both & any_of(own & town[ours]) & ~same
    region = vocabulary.place
    same_town &= all_of(own | (ours < 0)) ^ all_of(other | (theirs < 0))
    same_town &= all_of(own | region[ours] | (ours < 0)) & all_of(other | region[theirs] | (theirs < 0))
    same_site |= same_town
    place, neutral, main_site = (
        all_of(kind[ours] | (ours < 0)) & all_of(kind[theirs] | (theirs < 0))
        for kind in (vocabulary.place, vocabulary.neutral, vocabulary.main_site)
    )
    unweighed = np.where(same_site, _SAME_SITE, np.where(place, _PLACE, 1.0))
    dropped = (has_left ^ has_right) & ~in_city
    values["addition_conflict"][some] = conflict & ~in_city
    values["addition_same"][some] = same | same_site
    values["addition_is_city"][some] = np.maximum(values["addition_is_city"][some], in_city)
    values["addition_elsewhere"][some] = elsewhere & ~in_city
    values["without_addition"][some] *= np.where(main_site | in_city | same, 0.0, unweighed)
    values["addition_dropped"][some] = np.where(
        dropped, np.where(own_city | place | neutral, _LIGHT, 1.0), 0.0
    )
