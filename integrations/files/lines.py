"""The text of a stream, line by line or in pieces: decoded, counted, capped and checked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from integrations.files import shape
from integrations.files.encoding import ENCODINGS, ODD, ODD_BYTE_ERRORS, Encoding
from integrations.files.shape import ImportRefused


class Lines:
    """The lines of a stream as text; each of the three usual line ends ends one. Raises ImportRefused."""

    def __init__(self, stream: BinaryIO, encoding: Encoding) -> None:
        stream.seek(stream.tell() + encoding.mark)
        self._codec = encoding.codec
        # What cannot be decoded comes through as lone surrogates, so that the line it stands on can be named.
        self._text = io.TextIOWrapper(stream, encoding=encoding.codec, errors=ODD_BYTE_ERRORS, newline="")
        self._start = self._text.tell()
        self.number = 0
        self._read = 0

    def rewind(self) -> None:
        """Begin anew with the first line."""
        self._text.seek(self._start)
        self.number = 0
        self._read = 0

    def let_go(self) -> None:
        """Leave the stream open to whoever gave it."""
        self._text.detach()

    def chunks(self) -> Iterator[str]:
        """The text in pieces, for a file that has no lines to speak of."""
        while piece := self._text.read(shape.MAX_LINE // 2):
            self._check(piece, self.number + 1)
            self.number += piece.count("\n")
            yield piece

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(shape.MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._check(line, self.number)
        if len(line) > shape.MAX_LINE:
            raise ImportRefused(
                f"Line {self.number} has more than {shape.MAX_LINE:,} characters. Is this a CSV file?"
            )
        return line

    def _check(self, text: str, line: int) -> None:
        """Refuse what is no text or more than is read; ``line`` is the one that the text begins on."""
        self._read += len(text)
        if "\0" in text:
            number = line + text.count("\n", 0, text.index("\0"))
            raise ImportRefused(
                f"Line {number} holds NUL bytes, so this is no text file that can be read. "
                'Save the table as "CSV UTF-8" or as an Excel workbook (.xlsx) and try again.'
            )
        if bad := ODD.search(text):
            number = line + text.count("\n", 0, bad.start())
            raise ImportRefused(
                f"Line {number} holds the byte 0x{ord(bad[0]) & 0xFF:02X}, which is not "
                f"{ENCODINGS[self._codec]}. "
                'Save the file as "CSV UTF-8" and try again, or choose its encoding.'
            )
        if self._read > shape.MAX_CHARACTERS:
            raise ImportRefused(
                f"The file has more than {shape.MAX_CHARACTERS:,} characters. Split it and import the parts."
            )
