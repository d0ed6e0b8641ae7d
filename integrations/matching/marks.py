"""What people write into a name beside the name: marks, codes, second names, addresses.

Every function takes a text and gives it back without, or with what was found set in brackets as an addition.
"""

import re

from integrations.matching import wordlists
from integrations.matching.words import fold

_MARKS = wordlists.marks()


def _phrases(section: str, *, capitals: bool = False) -> str:
    """An alternation of the phrases of one section of marks.txt; a space stands for any separator."""
    phrases = _MARKS[section]
    if capitals:
        phrases = tuple(phrase.upper() for phrase in phrases)
    return "|".join(re.escape(phrase).replace(r"\ ", r"[\s_\-]*") for phrase in phrases)


_STRONG, _WEAK, _DECORATION = (_phrases(s) for s in ("inactive", "inactive when set apart", "decoration"))
_SITE, _SITE_APART = _phrases("main site"), _phrases("main site when set apart")
_YEAR = r"(?:[\s,]*(?:in|on|as of)?[\s,]*(?:\d{1,2}[./-])*(?:19|20)\d\d)?"
_FIRST_WORD = re.compile(r"\W+")


def _first_words(*sections: str) -> frozenset[str]:
    return frozenset(_FIRST_WORD.split(phrase)[0] for section in sections for phrase in _MARKS[section])


_MARK_WORDS = _first_words("inactive", "inactive when set apart") | {"z", "x"}
_DECORATION_WORDS = _first_words("decoration")
SITE_WORDS = _first_words("main site", "main site when set apart")
_REGIONS = wordlists.regions()[0]
#: Short forms of states and countries behind a name: "/DE/", ", TX".
_SHORT_PLACES = frozenset(_REGIONS.values()) | {"uk", "usa", "us", "can", "new", "adr"}
_COUNTRIES, _STREETS = frozenset(_MARKS["country"]), frozenset(_MARKS["street"])
_STREET = re.compile(
    rf"\d{{1,5}}[a-z]?\s+(?:[\w.']+\s+){{1,3}}(?:{'|'.join(sorted(_STREETS))})\.?$", re.IGNORECASE
)
_STREET_NAME = re.compile(rf"(?:[\w.']+\s+){{1,3}}(?:{'|'.join(sorted(_STREETS))})\.?$", re.IGNORECASE)
_ROOM = re.compile(r"(?:suite|ste|unit|floor|apt|po box|p\.?\s?o\.? box)\.?\s*#?\s*\w{1,6}$", re.IGNORECASE)
_ROOM_BEHIND = re.compile(r"(?<=\w)[\s,-]+((?:suite|ste\.?)\s*#?\s*\d\w{0,5})$", re.IGNORECASE)
_STREET_BEHIND = re.compile(rf"(?<=\w)\s+({_STREET.pattern})", re.IGNORECASE)

