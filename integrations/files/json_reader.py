"""Reading JSON objects one after the other, without holding the file in memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from integrations.files.text import cell_text

MAX_OBJECT = 100_000  # characters
_BLANK = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_KEPT = re.compile("[\0\ud800-\udfff]")  # PostgreSQL refuses NUL, and no page can show half a character


class JsonRefused(Exception):
    """From some line on the file is no JSON that can be read; the text says which."""


def json_rows(chunks: Iterator[str]) -> Iterator[dict[str, str] | str]:
    """The objects of an array, or those that follow one another without one: values as texts, by name.

    A text in place of an object says what is wrong with it. Raises JsonRefused.
    """
    reader = _Reader(chunks)
    in_array = reader.take("[")
    first = True
    while not (in_array and reader.take("]")):
        if not in_array and reader.at_end():
            return
        if in_array and not first and not reader.take(","):
            reader.refuse("a comma or ] is missing")
        yield reader.row()
        first = False
    if not reader.at_end():
        reader.refuse("something follows after the end of the array")


def json_value(text: str) -> Any:
    """The value of JSON text inside a cell: one that every database can keep and every page can show.

    Raises ValueError for other text, numbers without end, NUL and lone surrogates among them; RecursionError.
    """
    value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    open_parts = [value]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            open_parts += [*part, *part.values()]
        elif isinstance(part, list):
            open_parts += part
        elif isinstance(part, str) and _NOT_KEPT.search(part):
            raise ValueError("holds a NUL or half of a character")
    return value


class _Reader:
    """A window on the text, with the number of the line that it begins on."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False
        self._decoder = json.JSONDecoder(parse_constant=_no_number)

    def refuse(self, why: str) -> NoReturn:
        """Raise JsonRefused for this place."""
        raise JsonRefused(f"From line {self._line} on the file cannot be read: {why}.")

    def take(self, sign: str) -> bool:
        """Pass over the sign if it comes next."""
        self._skip_blanks()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += 1
        return True

    def at_end(self) -> bool:
        """Whether nothing but blanks is left."""
        self._skip_blanks()
        return self._at == len(self._text)

    def row(self) -> dict[str, str] | str:
        """The value that comes next, as a row."""
        self._skip_blanks()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > MAX_OBJECT:
                    self.refuse(f"no object ends within {MAX_OBJECT:,} characters")
                if isinstance(error, RecursionError) or not self._more():
                    self.refuse("this is no JSON object, or it does not end")
                continue
            # A number at the window's end may go on behind it; objects end with their own sign.
            if end < len(self._text) or not self._more():
                break
        self._line += self._text.count("\n", self._at, end)
        self._at = end
        return _row(value)

    def _skip_blanks(self) -> None:
        while True:
            match = _BLANK.match(self._text, self._at)
            end = match.end() if match else self._at
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        piece = "" if self._ended else next(self._chunks, "")
        self._ended = not piece
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _row(value: object) -> dict[str, str] | str:
    if not isinstance(value, dict):
        return "is no JSON object"
    values = {str(name): cell_text(each) for name, each in value.items()}
    if any(map(_SURROGATE.search, (*values, *values.values()))):
        return "holds half of a character (a lone surrogate)"
    return values
