"""Read a company name as people write it: marks, decorations, client codes, second names, qualifiers.

``read_name`` gives the forms under which a name may be compared. ``steps`` collects every step for a person
who asks how a name was read.
"""

import enum
import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from integrations.matching import addresses, marks, wordlists
from integrations.matching.contacts import HOST_ENDING, domain_in_name, registrable, tenant_in_name
from integrations.matching.words import (
    JOINED_FORMS,
    Words,
    fold,
    is_region,
    read_words,
    spelled_out,
    split_joined,
    without_doubtful_form,
)

Steps = list[tuple[str, str]]


class FormKind(enum.IntEnum):
    """Which part of the written name a form is."""

    FULL = 0  # the whole first name
    OTHER = 1  # a second name after "dba", "t/a", "formerly", ...
    HEAD = 2  # without what stands in brackets or after a dash
    TAIL = 3  # only what stands after the dash
    UNTITLED = 4  # without a title, or a form that may also be the name


_FORM_LABELS = {
    FormKind.FULL: "compared as",
    FormKind.OTHER: "second name",
    FormKind.HEAD: "without its addition",
    FormKind.TAIL: "the addition alone",
    FormKind.UNTITLED: "without its title",
}


@dataclass(slots=True)  # not frozen: thousands are made a press, and freezing doubles the cost
class Form:
    """One way to read a name: its words, and the words set aside as a qualifier."""

    words: tuple[str, ...]
    kind: FormKind
    qualifier: tuple[str, ...]
    squash: str
    initials: tuple[str, ...]
    apostrophes: tuple[str, ...]
    repeats: tuple[str, ...]  # words that stand twice in one piece: "Banks & Banks"
    joined: tuple[str, ...] = ()  # words behind an "and"


@dataclass(slots=True)  # not frozen: thousands are made a press, and freezing doubles the cost
class ParsedName:
    """A name after reading. ``forms`` is empty when the text holds no letter or digit."""

    forms: tuple[Form, ...]
    legal: tuple[str, ...]
    classes: frozenset[str]
    is_marked_inactive: bool
    squash: str  # the whole text, folded, letters and digits only
    text: str = ""  # as written


_BRACKETS = re.compile(r"[(\[]([^)\]]*)[)\]]?")
_DASH = re.compile(r"\s+[-|/:]+\s+|\s*\|\s*|\s*/\s+|:\s+|\s-+(?=\w)|(?<=\w)-+\s")
_ONE_PIECE = re.compile(r"[^\W_][^()\[\]\-|/:]*")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_FIRST_WORDS = re.compile(r"[a-z]+")
_HOST_ENDING = re.compile(r"(?<=\w)\.(com|net|org)\b(?!\.)", re.IGNORECASE)
_SOCIETE = re.compile(r"\bS(?:té|TÉ)\b\.?")
_SLASHED_FORMS = {"k/s": "kommanditselskab", "i/s": "interessentskab", "p/s": "partnerselskab"}
_SLASHED = re.compile(r"(?<!\w)(?:[kip]/s)(?!\w)", re.IGNORECASE)
#: Legal forms written out, of which a field of few letters keeps the beginning: "... Analytical Corpora".
_LONG_FORMS = ("corporation", "incorporated", "limited", "company", "partnership")
_SHORTEST_CUT, _LEAST_CUT_OFF = 25, 4
_SOLE_TRADER = re.compile(r"\be\.\s?U\.")
#: Escaped twice, or with its letters changed: "&amp;amp;", "&Amp;".
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FIRSTS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_TWO_FIGURES = re.compile(
    rf"\b({'|'.join(_TENS)})(?:[\s-]+({'|'.join(_FIRSTS)})|-({'|'.join(_ONES)}))\b", re.IGNORECASE
)
_ENTITY = re.compile(r"&(#?\w{2,8});")
_MOST_ESCAPES = 3
_HEBREW_QUOTE = re.compile(r"(?<=[\u05d0-\u05ea])[\"\u05f3\u05f4'](?=[\u05d0-\u05ea])")
_ARROW = re.compile(r"\s*(?:[-=]+>|\u2192|\u21d2)\s*")
_PLACES_IN_FRONT = tuple(sorted(wordlists.places_in_front(), key=lambda place: (-len(place), place)))
_FIRST_EAST_ASIAN = "\u2e80"
#: A letter, or a legal form, that tells the language of a name.
_LANGUAGE_LETTERS = (("de", "äöüß"), ("fr", "éèêçàâîôû"), ("es", "ñíóáú"))
_LANGUAGE_FORMS = {
    **dict.fromkeys(("gmbh", "kg", "ohg", "ug", "gbr", "ev", "ek", "ag"), "de"),
    **dict.fromkeys(("sarl", "sas", "sasu", "eurl", "sci", "snc"), "fr"),
    **dict.fromkeys(("srl", "srls", "spa"), "it"),
    **dict.fromkeys(("sl", "slu", "sau"), "es"),
    **dict.fromkeys(("bv", "vof"), "nl"),
}
_LANGUAGE_FORMS_IN_FRONT = dict.fromkeys(("sarl", "sasu", "eurl", "sci", "snc", "gaec", "earl", "scea"), "fr")
_NO_SIGNS = {code: None for code in range(128) if not chr(code).isalnum()}
#: Without any of these a text has no place of registration, no address and no host ending.
_ADDITION_SIGNS = frozenset("/\\(,.")
_NO_ARTICLES: frozenset[str] = frozenset()


