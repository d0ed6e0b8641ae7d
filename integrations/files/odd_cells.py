"""Cells that are no values: what programs write for nothing, spreadsheets' errors, and numbers cut short."""

from __future__ import annotations

import re

ERRORS = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!", "#BLOCKED!"}
)
# SQL, scripts and people; "none" and "nil" are not among them: they are names as well.
_NOTHING = frozenset(
    {
        "null",
        "(null)",
        "<null>",
        "[null]",
        "\\n",
        "n/a",
        "n.a.",
        "(n/a)",
        "(none)",
        "<none>",
        "-",
        "--",
        "---",
    }
    | {"–", "—", "undefined"}
)
# As spreadsheets show a number that the column was too narrow for: 1.23457E+11, 1,23457E+11.
_SHORTENED = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+(\d{2,3})")
_MOST_DIGITS = 20


def says_nothing(text: str) -> bool:
    """Whether the cell holds what programs write where there is no value: NULL, N/A, a dash."""
    return text.strip().casefold() in _NOTHING


def whole_text(text: str) -> str | None:
    """The text; a number in scientific form with all its digits, and None where some of them are lost."""
    found = _SHORTENED.fullmatch(text.strip())
    if found is None:
        return text
    first, rest, exponent = found[1], found[2] or "", int(found[3])
    if len(rest.rstrip("0")) > exponent or exponent > _MOST_DIGITS or len(rest) < exponent:
        return None
    return first + rest[:exponent]
