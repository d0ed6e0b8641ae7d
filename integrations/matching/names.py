"""Read a company name as people write it: marks, decorations, client codes, second names, qualifiers.

``read_name`` gives the forms under which a name may be compared. ``steps`` collects every step for a person
who asks how a name was read.
"""

import enum
import re
from dataclasses import dataclass, replace

from integrations.matching import wordlists
from integrations.matching.words import Words, fold, read_words, split_joined

Steps = list[tuple[str, str]]


class FormKind(enum.IntEnum):
    """Which part of the written name a form is."""

    FULL = 0  # the whole first name
    OTHER = 1  # a second name after "dba", "t/a", "formerly", ...
    HEAD = 2  # without what stands in brackets or after a dash
    TAIL = 3  # only what stands after the dash


_FORM_LABELS = {
    FormKind.FULL: "compared as",
    FormKind.OTHER: "second name",
    FormKind.HEAD: "without its addition",
    FormKind.TAIL: "the addition alone",
}


@dataclass(frozen=True, slots=True)
class Form:
    """One way to read a name: its words, and the words set aside as a qualifier."""

    words: tuple[str, ...]
    kind: FormKind
    qualifier: tuple[str, ...]
    squash: str
    initials: tuple[str, ...]
    apostrophes: tuple[str, ...]
    repeats: tuple[str, ...]  # words that stand twice in one piece: "Banks & Banks"


@dataclass(frozen=True, slots=True)
class ParsedName:
    """A name after reading. ``forms`` is empty when the text holds no letter or digit."""

    forms: tuple[Form, ...]
    legal: tuple[str, ...]
    classes: frozenset[str]
    is_marked_inactive: bool
    squash: str  # the whole text, folded, letters and digits only


def _phrases(section: str, *, capitals: bool = False) -> str:
    """An alternation of the phrases of one section of marks.txt; a space stands for any separator."""
    phrases = wordlists.marks()[section]
    if capitals:
        phrases = tuple(phrase.upper() for phrase in phrases)
    return "|".join(re.escape(phrase).replace(r"\ ", r"[\s_\-]*") for phrase in phrases)


_STRONG, _WEAK, _DECORATION = (_phrases(s) for s in ("inactive", "inactive when set apart", "decoration"))
_YEAR = r"(?:[\s,]*(?:in|on|as of)?[\s,]*(?:\d{1,2}[./-])*(?:19|20)\d\d)?"
_MARK_WORDS = frozenset(
    re.split(r"\W+", phrase)[0]
    for s in ("inactive", "inactive when set apart")
    for phrase in wordlists.marks()[s]
) | {"z", "x"}
_DECORATION_WORDS = frozenset(re.split(r"\W+", phrase)[0] for phrase in wordlists.marks()["decoration"])
_PLACES = frozenset(wordlists.regions()[0].values()) | {"uk", "usa", "us", "can", "new", "adr"}
_FIRST_WORDS = re.compile(r"[a-z]+")

