"""Files that are no table, though their names may say so: told by what they begin with, with what to do."""

from __future__ import annotations

import re

from integrations.files.shape import ImportRefused

_EXPORT = "Export the list as CSV or as an Excel workbook and try again."
_UNPACK = "Unpack it and choose the file inside."
_PICTURE = f"The file is a picture. {_EXPORT}"
_DATABASE = f"The file is a database. {_EXPORT}"
_PACKED = f"The file is a compressed archive. {_UNPACK}"
_LINK = (
    "The file is a link to a document, not the document. Open it, download the document as CSV or .xlsx "
    "and try again."
)
_GOOGLE = (
    "The file is a link to a Google document. Open it, choose File, Download, Comma-separated values, "
    "and try again."
)
_PROGRAM = f"The file is a program. {_EXPORT}"
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", f"The file is a PDF document. {_EXPORT}"),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"II*\0", _PICTURE),
    (b"MM\0*", _PICTURE),
    (b"\x1f\x8b", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", _PACKED),
    (b"Rar!\x1a\x07", _PACKED),
    (b"\xfd7zXZ\0", _PACKED),
    (b"\x28\xb5\x2f\xfd", _PACKED),
    (b"SQLite format 3\0", _DATABASE),
    (b"\0\1\0\0Standard ", _DATABASE),
    (b"PGDMP", _DATABASE),
    (b"PAR1", _DATABASE),
    (b"L\0\0\0\x01\x14\x02\0", _LINK),
    (b"bplist00", _LINK),
    (b"\0\x05\x16\x07", "The file is what macOS keeps beside another. Choose the one without “._” in front."),
    (b"\x7fELF", _PROGRAM),
)  # fmt: skip
_WEB_PAGE = (
    "The file is a web page (HTML), whatever its name says. Open it in a spreadsheet, save it as .xlsx or as "
    '"CSV UTF-8" and try again. If it is a sign-in page, sign in and download the list anew.'
)
_OLD_XML = (
    "The file is an XML spreadsheet of 2003, whatever its name says. "
    'Open it in a spreadsheet, save it as .xlsx or as "CSV UTF-8" and try again.'
)
_STATEMENTS = "insert into|create table|drop table|set names"
_TEXTS: tuple[tuple[str, str], ...] = (
    (r"<(!doctype html|html|head|body|meta|table|div|style)\b", _WEB_PAGE),
    (r"MIME-Version:|From:.*\nSubject:|Content-Type: multipart/", _WEB_PAGE),
    (r"<\?xml[\s\S]*urn:schemas-microsoft-com:office:spreadsheet", _OLD_XML),
    (r"<\?xml[\s\S]*<!DOCTYPE plist[\s\S]*<key>URL</key>", _LINK),
    (r"<\?xml\b|<[a-z][\w:.-]*(\s[^<>]*)?>[\s\S]*<", f"The file is XML, which is not read. {_EXPORT}"),
    (r"\[InternetShortcut\]|\[Desktop Entry\]", _LINK),
    (r"https?://\S+\s*\Z", _LINK),
    (r"\{\\rtf", f"The file is a text document (RTF). {_EXPORT}"),
    (r"BEGIN:V(CARD|CALENDAR)", f"The file is an address card or a calendar. {_EXPORT}"),
    (rf"(--[^\n]*\n\s*)*(/\*!\d|({_STATEMENTS})\b)", f"The file is SQL. {_EXPORT}"),
)  # fmt: skip
# Signs that text has none of.
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x19\x1b-\x1f]")
_BEGINS = tuple((re.compile(pattern, re.IGNORECASE), told) for pattern, told in _TEXTS)


def refuse_foreign_bytes(head: bytes) -> None:
    """Raise ImportRefused for what cannot be text, by its first bytes."""
    for beginning, told in _BEGINNINGS:
        if head.startswith(beginning):
            raise ImportRefused(told)
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] in {b"WEBP", b"WAVE", b"AVI "}):
        raise ImportRefused(f"The file is a picture, a film or a recording. {_EXPORT}")
    if head.startswith(b"MZ") and b"\0" in head:
        raise ImportRefused(_PROGRAM)


def refuse_foreign_text(text: str) -> None:
    """Raise ImportRefused for text that is no table, by how it begins, without blanks in front."""
    if len(_CONTROL.findall(text)) > len(text) // 20:
        raise ImportRefused(f"The file is no text, and of no kind that is known here. {_EXPORT}")
    if text.startswith("{") and "[" not in text and ("docs.google.com" in text or '"doc_id"' in text):
        raise ImportRefused(_GOOGLE)
    for begins, told in _BEGINS:
        if begins.match(text):
            raise ImportRefused(told)
