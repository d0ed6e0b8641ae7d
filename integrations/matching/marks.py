"""What people write into a name beside the name: marks, codes, second names, addresses.

Every function takes a text and gives it back without, or with what was found set in brackets as an addition.
"""

import re

from integrations.matching import wordlists
from integrations.matching.addresses import STREET_WORDS, is_legal

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
#: What an exchange writes behind a name: which of the company's papers it lists.
_PAPERS = re.compile(
    r"""[\s,(\-]*\b(?:(?:common|ordinary|preferred|preference)\s+(?:stock|shares?)|pfd
      | (?:(?:american|global)\s+)?deposit[ao]ry\s+(?:shares?|receipts?))\b.*$""",
    re.IGNORECASE | re.VERBOSE,
)
_PAPER_WORDS = frozenset(["stock", "share", "shares", "receipt", "receipts", "pfd"])
_SHORTEST_RUN = 3
_APART = re.compile(r"[()\[\]|/:]|\s-|-\s")
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
#: Without one of these, and without a sign, a name has no addition to be set apart.
ADDITION_WORDS = SITE_WORDS | _OWNER_WORDS | STREET_WORDS
_SPELLED_DBA = (frozenset("dba"), frozenset("aka"), frozenset("fka"))
_DIGIT = re.compile(r"\d")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_TWO_LETTERS = re.compile(r"[^\W_][^\W_]")
_SIGNS = frozenset("([-|:_")
_EDGES = " -_,;:()[]/|"
_TAIL = re.compile(r"(?:\s*[(\[][^()\[\]]*[)\]]|\s+[-|/]+\s+[^-|/()\[\]]+)$")


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
    if not _PAPER_WORDS.isdisjoint(words):
        patterns.append(_PAPERS)
    for pattern in patterns:
        shorter = pattern.sub(" ", text)
        if _TWO_LETTERS.search(shorter):
            text = shorter
    return text.strip()


def begun_anew(text: str) -> list[str]:
    """A field with two names of one company, the second of which says again what the first said, in two."""
    words = [] if _APART.search(text) else text.split()
    lowered = [word.lower().strip(",.") for word in words]
    if len(words) < 2 * _SHORTEST_RUN or len(set(lowered)) > len(words) - _SHORTEST_RUN:
        return [text]
    for first in range(len(words) - 2 * _SHORTEST_RUN + 1):
        run = lowered[first : first + _SHORTEST_RUN]
        for again in range(first + _SHORTEST_RUN, len(words) - _SHORTEST_RUN + 1):
            if lowered[again : again + _SHORTEST_RUN] == run:
                start = again - first
                return [" ".join(words[:start]), " ".join(words[start:])]
    return [text]


def main_site_apart(text: str, words: set[str]) -> str:
    """Write "Head Office", "HQ" and their like behind a name as the addition "(hq)"."""
    if words.isdisjoint(SITE_WORDS):
        return text
    found = _SITE_PATTERN.search(text)
    if found is None or not _TWO_LETTERS.search(text[: found.start()]):
        return text
    return f"{text[: found.start()].rstrip(' -,|/')} (hq)"


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
