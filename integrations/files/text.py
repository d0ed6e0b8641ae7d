"""Text as people paste it, made one clean line."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from decimal import Decimal

# Signs that are invisible or turn the direction of reading; the joiners U+200C and U+200D stay, some
# scripts need them.
_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def clean_text(text: str) -> str:
    """One line of composed Unicode without control, bidirectional and invisible signs, trimmed."""
    if not text.isascii():
        # Composed last: an invisible sign may have stood between a letter and its accent.
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign for sign in text)
    return " ".join(text.split())


def name_key(name: str) -> str:
    """What a name is found by: the same for names that differ only in letter case, blanks and unseen signs.

    Also for a name that was not cleaned: the PSA's are not composed, and may hold signs that nobody sees.
    """
    return clean_text(name).casefold()


def cell_text(value: object) -> str:
    """A value as a cell holds it: lists and objects as JSON, yes and no as words, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except (RecursionError, ValueError):
            return "(too deep)"
    return str(value)


def number_text(number: float) -> str:
    """A number as a person would type it: 12 for 12.0, no exponents, 15 digits at most."""
    if not math.isfinite(number):
        return str(number)
    if number.is_integer():
        return str(int(number))
    text = format(Decimal(f"{number:.15g}"), "f")  # 15 digits: what a spreadsheet keeps and shows
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole_number(text: str, digits: int = 18) -> int | None:
    """The number that the text is, without a sign and of at most so many digits; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None
