"""Files that people make by hand: what is read, and what is refused with which words."""

from __future__ import annotations

import io
from unittest import mock

import pytest

from integrations.files import reader as table_file
from integrations.files.reader import FileRow, ImportRefused, open_table_file
from integrations.services.imports.organizations import FILE


def read(content: str | bytes) -> list[FileRow]:
    data = content.encode() if isinstance(content, str) else content
    with open_table_file(io.BytesIO(data), FILE.columns) as file:
        return list(file.rows)


def refusal(content: str | bytes) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(content)
    return str(refused.value)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending(ending: str) -> None:
    rows = read(ending.join(["name,city", "Acme,Lima", "", "Beta,Troy"]))
    assert [(row.line, row.cells["name"]) for row in rows] == [(2, "Acme"), (4, "Beta")]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("name,city\nAcme,Lima\n", "comma"),
        ("name;city\nAcme;Lima\n", "semicolon"),
        ("name\tcity\nAcme\tLima\n", "tab"),
        ('"name";"city"\n"Acme";"Lima"\n', "semicolon"),
        ("sep=;\nname;city\nAcme;Lima\n", "semicolon"),
        ("name\nAcme\n", "comma"),
        ("name;city;notes, remarks, and more, and more\nAcme;Lima;x\n", "semicolon"),
    ],
)
def test_the_delimiter_is_found(content: str, delimiter: str) -> None:
    with open_table_file(io.BytesIO(content.encode()), FILE.columns) as file:
        assert file.delimiter == delimiter
        [row] = file.rows
    assert row.cells["name"] == "Acme"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf8_with_and_without_a_mark(mark: bytes) -> None:
    [row] = read(mark + "name\nPeña Dental\n".encode())
    assert row.cells == {"name": "Peña Dental"}


@pytest.mark.parametrize(
    "header",
    [
        "Name,External ID,Postal Code",
        "NAME,external_id,ZIP",
        " Company Name ,id,post-code",
        "client,UID,Postcode",
    ],
)
def test_columns_are_known_by_many_names(header: str) -> None:
    [row] = read(f"{header}\nAcme,7,43215\n")
    assert row.cells == {"name": "Acme", "external_id": "7", "postal_code": "43215"}


def test_our_own_column_name_wins_over_another_tools() -> None:
    with open_table_file(
        io.BytesIO(b"id,company,name,external id\n1,Holding,Acme,7\n"), FILE.columns
    ) as file:
        [row] = file.rows
        assert file.ignored == ("id", "company")
    assert row.cells == {"name": "Acme", "external_id": "7"}


def test_a_quoted_cell_may_hold_delimiters_quotes_and_lines() -> None:
    rows = read('name,city\n"Acme ""Tools"", Inc.","Lima\nOhio"\nBeta,Troy\n')
    assert rows[0].cells == {"name": 'Acme "Tools", Inc.', "city": "Lima\nOhio"}
    assert rows[1].line == 4, "lines are counted as an editor counts them"


def test_a_row_with_too_many_cells_is_its_own_problem() -> None:
    rows = read("name,city\nAcme, Inc.,Lima\nBeta,Troy,,\nGamma\n")
    assert rows[0].problem.startswith("has 3 cells, but the header has 2")
    assert [row.problem for row in rows[1:]] == ["", ""], "empty cells at the end are no problem"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty."),
        ("\ufeff", "The file is empty."),
        ("sep=;\n", "The file is empty."),
        ("\nname\nAcme\n", "The first line is empty."),
        ("city,phone\nLima,1\n", 'no column "name". The first line names these columns: city, phone.'),
        ("name,company name,name\nA,B,C\n", 'The columns "name" and "name" all mean name.'),
        ("company,customer\nA,B\n", 'The columns "company" and "customer" all mean name.'),
        ('name,city\nAcme,Lima\nBeta,"Troy\nGamma,Erie\n', "From line 3 on the file cannot be read: a quot"),
        ('name,city\nAcme,"Troy\nGamma,Erie\n', "a quotation mark is never closed."),
        ('name\n"Acme" Tools\n', "From line 2 on the file cannot be read: a quotation mark stands inside"),
        ('"name\nAcme\n', "The header (line 1) cannot be read: a quotation mark is never closed."),
        ("name\nAcme\nBe\0ta\n", "Line 3 holds NUL bytes"),
        (b"name\nAcme\nCaf\xe9\n", "Line 3 holds the byte 0xE9, which is not UTF-8."),
        ("name\nAcme\n".encode("utf-16"), "The file is UTF-16."),
        ("name\nAcme\n".encode("utf-16-le"), "Line 1 holds NUL bytes"),
        (b"\x89PNG\r\n\x1a\n", "Line 1 holds the byte 0x89"),
    ],
)  # fmt: skip
def test_unreadable_files_are_refused_with_the_place_and_the_reason(content: str | bytes, words: str) -> None:
    assert words in refusal(content)


def test_the_caps_hold() -> None:
    assert "has more than 100,000 characters" in refusal("name\n" + "x" * 100_001)
    assert "has 201 columns; 200 are allowed" in refusal(",".join(["name", *map(str, range(200))]) + "\nx\n")
    with mock.patch.object(table_file, "MAX_ROWS", 2):
        assert "more than 2 rows" in refusal("name\na\nb\nc\n")
        assert len(read("name\na\n\nb\n")) == 2
    with mock.patch.object(table_file, "MAX_CHARACTERS", 12):
        assert "more than 12 characters" in refusal("name\nabcdefghij\n")


def test_the_stream_stays_open_and_nothing_is_read_ahead_of_the_rows_asked_for() -> None:
    stream = io.BytesIO(b"name\n" + b"".join(b"Company %d\n" % number for number in range(100_000)))
    with open_table_file(stream, FILE.columns) as file:
        next(file.rows)
        assert stream.tell() < 100_000
    assert not stream.closed
    with pytest.raises(ImportRefused), open_table_file(io.BytesIO(b"name\n\xff\n"), FILE.columns) as file:
        list(file.rows)
