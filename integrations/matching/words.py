"""From a piece of a name to its words: folding, splitting, legal forms, canonical spellings."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from integrations.matching import wordlists

_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'", "“": '"', "”": '"', "–": "-", "—": "-"}
)
#: Vowel signs that are no letters of their own: Hebrew, Arabic, Indic, Thai, Lao.
_SIGNS = (
    "\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d"
    "\u0b3c-\u0b4d\u0bbe-\u0bcd\u0c3e-\u0c4d\u0cbc-\u0ccd\u0d3e-\u0d4d\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd"
)
_WORD = re.compile(rf"(?:[^\W_]|[{_SIGNS}])+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_DOTTED_INITIALS = re.compile(r"\b(?:[^\W\d_]\.\s?){2,}(?:[^\W\d_]\b)?")
_LOST_APOSTROPHE = re.compile(r"(?<=[^\W\d_])\?(?=s\b)", re.IGNORECASE)
_SHORT_AND = re.compile(r"(?<=\w)(?:\s*'n'\s*|\s+'n\s+|\s+n'\s+)(?=\w)")
_APOSTROPHE_WORD = re.compile(r"[^\W_]+(?:'[^\W_]*)+")
_ANY_DIGIT = re.compile(r"\d")
_NUMBER_SIGN = re.compile(r"\b(?:no|nr|n°)\.?\s*#?(?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_JOINED_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z][a-z]{2})|(?<=[A-Z]{2})(?=[A-Z][a-z]{3})")
#: The same as one piece that consumes letters, which is found faster.
_ANY_JOINED = re.compile(r"[a-z][A-Z][a-z]{2}|[A-Z]{3}[a-z]{3}")
_KEPT_TOGETHER = frozenset(
    ["mc", "mac", "van", "de", "la", "le", "o", "d", "fitz", "di", "du", "san", "i", "e", "g"]
)
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}

_LEGAL = wordlists.legal_forms()
#: Last word of a legal form -> how many words such forms have, longest first.
_LEGAL_LENGTHS = {
    last: sorted({len(words) for words in _LEGAL if words[-1] == last}, reverse=True)
    for last in {words[-1] for words in _LEGAL}
}
_LEGAL_ANYWHERE = {
    words[0]: kind for words, (kind, anywhere) in _LEGAL.items() if anywhere and len(words) == 1
}
_LEGAL_ANYWHERE_WORDS = frozenset(_LEGAL_ANYWHERE)
_DROPPED = wordlists.dropped_words()
#: Before these words "e" is not the east but "and": "Sousa e Filhos", "Rossi e Figli".
_JOINED_BY_E = frozenset(
    ["filho", "filhos", "filha", "filhas", "irmao", "irmaos", "cia", "figlio", "figli", "hijo", "hijos"]
)
_LIGHT = _DROPPED | wordlists.neutral_words() | wordlists.structural_words()
_REGION_SHORT_FORMS, _REGION_PHRASES, _REGION_SHORT = wordlists.regions()
_REGION_NAMES = frozenset(_REGION_SHORT_FORMS)
_REGION_FIRST_WORDS = frozenset(words[0] for words in _REGION_PHRASES)
_CANONICAL = {**wordlists.abbreviations(), **_REGION_SHORT}
#: Words that are compared as another one.
_CHANGED = frozenset(_CANONICAL) | frozenset(_ROMAN) | {"co"}
#: Longer acronyms are not looked for.
MOST_INITIALS = 7

_KIN = wordlists.kin_words()
_LETTERS = wordlists.transliterations()
#: What stands before a body without telling which one it is.
_BEFORE_BODY = {
    **dict.fromkeys(("borough", "boro"), frozenset(["london", "royal", "metropolitan"])),
    **dict.fromkeys(("diocese", "archdiocese"), frozenset(["roman", "catholic"])),
}
_SPELLED_OUT = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ø": "oe",
        "å": "aa",
        "ё": "yo",
        "đ": "dj",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Ø": "Oe",
        "Å": "Aa",
        "Ё": "Yo",
        "Đ": "Dj",
    }
)
_FIRST_EAST_ASIAN = "\u2e80"


@dataclass(slots=True)  # not frozen: thousands are made a press, and freezing doubles the cost
class Words:
    """The words of one piece of a name.

    ``core`` is what is compared; ``legal`` the spellings of legal forms taken off, ``classes`` what they
    mean; ``squash`` all words as written, without the legal form and without spaces; ``initials``
    the acronyms the words may be known by; ``apostrophes`` the words written with one; ``joined`` the
    words behind an "and" that are more than kin ("Tool & Die").
    """

    core: tuple[str, ...]
    legal: tuple[str, ...]
    classes: tuple[str, ...]
    squash: str
    initials: tuple[str, ...]
    apostrophes: tuple[str, ...]
    joined: tuple[str, ...] = ()


def fold(text: str) -> str:
    """Unify compatibility forms and quotes; write letters of other alphabets in ASCII where a table knows.

    A letter that no table knows (Chinese, Arabic, ...) stays, so that such names still equal themselves.
    """
    if text.isascii():
        return text.replace("`", "'") if "`" in text else text
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    if text.isascii():
        return text
    if text > _FIRST_EAST_ASIAN or any(letter > _FIRST_EAST_ASIAN for letter in text):
        text = text.translate(wordlists.simplified_chinese())
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.translate(_LETTERS)


def spelled_out(text: str) -> str:
    """Umlauts and their like written out: "Müller" -> "Mueller", "Ångström" -> "Aangstroem"."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_SPELLED_OUT)


