"""Places and streets that people write behind a name: set in brackets, as additions."""

import re

from integrations.matching import wordlists
from integrations.matching.words import fold

_REGIONS = wordlists.regions()[0]
#: Short forms of states and countries behind a name: "/DE/", ", TX".
_SHORT_PLACES = frozenset(_REGIONS.values()) | {"uk", "usa", "us", "can", "new", "adr"}
_COUNTRIES, _STREETS = (frozenset(wordlists.marks()[section]) for section in ("country", "street"))
_STREET = re.compile(
    rf"\d{{1,5}}[a-z]?\s+(?:[\w.']+\s+){{1,3}}(?:{'|'.join(sorted(_STREETS))})\.?$", re.IGNORECASE
)
_STREET_NAME = re.compile(rf"(?:[\w.']+\s+){{1,3}}(?:{'|'.join(sorted(_STREETS))})\.?$", re.IGNORECASE)
_ROOM = re.compile(r"(?:suite|ste|unit|floor|apt|po box|p\.?\s?o\.? box)\.?\s*#?\s*\w{1,6}$", re.IGNORECASE)
_ROOM_BEHIND = re.compile(r"(?<=\w)[\s,-]+((?:suite|ste\.?)\s*#?\s*\d\w{0,5})$", re.IGNORECASE)
_STREET_BEHIND = re.compile(rf"(?<=\w)\s+({_STREET.pattern})", re.IGNORECASE)
_ROOM_WORDS = frozenset(["suite", "ste"])
#: Without one of these a name has no street or room behind it.
STREET_WORDS = _STREETS | _ROOM_WORDS
_COMMA = re.compile(r",(?!\d{3}\b)")
_POSTAL = re.compile(
    r"\b(?:\d{4,5}(?:-\d{4})?|[a-z]{1,2}\d[a-z\d]?\s*\d[a-z]{2}|[a-z]\d[a-z]\s?\d[a-z]\d)$", re.IGNORECASE
)
_POSTAL_IN_FRONT = re.compile(r"^(?:[a-z]{1,2}-)?\d{4,5}\s+")
_LAST_WORD = re.compile(r"[a-z]+$")
_HOUSES = wordlists.house_words()
#: What stands behind a comma and is no town, whatever stands before it.
_NO_TOWNS = (
    wordlists.structural_words()
    | wordlists.neutral_words()
    | wordlists.trade_words()
    | wordlists.titles()
    | wordlists.common_words()
)
_JURISDICTION = re.compile(r"\s*[/\\]+\s*([A-Za-z]{2,4}|[A-Za-z]+(?: [A-Za-z]+)+(?=\s*[/\\]))\s*([/\\]*)\s*$")
_STATED = re.compile(
    r"(?<=\w\W)\s*\ban?\s+((?:[^\W\d]+\s+){1,3}?)((?:domestic |non-?profit |professional )?(?:corporation"
    r"|company|limited liability company|limited partnership|llc|inc\.?))\s*$",
    re.IGNORECASE,
)
_STATE_IN_BRACKETS = re.compile(r"\(\s*([A-Z]{2})\s*\)")
_STATE_NAMES = {short: name for name, short in _REGIONS.items()}
_LEGAL_TAILS = wordlists.legal_forms()
_FORM_TEXTS = frozenset(words[0] for words in _LEGAL_TAILS if len(words) == 1)
_DIGIT = re.compile(r"\d")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_NOT_WORD = re.compile(r"[^\w]+")
_LONGEST_PLACE, _CODE_OF_PLACE = 4, 4


def jurisdiction_apart(text: str) -> str:
    """Write a place of registration ("/DE/", ", a Texas corporation") as an addition, a state by its name."""
    stated = _STATED.search(text) if "," in text else None
    if stated is not None and "".join(stated.group(1).lower().split()) in _REGIONS:
        text = f"{text[: stated.start()]} {stated.group(2)} ({stated.group(1)})"
    found = _JURISDICTION.search(text) if "/" in text or "\\" in text else None
    if found is not None and text[: found.start()].strip():
        place = found.group(1)
        known = place.lower() in _SHORT_PLACES or is_place(place)
        if known or (found.group(2) and len(place) <= _CODE_OF_PLACE):
            text = f"{text[: found.start()]} ({place.upper() if len(place) <= _CODE_OF_PLACE else place})"
    return _STATE_IN_BRACKETS.sub(_named_state, text) if "(" in text else text


