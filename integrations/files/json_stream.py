"""Walking through JSON text of any length, into its objects and lists, with one value in memory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from integrations.files.shape import MAX_LINE, ImportRefused

TOO_LONG = object()  # in place of a value that does not end within MAX_LINE characters
MAX_DIGITS = 300
MAX_DEPTH = 50  # of values that are walked into; what is read in one piece may be deeper
_BLANK = re.compile(r"[ \t\r\n\ufeff]*")
_CUT = 20  # characters before the end of what was read so far: an error there may be no error
_DEEP = "it is nested too deep"


class JsonStream:
    """A window on the text, with the number of the line that it begins on.

    ``problem`` says what is wrong with the value that ``value`` gave last, "" if nothing. Methods raise
    ImportRefused where the text is no JSON.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False
        self.problem = ""
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._number,
            parse_constant=self._constant,
        )

    def refuse(self, why: str, at: int | None = None) -> NoReturn:
        """Raise ImportRefused for this place, or for one further on in the window."""
        line = self._line + (self._text.count("\n", self._at, at) if at else 0)
        raise ImportRefused(f"From line {line} on the file cannot be read as JSON: {why}.")

    def peek(self) -> str:
        """The sign that comes next, "" at the end."""
        self._skip_blanks()
        return self._text[self._at : self._at + 1]

    def take(self, sign: str) -> bool:
        """Pass over the sign if it comes next."""
        if self.peek() != sign:
            return False
        self._at += 1
        return True

    def members(self) -> Iterator[str]:
        """The names of the object that comes next; whoever iterates passes over the value after each."""
        self.take("{")
        more = not self.take("}")
        while more:
            name = self.value() if self.peek() == '"' else None
            if not isinstance(name, str) or not self.take(":"):
                self.refuse("a name in quotation marks with a colon behind it is missing")
            yield name
            more = self.take(",")
            if not more and not self.take("}"):
                self.refuse("a comma or } is missing")

    def elements(self) -> Iterator[None]:
        """A turn for each element of the list that comes next; whoever iterates passes over it."""
        self.take("[")
        more = not self.take("]")
        while more:
            yield
            more = self.take(",")
            if not more and not self.take("]"):
                self.refuse("a comma or ] is missing")

    def skip(self, depth: int = 0) -> None:
        """Pass over the value that comes next, however long it is."""
        if depth > MAX_DEPTH:
            self.refuse(_DEEP)
        if self.value() is TOO_LONG:
            for _ in self.members() if self.peek() == "{" else self.elements():
                self.skip(depth + 1)

    def value(self) -> Any:
        """The value that comes next; TOO_LONG, without passing over it, for a long object or list."""
        self._skip_blanks()
        while True:
            self.problem = ""
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                self.refuse(_DEEP)
            except json.JSONDecodeError as error:
                if error.pos < len(self._text) - _CUT and not error.msg.startswith("Unterminated"):
                    self.refuse("this is no JSON", error.pos)
                if len(self._text) - self._at > MAX_LINE:
                    return self._too_long()
                beyond = error.pos - self._at
                if not self._more():
                    self.refuse("this is no JSON, or it does not end", self._at + beyond)
                continue
            # A number at the window's end may go on behind it; objects end with their own sign.
            if end < len(self._text) or not self._more():
                break
        if end - self._at > MAX_LINE:
            return self._too_long()
        self._line += self._text.count("\n", self._at, end)
        self._at = end
        return value

    def _too_long(self) -> object:
        if self._text[self._at] not in "{[":
            self.refuse(f"a text has more than {MAX_LINE:,} characters")
        return TOO_LONG

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

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            double = next(name for name in names if names.count(name) > 1)
            self.problem = self.problem or f"has the name “{double[:60]}” twice"
        return values

    def _integer(self, text: str) -> int | str:
        if len(text) <= MAX_DIGITS:
            return int(text)
        self.problem = self.problem or f"holds a number of {len(text):,} digits"
        return text[:MAX_DIGITS]

    def _number(self, text: str) -> float | str:
        number = float(text)
        if math.isfinite(number):
            return number
        self.problem = self.problem or f"holds the number {text[:20]}, which is too large"
        return text[:MAX_DIGITS]

    def _constant(self, name: str) -> str:
        self.problem = self.problem or f"holds {name}, which is no JSON value; write null"
        return name