def _note(steps: Steps | None, what: str, text: str) -> None:
    if steps is not None:
        steps.append((what, text))


def _segments(name: str) -> list[str]:
    """The head of a name and what stands in brackets or after a dash, each with a letter or digit."""
    if _ONE_PIECE.fullmatch(name):
        return [name]
    segments = [name]
    bracketed: list[str] = []
    if "(" in name or "[" in name:
        bracketed = [
            found
            for found in _BRACKETS.findall(name)
            if _LETTER_OR_DIGIT.search(found) and not addresses.is_legal(found)
        ]
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
    return Form(
        words.core, kind, qualifier, words.squash, words.initials, words.apostrophes, repeats, words.joined
    )


def _joined(parts: list[Words]) -> tuple[str, ...]:
    return tuple(word for words in parts for word in words.core)


def _forms_of(name: str, articles: frozenset[str], is_first: bool) -> tuple[list[Form], list[str], list[str]]:
    """The forms of one name between second-name markers, with its legal forms and their classes."""
    read = [words for words in (read_words(part, articles) for part in _segments(name)) if words.core]
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
    head, tail = pieces[0], pieces[-1]
    apostrophes = tuple(word for words in pieces for word in words.apostrophes)
    repeats = tuple(word for words in pieces for word in _repeated(words.core))
    behind_and = tuple(word for words in pieces for word in words.joined)
    additions = _joined(pieces[1:])
    squash = "".join(words.squash for words in pieces)
    forms = [
        Form(_joined(pieces), kind, additions, squash, (), apostrophes, repeats, behind_and),
        _form(head, FormKind.HEAD, additions),
        replace(_form(tail, FormKind.TAIL, _joined(pieces[:-1])), initials=()),
    ]
    if len(pieces) > 2 and is_region(tail.core):  # "Acme - Salem, Ohio" is also "Acme Salem"
        forms.append(
            replace(
                forms[0],
                words=_joined(pieces[:-1]),
                kind=FormKind.HEAD,
                squash="".join(w.squash for w in pieces[:-1]),
            )
        )
    return forms, legal, classes


def _without_title(forms: list[Form]) -> list[Form]:
    """Readings without a title or form that may also be the name: "Dr Ostrander", "Praxis Dr Vielgut"."""
    found = []
    for form in forms:
        words = without_doubtful_form(form.words)
        if words != form.words and form.kind is not FormKind.TAIL:
            kind = FormKind.HEAD if form.kind is FormKind.HEAD else FormKind.UNTITLED
            found.append(replace(form, words=words, kind=kind, squash="".join(words), initials=()))
    return found