def _named_state(found: re.Match[str]) -> str:
    """A state in brackets by its name, so that "DE" is no small word."""
    name = _STATE_NAMES.get(found.group(1).lower())
    return f"({name})" if name else found.group(0)


def is_legal(piece: str) -> bool:
    """Whether a piece of a name is nothing but a legal form."""
    words = tuple(_NOT_WORD.sub(" ", piece.lower().replace(".", "")).split())
    return words in _LEGAL_TAILS


def _ends_legally(piece: str) -> bool:
    words = _NOT_WORD.sub(" ", piece.lower().replace(".", "")).split()
    return len(words) > 1 and (tuple(words[-1:]) in _LEGAL_TAILS or tuple(words[-2:]) in _LEGAL_TAILS)


def street_apart(text: str, words: set[str]) -> str:
    """Write a street with its number, or a room, behind a name as an addition: "Acme 1200 Main St"."""
    if not _ROOM_WORDS.isdisjoint(words) and _DIGIT.search(text):
        text = _ROOM_BEHIND.sub(r" (\1)", text)
    if _STREETS.isdisjoint(words) or not _DIGIT.search(text):
        return text
    found = _STREET_BEHIND.search(text)
    return f"{text[: found.start()].rstrip(' ,-')} ({found.group(1)})" if found else text


def is_street(piece: str) -> bool:
    """Whether a piece of a name is a street with its number, or a room."""
    return bool(_STREET.match(piece) or _ROOM.match(piece))


def is_place(piece: str) -> bool:
    """Whether a piece of a name is a town, state or country, or a town with its state or postal code."""
    plain = _POSTAL_IN_FRONT.sub("", _POSTAL.sub("", fold(piece).lower().replace("'", "").replace(".", "")))
    words = _NOT_WORD.sub(" ", plain).split()
    if not words or len(words) > _LONGEST_PLACE + 1:
        return bool(_POSTAL.search(piece)) and not words
    if words[-1] in _SHORT_PLACES and len(words) > 1:
        words = words[:-1]
    text = " ".join(words)
    return (
        text in wordlists.places()
        or "".join(words) in _REGIONS
        or text in _COUNTRIES
        or (len(words) == 1 and len(text) <= 3 and text in _SHORT_PLACES)
    )


def _is_town_of_house(whole: str, piece: str) -> bool:
    """Whether a word behind a comma can only be the town of a house: "St Bride's Parish", "Ossington"."""
    last = _LAST_WORD.search(whole.lower())
    word = piece.lower()
    return last is not None and last.group(0) in _HOUSES and word.isalpha() and word not in _NO_TOWNS


def address_apart(text: str) -> str:
    """Write an address behind a name as additions: "Acme, Boise, Idaho" -> "Acme (Boise) (Idaho)".

    What follows a comma is an address where it is a known place, or any one word behind a legal form.
    """
    head, comma, tail = text.rpartition(",")
    if not comma or ("," not in head and tail.strip(" .").lower() in _FORM_TEXTS):
        return text
    pieces = [piece.strip() for piece in _COMMA.split(text)]
    pieces = [piece for piece in pieces if _LETTER_OR_DIGIT.search(piece)]
    kept = len(pieces)
    while kept > 1:
        piece = pieces[kept - 1]
        whole = ", ".join(pieces[: kept - 1])
        behind_form = _ends_legally(whole) and len(piece.split()) <= 2 and not is_legal(piece)
        told = behind_form or is_street(piece) or (is_place(piece) and not is_place(whole))
        told |= _is_town_of_house(whole, piece)
        told |= kept < len(pieces) and bool(_STREET_NAME.match(piece))
        if is_legal(piece) or not told:
            break
        kept -= 1
    if kept == len(pieces):
        return text
    additions = " ".join(f"({piece.strip('()[] ')})" for piece in pieces[kept:])
    return f"{', '.join(pieces[:kept])} {additions}"
