"""How alike two words are, for many pairs of words at once.

1 for equal words, 0 for unrelated ones, between them for plurals, abbreviations and misspellings. Two words
that are both known are not misspellings of each other, however close: law and lawn, dental and rental.
"""

import numpy as np
from rapidfuzz.distance import OSA, LCSseq, Prefix
from rapidfuzz.process import cpdist

from integrations.matching import wordlists
from integrations.matching.vocabulary import Flags, Ids, Reals, Vocabulary

#: Below this two words are not aligned.
LEAST_SIMILARITY = 0.35
#: From here on two words are the same but for inflection.
INFLECTED = 0.96

_PLURAL = 0.97
_SPELLED_OUT_LETTER = 0.955  # below an inflected word: it is spelling
_INITIAL = 0.5
_ABBREVIATION = 0.85
_SHORT_ABBREVIATION = 0.6
_WORD_INSIDE_WORD = 0.55
_SHORT_WORD_INSIDE_WORD = 0.35
_CONSONANTS = 0.75
_LETTERS_IN_ORDER = 0.6
_EDIT_COST = 1.3
_OTHER_FIRST_LETTER = 0.12
_BOTH_KNOWN = 0.4
_BOTH_KNOWN_LONG = 0.55
_MOST_EDITS = 3
#: Of a shorter word nobody gives the initial alone: "X" is not short for "Xi".
_SHORTEST_WITH_INITIAL = 3
#: Shorter words that begin differently are never alike.
_SHORTEST_WITH_OTHER_START = 3
_DIRECTIONS = ("north", "south", "east", "west")
_SHORTEST_DIRECTED = 5
_VOWELS = frozenset("aeiou")
_THREE, _STEM = 3, 7


def _budget(shorter: Reals) -> Reals:
    """Edits that may be a misspelling, by the length of the shorter word."""
    return np.select([shorter <= 3, shorter <= 5, shorter <= 8], [0.0, 1.0, 2.0], _MOST_EDITS)


def _inflected(short: list[str], long: list[str], prefix: Reals) -> Flags:
    """Singular and plural: shop/shops, church/churches, bakery/bakeries."""
    return np.array(
        [
            len(a) >= 3
            and (
                (p == len(a) and b[len(a) :] in ("s", "es"))
                or (p == len(a) - 1 and a[-1] == "y" and b[len(a) - 1 :] == "ies")
            )
            for a, b, p in zip(short, long, prefix.tolist(), strict=True)
        ],
        dtype=bool,
    )


def _several(short: list[str], long: list[str], listed: Ids) -> Reals:
    """How far the shorter word is a listed short form of the longer one, which may stand for others too.

    Three letters begin too many words: of them only the most frequent meaning counts. ``listed``: positions
    of the short forms that are listed.
    """
    meanings = wordlists.several_meanings()
    value = np.zeros(len(short))
    for position in listed.tolist():
        a, b = short[position], long[position]
        words = meanings.get(a)
        if words and (b in words or (len(a) > _THREE and any(_same_stem(b, word) for word in words))):
            value[position] = _ABBREVIATION
    return value


def is_guess(short: str, long: str) -> bool:
    """Whether a short form may as well stand for another word: three letters, and not their usual meaning."""
    meanings = wordlists.several_meanings().get(short, ())
    return len(short) <= _THREE and long.startswith(short) and long not in meanings[:1]


def _same_stem(one: str, other: str) -> bool:
    return one[:_STEM] == other[:_STEM]


def _direction(word: str) -> str:
    """The direction a word begins or ends with: northgate -> north."""
    for direction in _DIRECTIONS:
        if word.startswith(direction) or word.endswith(direction):
            return direction
    return ""


def _plain(word: str) -> str:
    """A word with its spelled-out umlauts taken back: mueller -> muller."""
    return word.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def _plausible(left: Ids, right: Ids, vocabulary: Vocabulary) -> Ids:
    """Positions of pairs that can be alike at all: same first letter, or few edits between longer words."""
    length, first = vocabulary.length, vocabulary.first_letter
    same_first = first[left] == first[right]
    edited = (np.abs(length[left] - length[right]) <= _MOST_EDITS) & (
        np.minimum(length[left], length[right]) >= _SHORTEST_WITH_OTHER_START
    )
    check = np.flatnonzero(~same_first & edited)
    if check.size:
        texts = vocabulary.texts
        edits = cpdist(
            [texts[i] for i in left[check].tolist()],
            [texts[i] for i in right[check].tolist()],
            scorer=OSA.distance,
            score_cutoff=_MOST_EDITS,
            dtype=np.int32,
        )
        same_first[check[edits <= _MOST_EDITS]] = True
    return np.flatnonzero(same_first)


def word_similarity(left: Ids, right: Ids, vocabulary: Vocabulary) -> Reals:
    """Similarity of pairs of different words, given by their ids. Symmetric."""
    result = np.zeros(len(left))
    plausible = _plausible(left, right, vocabulary)
    result[plausible] = _similarity(left[plausible], right[plausible], vocabulary)
    return result