def _place_behind(text: str) -> str:
    """A Chinese or Japanese name with its town in front gets it as an addition behind."""
    if not text or text[0] < _FIRST_EAST_ASIAN:
        return text
    form = next((form for form in JOINED_FORMS if text.startswith(form)), "")
    name = text[len(form) :]
    for place in _PLACES_IN_FRONT:
        if name.startswith(place):
            rest = name[len(place) :].removeprefix("市").removeprefix("省")
            return f"{form}{rest} ({place})" if len(rest) > 1 else text
    return text


def _articles_of(text: str) -> frozenset[str]:
    """The articles of the language that letters or a legal form of the name tell; none in an English name."""
    lowered = text.lower()
    found: frozenset[str] = _NO_ARTICLES
    if not text.isascii():
        for language, letters in _LANGUAGE_LETTERS:
            if any(letter in lowered for letter in letters):
                found |= wordlists.articles()[language]
    last = lowered.replace(".", "").rsplit(None, 1)
    told = _LANGUAGE_FORMS.get(last[-1]) if last else None
    if not told and len(last) > 1:
        told = _LANGUAGE_FORMS_IN_FRONT.get(lowered.split(None, 1)[0])
    return found | wordlists.articles()[told] if told else found


def _unescaped(found: re.Match[str]) -> str:
    """One sign written as a web page does; in small letters where the name was put into capitals."""
    sign = html.unescape(found.group(0))
    return sign if sign != found.group(0) else html.unescape(found.group(0).lower())


def _two_figures(found: re.Match[str]) -> str:
    """ "Twenty-First" as "21st", "Twenty-Four" as "24"."""
    tens, first, one = ((part or "").lower() for part in found.groups())
    number = 10 * (_TENS.index(tens) + 2)
    if one:
        return str(number + _ONES.index(one) + 1)
    figure = _FIRSTS.index(first) + 1
    return f"{number + figure}{_ENDINGS.get(figure, 'th')}"


def _completed(text: str) -> str:
    """A long name whose last word is the beginning of a legal form, with that form written out."""
    head, _space, last = text.rstrip().rpartition(" ")
    cut = last.lower()
    if len(cut) < _LEAST_CUT_OFF or not head:
        return text
    whole = next((form for form in _LONG_FORMS if form.startswith(cut) and form != cut), "")
    return f"{head} {whole.upper() if last.isupper() else whole}" if whole else text


def _spell_alike(text: str) -> str:
    """Unescape, and write out what letters alone would not tell: "K/S", "Sté", "e.U."."""
    for _ in range(_MOST_ESCAPES):
        if "&" not in text or ";" not in text:
            break
        text = _ENTITY.sub(_unescaped, text)
    if ">" in text or "\u2192" in text or "\u21d2" in text:
        text = _ARROW.sub(" renamed ", text)
    if len(text) >= _SHORTEST_CUT:
        text = _completed(text)
    if "ty" in text.lower():
        text = _TWO_FIGURES.sub(_two_figures, text)
    if not text.isascii():
        text = _HEBREW_QUOTE.sub("", text)
    if "/" in text:
        text = _SLASHED.sub(lambda found: _SLASHED_FORMS[found.group(0).lower()], text)
    if "é" in text or "É" in text:
        text = _SOCIETE.sub("Societe", text)
    return _SOLE_TRADER.sub("einzelunternehmen", text) if ".U." in text or ". U." in text else text


def _plain_text(text: str, steps: Steps | None) -> tuple[str, bool, set[str]]:
    """A folded name without marks, decorations and codes; whether it was marked; its words."""
    lowered = text.lower()
    words = set(_FIRST_WORDS.findall(lowered))
    unmarked, is_marked = marks.without_marks(text, lowered, words)
    if is_marked:
        _note(steps, "mark for an inactive company removed", unmarked)
    plain = marks.without_decorations(unmarked, words)
    if plain != unmarked.strip():
        _note(steps, "decoration or client code removed", plain)
    return plain, is_marked, words


def _additions_apart(text: str, words: set[str], steps: Steps | None) -> str:
    """A name with its main site, place of registration, address and host ending as additions."""
    if words.isdisjoint(marks.ADDITION_WORDS) and _ADDITION_SIGNS.isdisjoint(text):
        return text
    for what, apart in _ADDITIONS:
        found = apart(text, words)
        if found != text:
            text = found
            _note(steps, what, text)
    return text


