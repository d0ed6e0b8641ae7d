"""Which encoding the bytes of a text file are in: what they say themselves, else what they can only be.

A file that begins with a mark (BOM) says it. UTF-8 is recognised by having no byte that is odd in it; what
is not UTF-8 is taken for Windows-1252, which is what Excel writes in Western Europe and America, unless its
words make sense only as an older Macintosh or DOS encoding. What was assumed is said.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from integrations.files.shape import ImportRefused

# What a person can choose, by codec.
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16, little-endian",
    "utf-16-be": "UTF-16, big-endian",
    "utf-32-le": "UTF-32, little-endian",
    "utf-32-be": "UTF-32, big-endian",
    "cp1252": "Windows-1252 (Western European)",
    "iso8859-15": "ISO 8859-15 (Western European)",
    "mac-roman": "Mac OS Roman",
    "cp850": "DOS 850 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1257": "Windows-1257 (Baltic)",
    "shift_jis": "Shift JIS (Japanese)",
    "gb18030": "GB 18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "euc_kr": "EUC-KR (Korean)",
}
ODD = re.compile("[\ud800-\udfff]")  # what a byte that cannot be decoded becomes
ODD_BYTE_ERRORS = "odd-byte"

# The longer marks first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHUNK = 1_000_000
_LOOKED_AT = 500  # words with odd bytes that are judged
_ODD_WORD = re.compile("[A-Za-z]{0,40}[\udc80-\udcff][A-Za-z\udc80-\udcff]*")
_SIGNS_BETWEEN = "’‘´·\xa0"  # letters, as in “d’Or”
_SIGNS_BESIDE = "‘’“”„‚–—…•«»‹›®©™°§€£¡¿ºª²³´·½¼±\xa0"  # words
_RARE = re.compile("[ƒšžœŸ]")
_DISGUISES = ("mac-roman", "cp850")


def _odd_byte(error: UnicodeError) -> tuple[str, int]:
    """A lone surrogate in place of what cannot be decoded, so that its line can be named."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(0xDC00 + error.object[error.start]), error.end


codecs.register_error(ODD_BYTE_ERRORS, _odd_byte)


class Encoding(NamedTuple):
    """A codec, how many bytes of mark stand before the text, and what has to be said of it."""

    codec: str
    mark: int
    notes: tuple[str, ...] = ()


def find_encoding(stream: BinaryIO, wanted: str = "") -> Encoding:
    """The encoding of the text from here on; the stream (seekable) is back where it was.

    Raises ImportRefused for what is no text, what is in two encodings, and a wish that is not known.
    """
    start = stream.tell()
    head = stream.read(4_000)
    try:
        mark, said = next(((len(mark), codec) for mark, codec in _MARKS if head.startswith(mark)), (0, ""))
        if wanted:
            codec = _known(wanted)
            return Encoding(codec, mark if said == codec else 0)
        if said:
            return Encoding(said, mark)
        if b"\0" in head:
            return _without_mark(head)
        stream.seek(start)
        return _judged(_survey(stream))
    finally:
        stream.seek(start)


def _known(wanted: str) -> str:
    try:
        codec = codecs.lookup(wanted).name
    except LookupError:
        codec = ""
    codec = next((name for name in ENCODINGS if codec and codecs.lookup(name).name == codec), "")
    if not codec:
        known = ", ".join(ENCODINGS)
        raise ImportRefused(f'The encoding "{wanted[:40]}" is not known. Choose one of: {known}.')
    return codec