def _mistyped_spellings(
    similarity: Reals, short: list[str], long: list[str], short_known: Flags, long_known: Flags
) -> None:
    """Raise the similarity where one word is a mistyped spelling of what the other stands for.

    "Bross" is no misspelling of "brothers", but it is one of "bros". Changes ``similarity`` in place.
    """
    spellings = wordlists.other_spellings()
    at: list[int] = []
    words: list[str] = []
    forms: list[str] = []
    for words_known, one, other in ((short_known, short, long), (long_known, long, short)):
        for position in np.flatnonzero(~words_known).tolist():
            found = spellings.get(other[position])
            if found and len(one[position]) >= wordlists.SHORTEST_MISTYPED:
                at.extend([position] * len(found))
                words.extend([one[position]] * len(found))
                forms.extend(found)
    if not at:
        return
    edits = cpdist(words, forms, scorer=OSA.distance, score_cutoff=1, dtype=np.float64)
    for hit in np.flatnonzero(edits <= 1).tolist():
        word, form = words[hit], forms[hit]
        if word[0] == form[0] or _swapped(word, form):
            value = 1 - _EDIT_COST / min(len(word), len(form))
            similarity[at[hit]] = max(similarity[at[hit]], value)


def _swapped(one: str, other: str) -> bool:
    """Whether the first two letters stand the other way round."""
    return len(one) > 1 and one[0] == other[1] and one[1] == other[0]


def _misspelled(short: list[str], long: list[str], edits: Reals, same_first: Flags) -> Reals:
    """Similarity as misspellings of each other, whatever words they are."""
    length = np.fromiter(map(len, short), np.float64, len(short))
    similarity: Reals = 1 - _EDIT_COST * edits / np.maximum(length, 1)
    swapped = np.fromiter(map(_swapped, short, long), bool, len(short))
    similarity -= _OTHER_FIRST_LETTER * ~(same_first | swapped)
    similarity[(edits > _budget(length)) | (~same_first & ~swapped & (length < 5))] = 0.0
    return similarity


def _letters_left_out(short: list[str], long: list[str], possible: Flags) -> Reals:
    """Similarity of words abbreviated by their consonants ("bldrs"), or by leaving out letters."""
    short_length = np.fromiter(map(len, short), np.float64, len(short))
    long_length = np.fromiter(map(len, long), np.float64, len(long))
    in_order = cpdist(short, long, scorer=LCSseq.similarity, dtype=np.float64)
    contained = possible & (in_order == short_length) & (short_length >= 3)
    contained &= long_length - short_length >= 2
    bare = np.fromiter((_VOWELS.isdisjoint(word[1:]) for word in short), bool, len(short))
    long_enough = contained & ~bare & (short_length >= 4) & (short_length * 2 >= long_length)
    return np.select([contained & bare, long_enough], [_CONSONANTS, _LETTERS_IN_ORDER], 0.0)


def _similarity(left: Ids, right: Ids, vocabulary: Vocabulary) -> Reals:
    texts = vocabulary.texts
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    # the shorter word first, equal lengths in alphabetical order: the answer cannot depend on the side
    ordered = [(a, b) if (len(texts[a]), texts[a]) <= (len(texts[b]), texts[b]) else (b, a) for a, b in pairs]
    short, long = [texts[a] for a, _ in ordered], [texts[b] for _, b in ordered]
    if not short:
        return np.zeros(0)
    short_ids, long_ids = (np.array(ids) for ids in zip(*ordered, strict=True))
    short_length = np.fromiter(map(len, short), np.float64, len(short))
    long_length = np.fromiter(map(len, long), np.float64, len(long))
    edits = cpdist(short, long, scorer=OSA.distance, score_cutoff=_MOST_EDITS, dtype=np.float64)
    prefix = cpdist(short, long, scorer=Prefix.similarity, dtype=np.float64)
    short_known, long_known = vocabulary.known[short_ids], vocabulary.known[long_ids]
    both_known = short_known & long_known
    same_first = prefix >= 1

    similarity = _misspelled(short, long, edits, same_first)
    _mistyped_spellings(similarity, short, long, short_known, long_known)
    cap = np.where((edits > 1) | (short_length < 7), _BOTH_KNOWN, _BOTH_KNOWN_LONG)
    similarity = np.where(both_known, np.minimum(similarity, cap), similarity)

    # abbreviation by its beginning
    begins = (prefix == short_length) & (short_length >= 3) & (long_length - short_length >= 2)
    unknown_value = np.where(long_known, _ABBREVIATION, _SHORT_ABBREVIATION)
    known_value = np.where(short_length >= 5, _WORD_INSIDE_WORD, _SHORT_WORD_INSIDE_WORD)
    mistyped = np.where(both_known, 0.0, similarity)
    similarity = np.where(
        begins, np.maximum(np.where(short_known, known_value, unknown_value), mistyped), similarity
    )

    similarity = np.maximum(similarity, _several(short, long, np.flatnonzero(vocabulary.several[short_ids])))

    contained = same_first & ~short_known & long_known & ~begins
    similarity = np.maximum(similarity, _letters_left_out(short, long, contained))

    # inflection, umlauts, initials, numbers
    similarity[_inflected(short, long, prefix)] = _PLURAL
    close = np.flatnonzero((edits <= 2) & (long_length > 3))
    spelled_out = [
        i for i in close.tolist() if len(short[i]) != len(long[i]) and _plain(short[i]) == _plain(long[i])
    ]
    similarity[spelled_out] = _SPELLED_OUT_LETTER
    similarity[short_length == 1] = 0.0
    similarity[(short_length == 1) & same_first & (long_length >= _SHORTEST_WITH_INITIAL)] = _INITIAL
    similarity[vocabulary.exact_only[short_ids] | vocabulary.exact_only[long_ids]] = 0.0
    directed = np.flatnonzero((edits <= _MOST_EDITS) & (short_length >= _SHORTEST_DIRECTED))
    similarity[[i for i in directed.tolist() if _direction(short[i]) != _direction(long[i])]] = 0.0
    result: Reals = np.clip(similarity, 0.0, 1.0)
    return result