_INACTIVE_PATTERNS = (
    re.compile(r"^\W*(?:z{2,}|x{2,})(?=[\s_\-.*:])[\s_\-.*:]*", re.IGNORECASE),
    re.compile(rf"[(\[{{<*]+\s*(?:{_STRONG}|{_WEAK}){_YEAR}\s*(?:[)\]}}>*]+|$)", re.IGNORECASE),
    re.compile(rf"(?:\s[-|/:]+\s*|_+|\s*--+\s*)(?:{_STRONG}|{_WEAK}){_YEAR}\s*\*?$", re.IGNORECASE),
    re.compile(rf"^\W*(?:{_STRONG}|{_WEAK})\s*(?:[-|/:_*]+)\s*", re.IGNORECASE),
    re.compile(rf"^\W*(?:{_STRONG})\b[\s\-:_*]+", re.IGNORECASE),
    re.compile(rf"[\s_]+(?:{_STRONG}){_YEAR}\s*\*?$", re.IGNORECASE),
)
_CAPITAL_WEAK_MARK = re.compile(rf"\s(?:{_phrases('inactive when set apart', capitals=True)})$")
_DECORATION_PATTERNS = (
    re.compile(rf"[(\[]\s*(?:{_DECORATION})\s*[)\]]", re.IGNORECASE),
    re.compile(rf"\s[-|]\s*(?:{_DECORATION})\s*$", re.IGNORECASE),
    re.compile(rf"^\s*(?:{_DECORATION})\s*:\s*", re.IGNORECASE),
)
_JURISDICTION = re.compile(r"\s*[/\\]+\s*([A-Za-z]{2,4})\s*[/\\]*\s*$")
_STARS = re.compile(r"^[\s*]+|[\s*]+$")
_CODE_PATTERNS = (
    re.compile(r"^\s*[A-Za-z]{2,6}[-_]?\d{2,6}\s*(?:\s-+\s*|[:|]\s*|\s[-:|]+\s+)"),
    re.compile(r"^\s*#?\d{3,8}\s*(?:\s-+\s+|[:|]\s*)"),
    re.compile(r"\s*[\[(]#?\s*[A-Z]{0,4}-?\d{3,8}\s*[\])]\s*$"),
    re.compile(r"\s+#\s?\d{5,8}\s*$"),
)
_SECOND_NAME = re.compile(
    r"""\s*[,\-(\[]*\s*(?:
        \bd\s*[./]?\s*b\s*[./]?\s*a\b\.? | \bdoing\ business\ as\b | \bt\s*/\s*a\b | \btrading\ as\b
      | \ba\s*[./]?\s*k\s*[./]?\s*a\b\.? | \balso\ known\ as\b | \bknown\ as\b
      | \bf\s*[./]?\s*k\s*[./]?\s*a\b\.? | \bformerly(?:\ known\ as)?\b | \bn\s*/\s*k\s*/\s*a\b
      | \boperating\ as\b | \bo\s*/\s*a\b
    )\s*[:\-]?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_SECOND_NAME_WORDS = frozenset(["dba", "aka", "fka", "nka", "as", "formerly"])
_SPELLED_DBA = (frozenset("dba"), frozenset("aka"), frozenset("fka"))
_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]?")
_DASH = re.compile(r"\s+[-|/:]+\s+|\s*\|\s*|\s*/\s+|:\s+|\s-+(?=\w)|(?<=\w)-+\s")
_DIGIT = re.compile(r"\d")
_ONE_PIECE = re.compile(r"[^\W_][^()\[\]\-|/:]*")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_TWO_LETTERS = re.compile(r"[^\W_][^\W_]")
_SIGNS = frozenset("([-|:")
_EDGES = " -_,;:()[]/|"


def _note(steps: Steps | None, what: str, text: str) -> None:
    if steps is not None:
        steps.append((what, text))


def _without_marks(text: str, lowered: str, first_words: set[str]) -> tuple[str, bool]:
    """Remove marks such as "(do not use)". Never leaves fewer than two letters: "Old" alone is a name."""
    if "zz" not in lowered and "xx" not in lowered and first_words.isdisjoint(_MARK_WORDS):
        return text, False
    marked = False
    for pattern in _INACTIVE_PATTERNS:
        shorter = pattern.sub(" ", text).strip()
        if shorter != text and _TWO_LETTERS.search(shorter):
            text, marked = shorter, True
    shorter = _CAPITAL_WEAK_MARK.sub("", text)
    if shorter != text and not shorter.isupper() and _TWO_LETTERS.search(shorter):
        text, marked = shorter, True
    return text, marked


def _without_decorations(text: str, words: set[str]) -> str:
    """Remove "[client]", "VIP -", "*", client codes; never the whole name."""
    patterns: list[re.Pattern[str]] = []
    if "*" in text:
        patterns.append(_STARS)
    if not _SIGNS.isdisjoint(text):
        if not _DECORATION_WORDS.isdisjoint(words):
            patterns.extend(_DECORATION_PATTERNS)
        if _DIGIT.search(text):
            patterns.extend(_CODE_PATTERNS)
    elif "#" in text:
        patterns.append(_CODE_PATTERNS[3])
    for pattern in patterns:
        shorter = pattern.sub(" ", text)
        if _TWO_LETTERS.search(shorter):
            text = shorter
    return text.strip()


def _names(text: str, words: set[str]) -> list[str]:
    """Split at "dba" and its like. A trailing marker without a second name is dropped."""
    spelled = "a" in words and any(letters <= words for letters in _SPELLED_DBA)
    if "/" not in text and not spelled and _SECOND_NAME_WORDS.isdisjoint(words):
        return [text]
    parts = [part.strip(_EDGES) for part in _SECOND_NAME.split(text)]
    return [part for part in parts if _LETTER_OR_DIGIT.search(part)] or [text]


def _segments(name: str) -> list[str]:
    """The head of a name and what stands in brackets or after a dash, each with a letter or digit."""
    if _ONE_PIECE.fullmatch(name):
        return [name]
    segments = [name]
    bracketed: list[str] = []
    if "(" in name or "[" in name:
        bracketed = [found for found in _BRACKETS.findall(name) if _LETTER_OR_DIGIT.search(found)]
        segments = [_BRACKETS.sub(" ", name).strip(" -,;")]
    if any(sign in segments[0] for sign in "-|/:"):
        segments = _DASH.split(segments[0])
    return [part for part in segments if _LETTER_OR_DIGIT.search(part)] + bracketed


def _repeated(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words that stand twice; a whole name written twice ("Onward House Onward House") repeats nothing."""
    if len(set(words)) == len(words):
        return ()
    for length in range(len(words) // 2, 1, -1):
        if words[:length] == words[length : 2 * length]:
            return _repeated(words[length:])
    return tuple(word for position, word in enumerate(words) if word in words[:position])


def _form(words: Words, kind: FormKind, qualifier: tuple[str, ...]) -> Form:
    repeats = _repeated(words.core)
    return Form(words.core, kind, qualifier, words.squash, words.initials, words.apostrophes, repeats)


def _forms_of(name: str, is_first: bool) -> tuple[list[Form], list[str], list[str]]:
    """The forms of one name between second-name markers, with its legal forms and their classes."""
    read = [words for words in map(read_words, _segments(name)) if words.core]
    kind = FormKind.FULL if is_first else FormKind.OTHER
    if not read:
        return [], [], []
    if len(read) == 1:
        return [_form(read[0], kind, ())], list(read[0].legal), list(read[0].classes)
    legal = [spelling for words in read for spelling in words.legal]
    classes = [kind for words in read for kind in words.classes]
    pieces = list({words.core: words for words in reversed(read)}.values())[::-1]  # "Acme - Acme" is Acme
    if len(pieces) == 1:
        return [_form(pieces[0], kind, ())], legal, classes

    def joined(parts: list[Words]) -> tuple[str, ...]:
        return tuple(word for words in parts for word in words.core)

    head, tail = pieces[0], pieces[-1]
    apostrophes = tuple(word for words in pieces for word in words.apostrophes)
    repeats = tuple(word for words in pieces for word in _repeated(words.core))
    forms = [
        Form(joined(pieces), kind, (), "".join(words.squash for words in pieces), (), apostrophes, repeats),
        _form(head, FormKind.HEAD, joined(pieces[1:])),
        replace(_form(tail, FormKind.TAIL, joined(pieces[:-1])), initials=()),
    ]
    return forms, legal, classes


def read_name(text: str, steps: Steps | None = None) -> ParsedName:
    """Read a written name; any text will do.

    ``steps``, when given, receives pairs (what was done, text after it).
    """
    folded = fold(text)
    if folded != text:
        _note(steps, "letters unified", folded)
    lowered = folded.lower()
    squash = "".join(_LETTERS_AND_DIGITS.findall(lowered))
    words = set(_FIRST_WORDS.findall(lowered))
    unmarked, is_marked = _without_marks(folded, lowered, words)
    if is_marked:
        _note(steps, "mark for an inactive company removed", unmarked)
    plain = _without_decorations(unmarked, words)
    if plain != unmarked.strip():
        _note(steps, "decoration or client code removed", plain)
    spaced = split_joined(plain)
    if spaced != plain:
        _note(steps, "words written together separated", spaced)
    found = _JURISDICTION.search(spaced) if "/" in spaced or "\\" in spaced else None
    if found is not None and found.group(1).lower() in _PLACES:
        spaced = f"{spaced[: found.start()]} ({found.group(1)})"
        _note(steps, "place of registration taken as an addition", spaced)
    names = _names(spaced, words)
    if len(names) > 1:
        _note(steps, "second name split off", " | ".join(names))
    forms: dict[tuple[str, ...], Form] = {}
    legal: list[str] = []
    classes: list[str] = []
    for position, name in enumerate(names):
        own, name_legal, name_classes = _forms_of(name, position == 0)
        for form in own:
            forms.setdefault(form.words, form)
        if position == 0:
            legal, classes = name_legal, name_classes
    if spaced != plain and len(names) == 1:  # "BurTech" is one word to others
        for form in _forms_of(plain, is_first=True)[0][:1]:
            forms.setdefault(form.words, form)
    if steps is not None:
        if legal:
            _note(steps, "legal form set aside", ", ".join(legal))
        for form in forms.values():
            _note(steps, _FORM_LABELS[form.kind], " ".join(form.words))
    return ParsedName(tuple(forms.values()), tuple(legal), frozenset(classes), is_marked, squash)