def _host_ending_apart(text: str) -> str:
    return _HOST_ENDING.sub(f" ({HOST_ENDING})", text) if "." in text else text


_ADDITIONS: tuple[tuple[str, Callable[[str, set[str]], str]], ...] = (
    ("main site taken as an addition", marks.main_site_apart),
    ("owner taken as an addition", marks.owner_apart),
    ("place of registration taken as an addition", lambda text, _: addresses.jurisdiction_apart(text)),
    ("address taken as an addition", lambda text, _: addresses.address_apart(text)),
    ("street taken as an addition", addresses.street_apart),
    ("ending of a web address taken as an addition", lambda text, _: _host_ending_apart(text)),
)


def _read(
    plain: str, words: set[str], articles: frozenset[str], steps: Steps | None
) -> tuple[dict[tuple[str, ...], Form], list[str], list[str]]:
    """The forms of a name without marks, its legal forms and their classes."""
    spaced = split_joined(plain)
    if spaced != plain:
        _note(steps, "words written together separated", spaced)
    names = marks.names_in(_place_behind(_additions_apart(spaced, words, steps)), words)
    if len(names) == 1:
        anew = marks.begun_anew(names[0])
        names = [*names, *anew] if len(anew) > 1 else names  # either may be the name: neither is for sure
    if len(names) > 1:
        _note(steps, "second name split off", " | ".join(names))
    forms: dict[tuple[str, ...], Form] = {}
    legal: list[str] = []
    classes: list[str] = []
    firsts: list[Form] = []
    for position, name in enumerate(names):
        own, name_legal, name_classes = _forms_of(name, articles, position == 0)
        firsts.extend(own[:1])
        for form in [*own, *_without_title(own)]:
            forms.setdefault(form.words, form)
        if position == 0:
            legal, classes = name_legal, name_classes
    if len(firsts) == 2:
        one, two = firsts
        both = replace(one, words=one.words + two.words, kind=FormKind.OTHER, squash=one.squash + two.squash)
        forms.setdefault(both.words, replace(both, initials=(), qualifier=()))
    if spaced != plain and len(names) == 1:  # "BurTech" is one word to others
        unspaced = _place_behind(_additions_apart(plain, words, None))
        for form in _forms_of(unspaced, articles, is_first=True)[0][:2]:
            if form.kind is not FormKind.TAIL:
                forms.setdefault(form.words, form)
    return forms, legal, classes


def read_name(text: str, steps: Steps | None = None) -> ParsedName:
    """Read a written name; any text will do.

    ``steps``, when given, receives pairs (what was done, text after it).
    """
    alike = _spell_alike(text)
    folded = fold(alike)
    if folded != text:
        _note(steps, "letters unified", folded)
    lowered = folded.lower()
    if lowered.isascii():
        squash = lowered.translate(_NO_SIGNS)
    else:
        squash = "".join(_LETTERS_AND_DIGITS.findall(lowered))
    articles = _articles_of(alike)
    plain, is_marked, words = _plain_text(folded, steps)
    host = domain_in_name(plain)
    if host:
        plain = f"{registrable(host)[1]} ({HOST_ENDING})"
        _note(steps, "web address read as its label", plain)
    elif label := tenant_in_name(plain):
        plain = f"{label} ({HOST_ENDING})"
        _note(steps, "web address read as its label", plain)
    forms, legal, classes = _read(plain, words, articles, steps)
    out = spelled_out(alike)
    if out != alike:
        other, _, other_words = _plain_text(fold(out), None)
        for form in _read(other, other_words, articles, None)[0].values():
            forms.setdefault(form.words, form)
    if steps is not None:
        if legal:
            _note(steps, "legal form set aside", ", ".join(legal))
        for form in forms.values():
            _note(steps, _FORM_LABELS[form.kind], " ".join(form.words))
    return ParsedName(tuple(forms.values()), tuple(legal), frozenset(classes), is_marked, squash, text)