_LEADING = wordlists.leading_legal_forms()
_LEGAL_LEADING = {tuple(fold(form).split()): kind for form, kind in _LEADING.items() if fold(form).isascii()}
_LEADING_FIRST_WORDS = frozenset(words[0] for words in _LEGAL_LEADING)
_LEADING_LONGEST = max(len(words) for words in _LEGAL_LEADING)
_DOUBTFUL_LEADING = wordlists.doubtful_leading_forms()
#: Longest first, so that a form is not mistaken for the end of another.
_LEGAL_JOINED = sorted(
    ((fold(form), kind) for form, kind in _LEADING.items() if not fold(form).isascii()),
    key=lambda entry: (-len(entry[0]), entry[0]),
)
#: Legal forms of scripts without spaces, folded, longest first.
JOINED_FORMS = tuple(form for form, _ in _LEGAL_JOINED)
_TITLES = wordlists.titles()
_PROFESSOR = wordlists.abbreviations()["prof"]
#: Of which faculty a title is: "Dr. med. dent."
_DEGREES = frozenset(["med", "dent", "vet", "jur", "phil", "rer", "nat", "ing", "univ", "iur", "habil"])
#: Before these words "co" is a county: "Ferris Co. Sheriff".
_OF_COUNTY = wordlists.agency_words() | frozenset(["council", "schools", "school", "government", "roads"])


def squashed(text: str) -> str:
    """Lower-case letters and digits only: "St. Mary's" -> "stmarys"."""
    lowered = fold(text).lower()
    return lowered if lowered.isalnum() else "".join(_WORD.findall(lowered))


def split_joined(text: str) -> str:
    """Put a space where two words were written together: "SymphonyLandscaping" -> "Symphony Landscaping"."""
    if text.isupper() or text.islower() or not _ANY_JOINED.search(text):
        return text
    pieces = _JOINED_WORDS.split(text)
    joined = pieces[0]
    for piece in pieces[1:]:
        head = _WORD.findall(joined)[-1:]
        together = bool(head) and head[0].lower() in _KEPT_TOGETHER
        joined += piece if together else " " + piece
    return joined


