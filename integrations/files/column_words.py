"""What a column is called, made comparable: letter case, accents, camelCase, hints and signs do not count."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from integrations.files.text import clean_text

_HINT = re.compile(r"\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|<[^>]*>")
# "defaultDomainName", "PSACompanyId": before a capital that begins a word.
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
# A count's or a number's own word at the end says nothing more: "Phone No.", "Telefon Nr.".
_NUMBER_WORDS = {"no", "nr", "num", "nbr"}


@lru_cache(10_000)
def header_words(name: str) -> tuple[str, ...]:
    """The words of a column's name, folded: ``Zip Code [required] *`` is ``("zip", "code")``.

    Hints in brackets are left out, unless there is nothing else.
    """
    text = clean_text(name)
    bare = _HINT.sub(" ", text)
    text = _CAMEL.sub(" ", bare if _LETTERS_AND_DIGITS.search(bare) else text)
    text = fold_text(text.replace("_", " "))
    words = _LETTERS_AND_DIGITS.findall(text)
    if len(words) > 1 and words[-1] in _NUMBER_WORDS:
        del words[-1]
    return tuple(words)


def header_key(name: str) -> str:
    """What a column's name is compared by: its words without anything between them."""
    return "".join(header_words(name))


def header_keys(name: str) -> set[str]:
    """All keys of a name that we know: an umlaut is also written with two letters."""
    return {header_key(name), header_key(name.translate(_UMLAUTS))}


def fold_text(text: str) -> str:
    """In small letters without accents; ``ß`` is ``ss``."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