_INACTIVE_PATTERNS = (
    re.compile(
        rf"^\W*(?:z{{2,}}|x{{2,}})(?=[\s_\-.*:])[\s_\-.*:]*(?:(?:{_STRONG}|{_WEAK})(?=[\s_\-.*:])[\s_\-.*:]*)?",
        re.IGNORECASE,
    ),
    re.compile(r"^\W*(?:[zx]_+|zz+(?=[A-Z]))\s*"),
    re.compile(rf"[(\[{{<*]+\s*(?:{_STRONG}|{_WEAK}){_YEAR}\s*(?:[)\]}}>*]+|$)", re.IGNORECASE),
    re.compile(rf"(?:\s[-|/:]+\s*|_+|\s*--+\s*)(?:{_STRONG}|{_WEAK}){_YEAR}\s*\*?$", re.IGNORECASE),
    re.compile(rf"^\W*(?:{_STRONG}|{_WEAK})\s*(?:[-|/:_*]+)\s*(?!.*\bnam)", re.IGNORECASE),
    re.compile(rf"^\W*(?:{_STRONG})\b[\s\-:_*]+", re.IGNORECASE),
    re.compile(rf"[\s_]+(?:{_STRONG}){_YEAR}\s*\*?$", re.IGNORECASE),
)
_CAPITALS = _phrases("inactive when set apart", capitals=True)
_CAPITAL_WEAK_MARK = re.compile(rf"\s(?:{_CAPITALS})$|^(?:{_CAPITALS})\s+(?=\w)")
_DECORATION_PATTERNS = (
    re.compile(rf"[(\[*]+\s*(?:{_DECORATION})\s*[)\]*]+", re.IGNORECASE),
    re.compile(rf"\s[-|]\s*(?:{_DECORATION})\s*$", re.IGNORECASE),
    re.compile(rf"^\s*(?:{_DECORATION})\s*:\s*", re.IGNORECASE),
)
_SITE_PATTERN = re.compile(
    rf"(?:[\s,\-|/(\[]+(?:{_SITE})|(?:\s[-|/]+\s*|\s*[(\[]\s*|\s*,\s*)(?:{_SITE_APART}))\s*[)\]]?\s*$",
    re.IGNORECASE,
)
_JURISDICTION = re.compile(r"\s*[/\\]+\s*([A-Za-z]{2,4}|[A-Za-z]+(?: [A-Za-z]+)+(?=\s*[/\\]))\s*([/\\]*)\s*$")
_STATED = re.compile(
    r"(?<=\w\W)\s*\ban?\s+((?:[^\W\d]+\s+){1,3}?)((?:domestic |non-?profit |professional )?(?:corporation"
    r"|company|limited liability company|limited partnership|llc|inc\.?))\s*$",
    re.IGNORECASE,
)
_STATE_IN_BRACKETS = re.compile(r"\(\s*([A-Z]{2})\s*\)")
_STATE_NAMES = {short: name for name, short in _REGIONS.items()}
_TO_WHOM = re.compile(r"^\W*(?:c\s*/\s*o|attn|attention)\b[\s:.,-]+(?=\w)", re.IGNORECASE)
_STARS = re.compile(r"^[\s*]+|[\s*]+$")
_CUSTOMER_NUMBER = (
    r"(?:kd|kunden?|cust(?:omer)?|client|acc(?:oun)?t|deb(?:itor)?)[.\s-]*(?:nr|no|num(?:ber)?|id)?"
    r"[.:#\s]*\d{3,8}"
)
_CODE_PATTERNS = (
    re.compile(r"^\s*[A-Za-z]{1,6}[-_]?\d{2,6}\s*(?:\s-+\s*|[:|_]\s*|\s[-:|]+\s+)"),
    re.compile(r"^\s*#?\d{3,8}\s*(?:\s-+\s+|[:|_]\s*|\.\s+)"),
    re.compile(r"\s*[\[(]#?\s*[A-Z]{0,4}-?\d{3,8}\s*[\])]\s*$"),
    re.compile(r"^\s*[\[(]#?\s*[A-Z]{0,4}-?\d{3,8}\s*[\])]\s*"),
    re.compile(r"^\s*#?0\d{2,7}\s+"),
    re.compile(r"\s+#\s?\d{5,8}\s*$"),
    # a code without a sign behind it: more letters and digits than a name begins with
    re.compile(r"^\s*(?:[A-Z]{1,3}-?\d{4,8}|[A-Z]{2,6}-?\d{3,8})\s+(?=[^\W\d_]{2})"),
    re.compile(rf"^\s*{_CUSTOMER_NUMBER}[\s:|-]+", re.IGNORECASE),
    re.compile(rf"[\s,(\[|-]+{_CUSTOMER_NUMBER}\s*[)\]]?\s*$", re.IGNORECASE),
)
_SECOND_NAME = re.compile(
    r"""\s*[,\-(\[]*\s*(?:
        \bd\s*[./]?\s*b\s*[./]?\s*a\b\.? | \bdoing\ business\ as\b | \bt\s*/\s*as?\b | \btrading\ as\b
      | \ba\s*[./]?\s*k\s*[./]?\s*a\b\.? | \balso\ known\ as\b | \b(?:now\ |previously\ )?known\ as\b
      | \bf\s*[./]?\s*k\s*[./]?\s*a\b\.? | \bformerly(?:\ known\ as)?\b | \bn\s*[./]?\s*k\s*[./]?\s*a\b\.?
      | \boperating\ as\b | \bo\s*/\s*a\b | \bpreviously\b | \b(?:old|former|prior|previous|new)\ name\b
      | \brenamed(?:\ to)?\b | \brebranded(?:\ (?:as|to))?\b
      | \b(?:ehemals|vormals|anciennement|voorheen|tidligere|anteriormente)\b
      | \bh\s*/\s*[ao]\b | \bh\.?o\.?d\.?n\b\.? | \bhandelend\ (?:onder\ de\ naam|als)\b
      | \bfaisant\ affaires?(?:\ sous)?(?:\ le\ nom)?(?:\ de)?\b | \bfirmierend\ (?:als|unter)\b
      | \b(?:as\ trustee\ (?:for|of)|atf)\b
      | \b(?:used\ to\ be|(?:acquired|bought|succeeded|replaced|taken\ over)\ by)\b
      | \b(?:merged\ (?:into|with)|successor\ (?:to|of))\b
    )\s*(?:is\b|was\b)?\s*[:\-=]?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
#: These are ordinary words too: only where they begin what stands in brackets or after a sign.
_APART_WORDS = frozenset(["former", *_MARKS["second name when set apart"]])
_SECOND_NAME_APART = re.compile(
    rf"\s*(?:[(\[]|\s[-–|/]|,)\s*(?:former|{_phrases('second name when set apart')})\b\.?\s*[:\-]?\s*",
    re.IGNORECASE,
)
_SECOND_NAME_WORDS = frozenset(
    [
        "dba",
        "aka",
        "fka",
        "nka",
        "as",
        "formerly",
        "previously",
        "name",
        "renamed",
        "rebranded",
        "ehemals",
        "vormals",
        "anciennement",
        "voorheen",
        "tidligere",
        "anteriormente",
        "used",
        "by",
        "merged",
        "successor",
        "trustee",
        "atf",
        "hodn",
        "handelend",
        "faisant",
        "firmierend",
    ]
)
_OWNER = re.compile(
    r"\s*[,(]*\s*(?:\bc/o\b|\ban?\s+(?:division|subsidiary|affiliate|brand|branch|unit|member|part)\s+of\b)\s*"
    r"|\s*[,(]+\s*(?:division|subsidiary|affiliate|part|member)\s+of\b\s*",
    re.IGNORECASE,
)
#: An Italian partnership names its partners behind its form.
_PARTNERS = re.compile(r"(?<=\w)[\s,]+(s\.?\s?n\.?\s?c\.?|s\.?\s?a\.?\s?s\.?)\s+di\s+(\w.*)$", re.IGNORECASE)
_OWNER_WORDS = frozenset(
    ["di", "c", "division", "subsidiary", "affiliate", "brand", "branch", "unit", "member", "part"]
)
_TO_WHOM_WORDS = frozenset(["c", "attn", "attention"])
_OWNED = re.compile(r"\s*,\s*an?\s+((?:[^\s,]+\s+){1,4}?)(?:company|brand|business|firm)\s*$", re.IGNORECASE)
_OWNED_WORDS = frozenset(["company", "brand", "business", "firm"])
#: When something happened, behind who took a company over.
_WHEN = re.compile(
    r"(\b(?:by|into|with|to)\b.*?[^\W_])[\s,(]+(?:in\s+|on\s+)?(?:19|20)\d\d\s*\)?\s*$", re.IGNORECASE
)
_HAPPENED = frozenset(
    ["acquired", "bought", "succeeded", "replaced", "taken", "merged", "renamed", "rebranded"]
)
_ROOM_WORDS = frozenset(["suite", "ste"])
#: Without one of these, and without a sign, a name has no addition to be set apart.
ADDITION_WORDS = SITE_WORDS | _OWNER_WORDS | _STREETS | _ROOM_WORDS
_SPELLED_DBA = (frozenset("dba"), frozenset("aka"), frozenset("fka"))
_DIGIT = re.compile(r"\d")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_TWO_LETTERS = re.compile(r"[^\W_][^\W_]")
_SIGNS = frozenset("([-|:_")
_EDGES = " -_,;:()[]/|"
_COMMA = re.compile(r",(?!\d{3}\b)")
_TAIL = re.compile(r"(?:\s*[(\[][^()\[\]]*[)\]]|\s+[-|/]+\s+[^-|/()\[\]]+)$")
_POSTAL = re.compile(
    r"\b(?:\d{4,5}(?:-\d{4})?|[a-z]{1,2}\d[a-z\d]?\s*\d[a-z]{2}|[a-z]\d[a-z]\s?\d[a-z]\d)$", re.IGNORECASE
)
_POSTAL_IN_FRONT = re.compile(r"^(?:[a-z]{1,2}-)?\d{4,5}\s+")
_NOT_WORD = re.compile(r"[^\w]+")
_LEGAL_TAILS = wordlists.legal_forms()
_FORM_TEXTS = frozenset(words[0] for words in _LEGAL_TAILS if len(words) == 1)
_LONGEST_PLACE, _CODE_OF_PLACE = 4, 4


def without_marks(text: str, lowered: str, first_words: set[str]) -> tuple[str, bool]:
    """Remove marks such as "(do not use)". Never leaves fewer than two letters: "Old" alone is a name."""
    if (
        lowered[:1] not in "zx"
        and "zz" not in lowered
        and "xx" not in lowered
        and first_words.isdisjoint(_MARK_WORDS)
    ):
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


def without_decorations(text: str, words: set[str]) -> str:
    """Remove "[client]", "VIP -", "*", client codes; never the whole name."""
    patterns: list[re.Pattern[str]] = []
    if not _TO_WHOM_WORDS.isdisjoint(words):
        patterns.append(_TO_WHOM)
    if "*" in text:
        patterns.extend((_DECORATION_PATTERNS[0], _STARS))
    if not _SIGNS.isdisjoint(text):
        if not _DECORATION_WORDS.isdisjoint(words):
            patterns.extend(_DECORATION_PATTERNS)
        if _DIGIT.search(text):
            patterns.extend(_CODE_PATTERNS)
    elif _DIGIT.search(text):
        patterns.extend(_CODE_PATTERNS[4:])
    for pattern in patterns:
        shorter = pattern.sub(" ", text)
        if _TWO_LETTERS.search(shorter):
            text = shorter
    return text.strip()


def main_site_apart(text: str, words: set[str]) -> str:
    """Write "Head Office", "HQ" and their like behind a name as the addition "(hq)"."""
    if words.isdisjoint(SITE_WORDS):
        return text
    found = _SITE_PATTERN.search(text)
    if found is None or not _TWO_LETTERS.search(text[: found.start()]):
        return text
    return f"{text[: found.start()].rstrip(' -,|/')} (hq)"


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


def owner_apart(text: str, words: set[str]) -> str:
    """Write "a division of Acme", "c/o Acme", ", an Acme company", "snc di Rossi & C." as an addition."""
    if "di" in words:
        partners = _PARTNERS.search(text)
        if partners is not None:
            return f"{text[: partners.start()]} {partners.group(1)} ({partners.group(2)})"
    if "," in text and not words.isdisjoint(_OWNED_WORDS):
        found = _OWNED.search(text)
        if found is not None and _TWO_LETTERS.search(text[: found.start()]):
            return f"{text[: found.start()]} ({found.group(1).strip()})"
    if words.isdisjoint(_OWNER_WORDS):
        return text
    found = _OWNER.search(text)
    if found is None or not _TWO_LETTERS.search(text[: found.start()]):
        return text
    return f"{text[: found.start()]} ({text[found.end() :].strip('()[] ')})"


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
        told |= kept < len(pieces) and bool(_STREET_NAME.match(piece))
        if is_legal(piece) or not told:
            break
        kept -= 1
    if kept == len(pieces):
        return text
    additions = " ".join(f"({piece.strip('()[] ')})" for piece in pieces[kept:])
    return f"{', '.join(pieces[:kept])} {additions}"


def names_in(text: str, words: set[str]) -> list[str]:
    """Split at "dba", "formerly" and their like. A trailing marker without a second name is dropped."""
    if not _HAPPENED.isdisjoint(words) and _DIGIT.search(text):
        text = _WHEN.sub(r"\1", text)
    spelled = "a" in words and any(letters <= words for letters in _SPELLED_DBA)
    parts = [text]
    if "/" in text or spelled or not _SECOND_NAME_WORDS.isdisjoint(words):
        parts = _SECOND_NAME.split(text)
    if not _APART_WORDS.isdisjoint(words):
        parts = [part for whole in parts for part in _SECOND_NAME_APART.split(whole)]
    if len(parts) == 1:
        return parts
    parts = [part.strip(_EDGES) for part in _with_one_addition(parts)]
    return [part for part in parts if _LETTER_OR_DIGIT.search(part)] or [text]


def _with_one_addition(parts: list[str]) -> list[str]:
    """What stands behind the last of several names is an addition to all: "Acme (dba Brix) (Leeds)"."""
    first, last = parts[0], parts[-1]
    closed = last.find(")")
    if 0 <= closed < (last.find("(") if "(" in last else len(last)):
        found = last[closed + 1 :].strip(" ,-|/")
        last = last[:closed]
    else:
        tail = _TAIL.search(last)
        found = tail.group(0).strip(" ,-|/()[]") if tail and tail.start() else ""
        last = last[: tail.start()] if tail and found else last
    if not _LETTER_OR_DIGIT.search(found) or is_legal(found) or not _LETTER_OR_DIGIT.search(first):
        return [*parts[:-1], last]
    return [f"{part.strip(_EDGES)} ({found.strip('()[] ')})" for part in [*parts[:-1], last]]