def _without_joined_forms(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Take legal forms off either end of words in a script without spaces: "株式会社田中" -> "田中"."""
    core, legal, classes = [], [], []
    for word in words:
        rest = word
        for form, kind in () if word.isascii() else _LEGAL_JOINED:
            if form in rest and (rest != form or len(words) > 1):
                shorter = rest.removeprefix(form) if rest.startswith(form) else rest.removesuffix(form)
                if shorter != rest:
                    rest = shorter
                    legal.append(form)
                    classes.append(kind)
        if rest:
            core.append(rest)
    return (core, legal, classes) if core else (words, [], [])


def _without_leading_form(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Take a legal form off the front, if what follows is a name and not only a trade: "pt clinic" stays."""
    for length in range(min(_LEADING_LONGEST, len(words) - 1), 0, -1):
        kind = _LEGAL_LEADING.get(tuple(words[:length]))
        if kind and any(len(word) > 2 and word not in _LIGHT for word in words[length:]):
            return words[length:], [" ".join(words[:length])], [kind]
    return words, [], []


def _without_legal_forms(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Take legal forms off the end (repeatedly) and unmistakable ones out of the middle."""
    core, legal, classes = words, [], []
    while len(core) > 1 and core[-1] in _LEGAL_LENGTHS:
        for length in _LEGAL_LENGTHS[core[-1]]:
            tail = tuple(core[-length:])
            if length < len(core) and tail in _LEGAL and not _DROPPED.issuperset(core[:-length]):
                core = core[:-length]
                legal.append(" ".join(tail))
                classes.append(_LEGAL[tail][0])
                if core[-1] == "and" and len(core) > 1:
                    core = core[:-1]
                break
        else:
            break
    if len(core) > 2 and not _LEGAL_ANYWHERE_WORDS.isdisjoint(core):
        for position in range(len(core) - 1, 0, -1):
            word = core[position]
            if word in _LEGAL_ANYWHERE:
                core = core[:position] + core[position + 1 :]
                legal.append(word)
                classes.append(_LEGAL_ANYWHERE[word])
    return core, legal, classes


def without_doubtful_form(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words without titles, or a form in front, that may be the name: "dr ostrander", "oy kuusamaki"."""
    if len(words) < 2 or _DOUBTFUL_LEADING.isdisjoint(words):
        return words
    kept: list[str] = []
    title = ""  # the word before, where it was a title
    for position, (word, following) in enumerate(zip(words, (*words[1:], ""), strict=True)):
        is_title = (
            word in _TITLES
            or (word == _PROFESSOR and following in _TITLES)
            or (bool(title) and word in _DEGREES)
            or (position == 0 and word in _DOUBTFUL_LEADING)
        )
        title = word if is_title else ""
        if not is_title:
            kept.append(word)
    return tuple(kept) if any(word not in _LIGHT for word in kept) else words


def _join_initials(words: list[str]) -> list[str]:
    """Single letters in a row become one word: "j and j plumbing" -> "jj plumbing"."""
    joined: list[str] = []
    run = ""
    for position, word in enumerate(words):
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if word == "and" and run and position + 1 < len(words):
            following = words[position + 1]
            if len(following) == 1 and following.isalpha():
                continue
        if run:
            joined.append(run)
            run = ""
        joined.append(word)
    if run:
        joined.append(run)
    return joined


def _join_regions(words: list[str]) -> list[str]:
    """ "new mexico" becomes one word, so that it can equal "nm"."""
    joined: list[str] = []
    position = 0
    while position < len(words):
        if words[position] in _REGION_FIRST_WORDS:
            for length in (4, 3, 2):
                phrase = tuple(words[position : position + length])
                if len(phrase) == length and phrase in _REGION_PHRASES:
                    joined.append(_REGION_PHRASES[phrase])
                    position += length
                    break
            else:
                joined.append(words[position])
                position += 1
            continue
        joined.append(words[position])
        position += 1
    return joined


def _plain_bodies(words: list[str]) -> list[str]:
    """ "london borough" is a borough, "roman catholic diocese" a diocese."""
    kept: list[str] = []
    for word in reversed(words):
        if not (kept and word in _BEFORE_BODY.get(kept[-1], ())):
            kept.append(word)
    return kept[::-1] if len(kept) > 1 else words


def _without_articles(words: list[str], articles: frozenset[str]) -> list[str]:
    """Drop what weighs nothing; a letter that is "and" elsewhere only between two words."""
    last = len(words) - 1
    kept = []
    for position, word in enumerate(words):
        light = (word in articles or word in _DROPPED) and (len(word) > 1 or 0 < position < last)
        if not light or (word == "e" and words[position + 1] not in _JOINED_BY_E):
            kept.append(word)
    return kept


def _acronyms(words: list[str], kept: list[str], legal: list[str]) -> tuple[str, ...]:
    """First letters: of the words that are compared, of all words, and with the legal form's letter."""
    short = "".join([word[0] for word in kept])
    if kept is words and not legal and "and" not in words:
        return (short,) if 2 <= len(short) <= MOST_INITIALS else ()
    found = {short}
    if kept is not words or "and" in words:
        found.add("".join([word[0] for word in words if word != "and"]))
    if legal:
        found.add(short + legal[-1][0])
    return tuple(sorted([text for text in found if 2 <= len(text) <= MOST_INITIALS]))


def _unified_signs(lowered: str) -> tuple[str, tuple[str, ...]]:
    """A text in small letters with its initials joined and "&" written out; its words with an apostrophe."""
    if "." in lowered:
        lowered = _DOTTED_INITIALS.sub(
            lambda found: " " + found.group(0).replace(".", "").replace(" ", "") + " ", lowered
        )
    if "n" in lowered and _ANY_DIGIT.search(lowered):
        lowered = _NUMBER_SIGN.sub(" ", lowered)
    if "," in lowered:
        lowered = _THOUSANDS.sub("", lowered)
    if "?" in lowered:  # "Children?s": the sign another program could not write
        lowered = _LOST_APOSTROPHE.sub("'", lowered)
    apostrophes: tuple[str, ...] = ()
    if "'" in lowered:
        if "n" in lowered:  # "Shop 'n Save"
            lowered = _SHORT_AND.sub(" and ", lowered)
        apostrophes = tuple(_APOSTROPHE_WORD.findall(lowered))
        lowered = lowered.replace("'", "")
    if "co-op" in lowered:
        lowered = lowered.replace("co-op", "coop")
    if "&" in lowered:
        lowered = lowered.replace("&", " and ")
    if "+" in lowered:
        lowered = lowered.replace("+", " and ")
    return lowered, apostrophes


def _split_off_forms(words: list[str], is_ascii: bool) -> tuple[list[str], list[str], list[str], list[str]]:
    """Words without a form in front, the words to be compared, legal forms and their classes."""
    legal: list[str] = []
    classes: list[str] = []
    if not is_ascii:
        words, legal, classes = _without_joined_forms(words)
    core = words
    if len(words) > 1:
        if words[0] in _LEADING_FIRST_WORDS:
            words, leading, leading_classes = _without_leading_form(words)
            legal, classes = legal + leading, classes + leading_classes
        core, trailing, trailing_classes = _without_legal_forms(words)
        legal, classes = legal + trailing, classes + trailing_classes
        if not _REGION_FIRST_WORDS.isdisjoint(core):
            core = _join_regions(core)
    return words, core, legal, classes


def _canonical(core: list[str]) -> tuple[str, ...]:
    """Words as they are compared: short forms written out, numbers as digits."""
    if _CHANGED.isdisjoint(core) and not any(word[0] == "0" for word in core):
        return tuple(core)
    canonical = []
    for position, word in enumerate(core):
        other = _CANONICAL.get(word)
        if word == "co" and core[position + 1 : position + 2] and core[position + 1] in _OF_COUNTY:
            canonical.append("county")
        elif other is not None:
            canonical.append(other)
        elif position and word in _ROMAN:
            canonical.append(_ROMAN[word])
        elif word[0] == "0" and word.isdigit():
            canonical.append(word.lstrip("0") or "0")
        else:
            canonical.append(word)
    return tuple(canonical)


def _behind_and(words: list[str], core: list[str]) -> tuple[str, ...]:
    """Words behind an "and" that are compared and more than kin."""
    return tuple(
        _CANONICAL.get(word, word)
        for before, word in pairwise(words)
        if before == "and" and word not in _KIN and word in core
    )


def is_region(core: tuple[str, ...]) -> bool:
    """Whether compared words are one state or province."""
    return len(core) == 1 and core[0] in _REGION_NAMES


def read_words(text: str, articles: frozenset[str] = frozenset()) -> Words:
    """Split one folded piece of a name into words. A piece without letters and digits gives no words.

    ``articles``: small words that weigh nothing in the language of the name.
    """
    lowered, apostrophes = _unified_signs(text.lower())
    is_ascii = lowered.isascii()
    words = (_ASCII_WORD if is_ascii else _WORD).findall(lowered)
    if words and min(map(len, words)) == 1:
        words = _join_initials(words)
    words, core, legal, classes = _split_off_forms(words, is_ascii)
    if not _BEFORE_BODY.keys().isdisjoint(core):
        core = _plain_bodies(core)
    squash = "".join(core)
    initials: tuple[str, ...] = ()
    if len(core) > 1:
        kept = core
        if not (_DROPPED.isdisjoint(core) and articles.isdisjoint(core)):
            kept = _without_articles(core, articles)
        initials = _acronyms(core, kept, legal)
        core = kept or core
    joined = _behind_and(words, core) if "and" in words else ()
    return Words(_canonical(core), tuple(legal), tuple(classes), squash, initials, apostrophes, joined)
