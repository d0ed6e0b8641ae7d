"""The words of both lists as numbers: how telling each is, and what kind of word it is.

A word is worth the more the rarer it is: weight = -ln(share), the share being the larger of its share in the
two lists and its share among business names at large (``data/background_words.txt``).
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from integrations.matching import wordlists
from integrations.matching.contacts import HOST_ENDING

Ids = npt.NDArray[np.signedinteger[Any]]
Reals = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]

NOTHING = -1  # stands for "no word" in padded arrays of word ids

LIGHTEST, HEAVIEST = 1.2, 9.0
NUMBER_LIGHTEST, NUMBER_HEAVIEST = 5.0, 7.0
#: One name on either side is the pair itself and says nothing about how common a word is.
OWN_OCCURRENCES = 2
#: The lists count as at least this long, so that a word of a short list does not look common.
SMOOTHING = 100
SMALLEST_LIST = 256
#: A word counts as known, that is no likely misspelling, from this many occurrences on.
KNOWN_IN_BACKGROUND = 4
KNOWN_IN_LISTS = 6
SHORTEST_ORDINARY = 5
#: Kinds of public bodies, and which of them people exchange for one another.
BODIES = ("city", "county", "borough", "district", "town", "village", "township", "parish", "municipality")
#: Words of a list that is short beside the words of a press.
FEW = 1_000
#: What "head office" and its like are read as.
MAIN_SITE = "hq"


@cache
def background() -> tuple[int, dict[str, int]]:
    """How many business names were counted, and in how many of them each word stands."""
    total, counts = 0, {}
    for line in (wordlists.DATA / "background_words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        word, _space, count = line.partition(" ")
        if word == "(names)":
            total = int(count)
        else:
            counts[word] = int(count)
    return max(total, 1), counts


_FIRST_EAST_ASIAN = "\u2e80"


def is_number(word: str) -> bool:
    """Whether a word identifies by its digits: "42", "3rd", "b12"; not a long word with a digit in it."""
    return word[0].isdigit() or (len(word) <= 5 and word[-1].isdigit())


def is_exact_only(word: str) -> bool:
    """Whether a single other character makes another word: digits, and scripts whose signs are syllables."""
    if word.isascii():
        return not word.isalpha()
    return any(c.isdigit() or c > _FIRST_EAST_ASIAN for c in word)


@cache
def _kinds_of_words() -> dict[str, frozenset[str]]:
    """Name of a kind, as ``Vocabulary`` has it -> the words of the lists that are of it."""
    regions = wordlists.regions()[0]
    return {
        "ordinary": wordlists.common_words(),
        "in_dictionary": wordlists.dictionary_words(),
        "place": frozenset([*regions, *regions.values(), "uk", "us", "usa", "new"]),
        "neutral": wordlists.neutral_words(),
        "structural": wordlists.structural_words(),
        "trade": wordlists.trade_words(),
        "small": wordlists.small_words(),
        "role": wordlists.body_role_words(),
        "particle": wordlists.particles(),
        "light_role": wordlists.light_role_words(),
        "practice": wordlists.practice_words(),
        "site": wordlists.site_words(),
        "direction": wordlists.directions(),
        "listed_place": wordlists.places(),
        "surname": wordlists.surnames(),
        "given": wordlists.given_names(),
        "several": frozenset(wordlists.several_meanings()),
        "main_site": frozenset([MAIN_SITE, "main"]),
        "agency": wordlists.agency_words(),
        "host": frozenset([HOST_ENDING]),
        # "Parkview I" is not "Parkview II"; as a number wherever it stands, "1" would be a common word
        "roman_one": frozenset(["i"]),
        "beyond_one": frozenset(["1", "1st"]),  # numbers but for these
    }


@cache
def _words_of_short_lists() -> frozenset[str]:
    """All words of those lists that hold few."""
    return frozenset[str]().union(*(words for words in _kinds_of_words().values() if len(words) <= FEW))


class Vocabulary:
    """Words by id (``ids``), and after ``weigh`` what each is worth: arrays by word id, -1 for no word."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.weight: Reals = np.zeros(0)
        self.number: Flags = np.zeros(0, bool)
        self.exact_only: Flags = np.zeros(0, bool)
        self.ordinary: Flags = np.zeros(0, bool)
        self.known: Flags = np.zeros(0, bool)
        self.in_dictionary: Flags = np.zeros(0, bool)
        self.neutral: Flags = np.zeros(0, bool)
        self.structural: Flags = np.zeros(0, bool)
        self.trade: Flags = np.zeros(0, bool)
        self.place: Flags = np.zeros(0, bool)
        self.small: Flags = np.zeros(0, bool)
        self.role: Flags = np.zeros(0, bool)
        self.light_role: Flags = np.zeros(0, bool)
        self.particle: Flags = np.zeros(0, bool)
        self.practice: Flags = np.zeros(0, bool)
        self.site: Flags = np.zeros(0, bool)
        self.body: Ids = np.zeros(0, np.int32)
        self.attested: Flags = np.zeros(0, bool)
        self.given: Flags = np.zeros(0, bool)
        self.town: Flags = np.zeros(0, bool)
        self.listed_place: Flags = np.zeros(0, bool)
        self.direction: Flags = np.zeros(0, bool)
        self.surname: Flags = np.zeros(0, bool)
        self.several: Flags = np.zeros(0, bool)
        self.main_site: Flags = np.zeros(0, bool)
        self.agency: Flags = np.zeros(0, bool)
        self.host: Flags = np.zeros(0, bool)
        self.roman_one: Flags = np.zeros(0, bool)
        self.beyond_one: Flags = np.zeros(0, bool)
        self.length: Ids = np.zeros(0, np.int32)
        self.first_letter: Ids = np.zeros(0, np.int32)
        self.texts: list[str] = []

    def weigh(self, ours: Ids, theirs: Ids, names: int) -> None:
        """Fill the arrays. ``ours``, ``theirs``: in how many of the ``names`` of each list each word stands.

        The number of names is rounded up to a power of two, so that one more company does not shift every
        weight by a hair.
        """
        self.texts = list(self.ids)
        self.length = np.fromiter(map(len, self.texts), np.int32, len(self.texts))
        self.first_letter = np.fromiter((ord(word[0]) for word in self.texts), np.int32, len(self.texts))
        total, counts = background()
        size = SMALLEST_LIST
        while size < names:
            size *= 2
        occurrences = ours + theirs
        everywhere = np.array([counts.get(word, 0) for word in self.texts], dtype=np.float64)
        here = np.maximum(occurrences - OWN_OCCURRENCES, 0) / (size + SMOOTHING)
        share = np.maximum(everywhere / total, here) + 1 / (total + 1)
        self.number = np.array([is_number(word) for word in self.texts], dtype=bool)
        self.exact_only = np.array([is_exact_only(word) for word in self.texts], dtype=bool)
        weight = np.clip(-np.log(share), LIGHTEST, HEAVIEST)
        self.weight = np.where(self.number, np.clip(weight, NUMBER_LIGHTEST, NUMBER_HEAVIEST), weight)
        self._tell_kinds()
        self.weight[self.small] = LIGHTEST
        # a spelling that one list always uses and nobody else is a manner of writing, not another word
        here_and_there = (occurrences >= KNOWN_IN_LISTS) & ((np.minimum(ours, theirs) > 0) | (everywhere > 0))
        background_known = everywhere >= KNOWN_IN_BACKGROUND
        # a word that many business names hold says what they do, unless it is a name of its own
        self.ordinary |= background_known & ~self.attested & ~self.given & (self.length >= SHORTEST_ORDINARY)
        self.known = self.ordinary | background_known | here_and_there
        self.known &= ~self.several
        self._pad()

    def _pad(self) -> None:
        """Append what stands for "no word" (-1): no weight, of no kind."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, np.append(value, np.zeros(1, value.dtype)))

    def _tell_kinds(self) -> None:
        """What kind of word each is, by the lists."""
        kinds, texts = _kinds_of_words(), self.texts
        listed = _words_of_short_lists()
        some = [position for position, text in enumerate(texts) if text in listed]
        for name, words in kinds.items():
            flags = np.zeros(len(texts), bool)
            if len(words) <= FEW:
                flags[[position for position in some if texts[position] in words]] = True
            else:
                flags = np.fromiter(map(words.__contains__, texts), bool, len(texts))
            setattr(self, name, flags)
        self.town = self.listed_place | self.direction | self.place
        self.attested = (self.listed_place | self.surname | self.given) & (self.length > 2)
        common = wordlists.common_words()
        self.ordinary |= np.fromiter(
            (word[-1] == "s" and word[:-1] in common for word in texts), bool, len(texts)
        )
        bodies = {word: BODIES.index(kind) + 1 for word, kind in wordlists.body_words().items()}
        self.body = np.fromiter((bodies.get(word, 0) for word in texts), np.int32, len(texts))
        self.given |= (self.length == 1) & ~self.exact_only
        self.beyond_one = self.number & ~self.beyond_one
