"""Files that are no table are refused by name, with what to do."""

from __future__ import annotations

import io

import pytest

from integrations.files.table import ImportRefused, open_table


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7\n", "The file is a PDF document. Export the list"),
        (b"\x89PNG\r\n\x1a\n", "The file is a picture."),
        (b"\xff\xd8\xff\xe0", "The file is a picture."),
        (b"RIFF\0\0\0\0WEBP", "The file is a picture"),
        (b"\0\0\0\x18ftypheic", "The file is a picture"),
        (b"\x1f\x8b\x08", "The file is a compressed archive. Unpack it"),
        (b"MZ\x90\0\x03\0", "The file is a program."),
        (b"SQLite format 3\0", "The file is a database."),
        (b"bplist00", "The file is a link to a document"),
        (b"abc\x01\x02\x03\x04def", "The file is no text"),
        (b"<html><table><tr><td>Name</td></tr></table></html>", "The file is a web page (HTML)"),
        (b"\r\n<!DOCTYPE html>\r\n<html>", "If it is a sign-in page, sign in"),
        (
            b'\xef\xbb\xbf<?xml version="1.0"?><Workbook a="urn:schemas-microsoft-com:office:spreadsheet">',
            "The file is an XML spreadsheet of 2003",
        ),
        (b'<?xml version="1.0"?><rows><row/></rows>', "The file is XML"),
        (b"[InternetShortcut]\r\nURL=https://example.com/", "The file is a link to a document"),
        (b"https://docs.google.com/spreadsheets/d/1/edit\n", "The file is a link to a document"),
        (b'{"":"DO NOT EDIT","doc_id":"1","resource_key":"","email":"a@b.c"}', "link to a Google document"),
        (b"{\\rtf1\\ansi Name}", "The file is a text document (RTF)"),
        (b"BEGIN:VCARD\r\nVERSION:3.0", "The file is an address card"),
        (b"-- MySQL dump 10.13\n--\n\n/*!40101 SET NAMES utf8 */;\n", "The file is SQL"),
        (b"INSERT INTO clients VALUES (1);\n", "The file is SQL"),
    ],
)
def test_it_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ImportRefused) as refused, open_table(io.BytesIO(data)):
        pass
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        b"MZ,firm\nA,B\n",
        b"firm,site\nA,https://docs.google.com/x\n",
        b"IDENTIFIER;P\nA;B\n",
        b"GIF,JPG\nA,B\n",
    ],
)
def test_a_table_that_begins_like_it_is_read(data: bytes) -> None:
    with open_table(io.BytesIO(data)) as table:
        assert [row.cells[0] for row in table.rows] == ["A"]
