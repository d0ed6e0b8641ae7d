"""The matcher's word lists, read once from the text files in ``data``.

Every file is plain text that a maintainer edits by hand; ``#`` starts a comment line, ``[...]`` a section.
"""

import re
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

#: A shorter spelling is taken as written.
SHORTEST_MISTYPED = 4

#: Words of a legal form -> (class, dropped anywhere).
LegalForms = dict[tuple[str, ...], tuple[str, bool]]


class WordListError(ValueError):
    """A word list cannot be read; names the file and the line."""


def _lines(name: str) -> list[tuple[str, str]]:
    """The lines of one file as (section, line), without comments and blank lines."""
    section, found = "", []
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        text = line.rstrip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
            continue
        found.append((section, text))
    return found


def _entries(name: str) -> list[tuple[str, str, list[str]]]:
    """Lines of the shape ``key: value, value`` as (section, key, values)."""
    found = []
    for section, line in _lines(name):
        key, colon, values = line.partition(":")
        if not colon or not key.strip():
            raise WordListError(f'{name}: "{line}" is not of the shape "key: value, value"')
        found.append((section, key.strip(), [value.strip() for value in values.split(",") if value.strip()]))
    return found


def _words(name: str) -> dict[str, frozenset[str]]:
    """Words separated by spaces, by section."""
    found: dict[str, list[str]] = {}
    for section, line in _lines(name):
        found.setdefault(section, []).append(line)
    return {section: frozenset(" ".join(lines).split()) for section, lines in found.items()}


@cache
def legal_forms() -> LegalForms:
    """Every spelling of a legal form as its words; the first country that lists one decides its class."""
    forms: LegalForms = {}
    for _country, kind, spellings in _entries("legal_forms.txt"):
        for spelling in spellings:
            if spelling.startswith(("^", "~")):
                continue
            words = tuple(spelling.removeprefix("*").split())
            forms.setdefault(words, (kind, spelling.startswith("*")))
    return forms


@cache
def leading_legal_forms() -> dict[str, str]:
    """Legal forms that stand before the name ("PT Astra", "株式会社田中") and their class."""
    return {
        spelling[1:]: kind
        for _country, kind, spellings in _entries("legal_forms.txt")
        for spelling in spellings
        if spelling.startswith("^")
    }


@cache
def doubtful_leading_forms() -> frozenset[str]:
    """Legal forms and titles in front of a name that an ordinary name may begin with ("SC Johnson")."""
    return frozenset(
        spelling[1:]
        for _country, _kind, spellings in _entries("legal_forms.txt")
        for spelling in spellings
        if spelling.startswith("~")
    )


@cache
def titles() -> frozenset[str]:
    """Titles of a person, which may stand in the middle of a practice's name."""
    return frozenset(
        spelling[1:]
        for _country, kind, spellings in _entries("legal_forms.txt")
        for spelling in spellings
        if kind == "title" and spelling.startswith("~")
    )


@cache
def several_meanings() -> dict[str, tuple[str, ...]]:
    """Short forms that stand for several words, the most frequent first: each is possible, none certain."""
    return {
        short: tuple(words) for section, short, words in _entries("abbreviations.txt") if section == "several"
    }


@cache
def abbreviations() -> dict[str, str]:
    """Spelling -> the word it stands for (a spelling of several words is not supported)."""
    found: dict[str, str] = {}
    several = several_meanings()
    for section, word, spellings in _entries("abbreviations.txt"):
        if section == "several":
            continue
        for spelling in spellings:
            folded = re.sub(r"[^\w]", "", spelling)
            if folded != word and folded not in several:
                found.setdefault(folded, word)
    return found


@cache
def other_spellings() -> dict[str, tuple[str, ...]]:
    """A word that abbreviations stand for -> its longer spellings, which people mistype like any word."""
    found: dict[str, list[str]] = {}
    for spelling, word in abbreviations().items():
        if len(spelling) >= SHORTEST_MISTYPED and word.isalpha():
            found.setdefault(word, []).append(spelling)
    return {word: tuple(spellings) for word, spellings in found.items()}


@cache
def marks() -> dict[str, tuple[str, ...]]:
    """Phrases by section: ``inactive``, ``inactive when set apart``, ``decoration``; longest first."""
    found: dict[str, list[str]] = {}
    for section, phrase in _lines("marks.txt"):
        found.setdefault(section, []).append(phrase)
    return {section: tuple(sorted(phrases, key=lambda p: (-len(p), p))) for section, phrases in found.items()}


@cache
def dropped_words() -> frozenset[str]:
    """Words too common to compare."""
    return _words("kinds_of_words.txt")["dropped"]


@cache
def small_words() -> frozenset[str]:
    """Words that weigh little, but can be the name."""
    return _words("kinds_of_words.txt")["small"]


@cache
def articles() -> dict[str, frozenset[str]]:
    """Language -> its articles, which weigh nothing in a name of that language."""
    found = _words("kinds_of_words.txt")
    return {
        section.removeprefix("language "): words
        for section, words in found.items()
        if section.startswith("language ")
    }


