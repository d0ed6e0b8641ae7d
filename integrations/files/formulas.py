"""Cells of exported files: a spreadsheet must not run them, and our own import reads them as they were.

Spreadsheet programs take a cell that begins with ``=``, ``+``, ``-``, ``@`` (also in their full-width forms),
a tab or a line end for a formula or a command. An apostrophe in front makes it text. ``restore`` takes
that apostrophe away again; for every text, ``restore(escape_formula(text)) == text``.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
# Apostrophes count as transparent, so that a text which already looks protected gets one more.
_PROTECTED_OR_FORMULA = re.compile(rf"'*(?:{_FORMULA.pattern})")


def is_formula(text: str) -> bool:
    """True when a spreadsheet might run the cell instead of showing it."""
    return _FORMULA.match(text) is not None


def escape_formula(text: str) -> str:
    """The cell as it is written to a file."""
    return f"'{text}" if _PROTECTED_OR_FORMULA.match(text) else text


def unescape_formula(cell: str) -> str:
    """The text that ``escape_formula`` was given."""
    return cell[1:] if cell.startswith("'") and _PROTECTED_OR_FORMULA.match(cell) else cell
