"""Lines that divide a list and are no entry of it, such as “=== OLD ACCOUNTS BELOW ===”."""

from __future__ import annotations

import re
import unicodedata

BOTH_ENDS, ONE_END = 2, 3  # signs of decoration that make a heading
# What ordinary names end or begin with, also several times over: alone they decorate at both ends only.
STOPS = frozenset(".,;:!?…'\"‘’“”()&%")


def looks_like_heading(name: str) -> bool:
    """Whether a name is a line that divides a list; decoration is whatever is neither letter nor number.

    Such a line has no letter or number, or decoration around it: two signs or more at both ends, or three at
    one end and none within, so that “***VIP*** Acme” is a name. Blanks between the signs do not count.
    """
    signs = "".join(name.split())
    inner = signs
    while inner and _is_decoration(inner[0]):
        inner = inner[1:]
    before = signs[: len(signs) - len(inner)]
    inner = inner.rstrip("".join({sign for sign in inner if _is_decoration(sign)}))
    if not any(sign.isalnum() for sign in inner):
        return True
    behind = signs[len(before) + len(inner) :]
    if min(len(before), len(behind)) >= BOTH_ENDS:
        return True
    longest = max(sum(sign not in STOPS for sign in end) for end in (before, behind))
    return longest >= ONE_END and not re.search(r"[^\w]{2}", inner)


def _is_decoration(sign: str) -> bool:
    """Punctuation (the underscore too), symbols, separators and what cannot be seen."""
    return unicodedata.category(sign)[0] in "PSZC"