@cache
def body_words() -> dict[str, str]:
    """Words for kinds of public bodies -> the kind: "city" and "stadt" are a city."""
    found = {}
    for section, line in _lines("kinds_of_words.txt"):
        if section == "body":
            kind, _colon, words = line.partition(":")
            found.update(dict.fromkeys([kind, *words.split()], kind))
    return found


@cache
def body_role_words() -> frozenset[str]:
    """What a public body is called beside its place and kind: council, authority."""
    return _words("kinds_of_words.txt")["body role"]


@cache
def particles() -> frozenset[str]:
    """Small words that make another word of the one before: "Hands On", "Drive In"."""
    return _words("kinds_of_words.txt")["particle"]


@cache
def light_role_words() -> frozenset[str]:
    """The same, of words that do not make a name that of a public body."""
    return _words("kinds_of_words.txt")["light body role"]


@cache
def practice_words() -> frozenset[str]:
    """What a practice does, beside the name of its owner."""
    return _words("kinds_of_words.txt")["practice"]


@cache
def site_words() -> frozenset[str]:
    """What a site is called beside its place: "Plano Office"."""
    return _words("kinds_of_words.txt")["site"]


@cache
def places_in_front() -> frozenset[str]:
    """Towns and provinces that stand in front of a Chinese or Japanese name, in simplified signs."""
    return _words("kinds_of_words.txt")["place in front"]


@cache
def agency_words() -> frozenset[str]:
    """Offices of a public body."""
    return _words("kinds_of_words.txt")["agency"]


@cache
def house_words() -> frozenset[str]:
    """Houses that many towns have: a parish, a school, a clinic."""
    return _words("kinds_of_words.txt")["house"]


@cache
def kin_words() -> frozenset[str]:
    """Words behind "and" that people leave out: "& Sons"."""
    return _words("kinds_of_words.txt")["kin"]


@cache
def directions() -> frozenset[str]:
    """Words for a part of a town or country."""
    return _words("kinds_of_words.txt")["direction"]


@cache
def surnames() -> frozenset[str]:
    """Attested surnames."""
    return _words("surnames.txt")[""]


@cache
def given_names() -> frozenset[str]:
    """Attested given names."""
    return _words("given_names.txt")[""]


@cache
def places() -> frozenset[str]:
    """Towns, counties, countries, folded; of one word or several."""
    return frozenset(",".join(line for _section, line in _lines("places.txt")).split(","))


@cache
def simplified_chinese() -> dict[int, str]:
    """For ``str.translate``: traditional Chinese signs as simplified ones."""
    return {
        ord(pair[0]): pair[1] for _section, line in _lines("simplified_chinese.txt") for pair in line.split()
    }


@cache
def neutral_words() -> frozenset[str]:
    """Words that can be left out without changing which company is meant."""
    return _words("kinds_of_words.txt")["neutral"]


@cache
def structural_words() -> frozenset[str]:
    """Words that name another legal body, trade or place beside the same head."""
    return _words("kinds_of_words.txt")["structural"]


@cache
def trade_words() -> frozenset[str]:
    """Words for what a company does, which are as often left out as written."""
    return _words("kinds_of_words.txt")["trade"]


@cache
def common_words() -> frozenset[str]:
    """Ordinary words: one of them in place of another is no misspelling."""
    return _words("common_words.txt")[""]


@cache
def dictionary_words() -> frozenset[str]:
    """English words that another one differs from by a letter: no misspelling, though no names hold them."""
    return _words("dictionary_words.txt")[""]


@cache
def exchanged_words() -> frozenset[str]:
    """English words that are another one with two letters exchanged: no slip of the pen."""
    return _words("exchanged_words.txt")[""]


@cache
def shared_hosts() -> frozenset[str]:
    """Hosts whose domain is no evidence."""
    return _words("web_hosts.txt")[""]


@cache
def transliterations() -> dict[int, str]:
    """For ``str.translate``: letters that Unicode decomposition leaves as they are."""
    table: dict[int, str] = {}
    for _section, line in _lines("transliterations.txt"):
        letter, _space, replacement = line.partition(" ")
        table[ord(letter)] = replacement
        if letter.upper() != letter and len(letter.upper()) == 1:
            table.setdefault(ord(letter.upper()), replacement.upper())
    return table


@cache
def regions() -> tuple[dict[str, str], dict[tuple[str, ...], str], dict[str, str]]:
    """States and provinces in three views.

    Folded name -> folded short form (for addresses); words of a name -> the one word they become, and short
    form -> that word (for company names).
    """
    addresses: dict[str, str] = {}
    phrases: dict[tuple[str, ...], str] = {}
    short_forms: dict[str, str] = {}
    for _section, name, (short,) in _entries("regions.txt"):
        words = tuple(name.split())
        joined = "".join(words)
        addresses[joined] = short.removeprefix("*")
        if len(words) > 1:
            phrases[words] = joined
        if short.startswith("*"):
            short_forms[short[1:]] = joined
    return addresses, phrases, short_forms
