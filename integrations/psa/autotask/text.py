"""Text from the other side, made fit to be shown and stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_SPACES = re.compile(r"\s+")

# Invisible or direction-changing signs that let one name look like another. The joiners U+200C and
# U+200D stay: Persian and several Indic scripts need them.
_UNWANTED = frozenset(
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
    "\ufff9\ufffa\ufffb"
)
_TAGS = range(0xE0000, 0xE0080)


def clean_text(text: str) -> str:
    """``text`` on one line, without control, bidirectional and invisible characters or lone surrogates."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return _SPACES.sub(" ", "".join(_kept(character) for character in text)).strip()


def _kept(character: str) -> str:
    if character in _UNWANTED or ord(character) in _TAGS:
        return ""
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp", "Zs"}:
        return " "
    if category in {"Cs", "Cn"}:
        return "\ufffd" if category == "Cs" else ""
    return character


def clean_and_cut(text: str, limit: int, label: str) -> tuple[str, tuple[str, ...]]:
    """``text`` cleaned and at most ``limit`` characters long, with a note for each thing that was done."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return " ".join(text.split()), ()
    notes: list[str] = []
    # A very long text is cut before it is cleaned, so that its length costs nothing.
    cleaned = clean_text(text[: 4 * limit])
    if any(_kept(character) != character and not character.isspace() for character in text[: 4 * limit]):
        notes.append(f"{label} cleaned of control characters")
    if len(cleaned) > limit or len(text) > 4 * limit:
        cleaned = cleaned[:limit].rstrip()
        notes.append(f"{label} cut at {limit} characters")
    return cleaned, tuple(notes)


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret of at least four characters replaced, should the server repeat one."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "[removed]")
    return text