def _without_mark(head: bytes) -> Encoding:
    """UTF-16 shows by zeros that all stand on the same side of the pairs, and by ends of lines among them.

    A zero or two in a text of single bytes are damage: there most ends of lines have no zero beside them.
    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    codec = "utf-16-le" if not even else "utf-16-be" if not odd else ""
    text = head[: len(head) // 2 * 2].decode(codec, "replace") if codec else ""
    wide = text.count("\n") + text.count("\r")
    narrow = head.count(b"\n") + head.count(b"\r") - wide
    if wide > narrow:
        note = f"The file does not say its encoding; it was read as {ENCODINGS[codec]}."
        return Encoding(codec, 0, (note,))
    line = head.count(b"\n", 0, head.index(b"\0")) + 1
    raise ImportRefused(
        f"Line {line} holds NUL bytes, so this is no text file that can be read. "
        'Save the table as "CSV UTF-8" or as an Excel workbook (.xlsx) and try again.'
    )


@dataclass
class _Survey:
    """What reading all of a file as UTF-8 showed."""

    many: int = 0  # signs of several bytes
    odd: int = 0  # bytes that are not UTF-8
    line: int = 1  # of the first odd byte
    byte: int = 0  # the first odd byte
    words: set[bytes] = field(default_factory=set)


def _survey(stream: BinaryIO) -> _Survey:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    found = _Survey()
    ended = False
    while not ended:
        chunk = stream.read(_CHUNK)
        ended = not chunk
        text = decoder.decode(chunk, ended)
        odd = 0
        if not text.isascii():
            odd = len(ODD.findall(text))
            found.many += len(text) - len(text.encode("ascii", "ignore")) - odd
        if odd:
            _note_odd(found, text, odd)
        if not found.odd:
            found.line += len(_line_ends(text))
    return found


def _line_ends(text: str) -> list[str]:
    return re.findall("\r\n|\r|\n", text) if "\r" in text else ["\n"] * text.count("\n")


def _note_odd(found: _Survey, text: str, count: int) -> None:
    first = ODD.search(text)
    if not found.odd and first:
        found.line += len(_line_ends(text[: first.start()]))
        found.byte = ord(first[0]) & 0xFF
    found.odd += count
    for word in _ODD_WORD.finditer(text):
        if len(found.words) >= _LOOKED_AT:
            return
        found.words.add(word[0][:60].encode("ascii", "surrogateescape"))


def _judged(found: _Survey) -> Encoding:
    if not found.odd:
        return Encoding("utf-8", 0)
    place = f"line {found.line} holds the byte 0x{found.byte:02X}"
    if found.many >= found.odd:
        raise ImportRefused(
            f"The file is UTF-8, but {place}, which is not UTF-8. Was it put together from two files? "
            'Save it as "CSV UTF-8" and try again, or choose its encoding.'
        )
    codec = _most_sensible(found.words)
    if not codec:
        raise ImportRefused(
            f"The file is not UTF-8: {place}. It is no Windows-1252 either. "
            'Save it as "CSV UTF-8" and try again, or choose its encoding.'
        )
    note = f"The file is not UTF-8 ({place}); it was read as {ENCODINGS[codec]}."
    return Encoding(codec, 0, (f"{note} If letters look wrong, choose another encoding.",))


def _most_sensible(words: set[bytes]) -> str:
    """Windows-1252, unless it makes little sense of the words and just one other of all of them."""
    sense = [_sense(word, "cp1252") for word in words]
    if sum(sense) < 0:
        others = [codec for codec in _DISGUISES if all(_sense(word, codec) >= 0 for word in words)]
        if len(others) == 1:
            return others[0]
    return "cp1252" if not any(ODD.search(word.decode("cp1252", ODD_BYTE_ERRORS)) for word in words) else ""


def _sense(word: bytes, codec: str) -> int:
    """2 for what reads as a word: letters side by side of one case, signs only where such stand; else -2.

    -1 for a word with letters that are rare where Windows-1252 is used, and frequent ones in its disguises.
    """
    text = word.decode(codec, ODD_BYTE_ERRORS)
    for sign, left, right in zip(text, f" {text}", f"{text[1:]} ", strict=False):
        if sign.isascii():
            continue
        if not sign.isalpha():
            fits = _SIGNS_BETWEEN if left.isalpha() and right.isalpha() else _SIGNS_BESIDE
            odd = sign not in fits
        elif sign.isupper():
            odd = left.islower() or (left.isupper() and right.islower())
        else:
            odd = left.isupper() and right.isupper()
        if odd:
            return -2
    return -1 if codec == "cp1252" and _RARE.search(text) else 2
