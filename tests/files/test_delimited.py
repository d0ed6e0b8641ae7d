"""Tables in text: what is found out about them, what is read, and what is refused with which words."""

from __future__ import annotations

import io

import pytest

from integrations.files import shape as shape_module
from integrations.files import table as table_module
from integrations.files.table import ANY, ImportRefused, Shape, TableRow, open_table


def read(content: str | bytes, wanted: Shape = ANY) -> tuple[Shape, tuple[str, ...], list[TableRow]]:
    data = content.encode() if isinstance(content, str) else content
    with open_table(io.BytesIO(data), wanted) as table:
        return table.shape, table.columns, list(table.rows)


def refusal(content: str | bytes, wanted: Shape = ANY) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(content, wanted)
    return str(refused.value)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending(ending: str) -> None:
    _, columns, rows = read(ending.join(["firm,town", "Acme,Lima", "", "Beta,Troy"]))
    assert columns == ("firm", "town")
    assert [(row.line, row.cells) for row in rows] == [(2, ("Acme", "Lima")), (4, ("Beta", "Troy"))]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("firm,town\nAcme,Lima\n", ","),
        ("firm;town\nAcme;Lima\n", ";"),
        ("firm\ttown\nAcme\tLima\n", "\t"),
        ("firm|town\nAcme|Lima\n", "|"),
        ('"firm";"town"\n"Acme";"Lima"\n', ";"),
        ("sep=;\nfirm;town\nAcme;Lima\n", ";"),
        ("firm;town\nAcme, Inc.;Lima\nBeta, Inc.;Troy\n", ";"),
        ("firm;town;notes, remarks, and more, and more\nAcme;Lima;x\n", ";"),
        ("firm\nAcme\n", ""),
    ],
)
def test_the_delimiter_is_found(content: str, delimiter: str) -> None:
    shape, columns, rows = read(content)
    assert shape.delimiter == delimiter
    assert (columns[0], rows[0].cells[0].removesuffix(", Inc.")) == ("firm", "Acme")
    assert read(content, shape) == (shape, columns, rows), "what was found, read as a wish, gives the same"


def test_a_file_of_one_column_may_have_commas_in_its_names() -> None:
    assert [row.cells for row in read("name\nAcme, Inc.\nBeta, Gamma & Sons, LLC\n")[2]] == [
        ("Acme, Inc.",),
        ("Beta, Gamma & Sons, LLC",),
    ]


def test_a_person_can_say_it_otherwise() -> None:
    content = "a;b,c\n1;2,3\n4;5,6\n"
    assert read(content, Shape(delimiter=","))[1] == ("a;b", "c")
    assert read(content, Shape(delimiter=";"))[1] == ("a", "b,c")
    shape, columns, rows = read(content, Shape(header_line=2))
    assert (shape.header_line, columns, len(rows)) == (2, ("1;2", "3"), 1)
    assert refusal(content, Shape(header_line=9)).startswith("Nothing stands on line 9")
    assert "one of the first 1,000 lines" in refusal(content, Shape(header_line=5_000))
    assert refusal(content, Shape(delimiter="||")).startswith("A delimiter is one sign")
    assert refusal(content, Shape(format="prose")).startswith("The format “prose” is not known.")
    assert refusal(content, Shape(encoding="klingon")).startswith('The encoding "klingon" is not known.')


@pytest.mark.parametrize(
    "above",
    [
        "Customer export\n\n",
        "Customer export,,,\nExported on 2026-03-01 by Kim,,,\n,,,\n",
        "#TYPE Selected.System.Management.Automation.PSCustomObject\n",
        "# made by a script\n# on 2026-03-01\n",
        "Report:,Customers\nDate:,2026-03-01\n\n",
    ],
)
def test_what_stands_above_the_names_is_left_out_and_said(above: str) -> None:
    content = above + "firm,town,zip code,fon\nAcme,Lima,45801,1\nBeta,,45802,\n"
    with open_table(io.BytesIO(content.encode())) as table:
        assert table.columns == ("firm", "town", "zip code", "fon")
        assert table.shape.header_line == above.count("\n") + 1
        assert [row.cells[0] for row in table.rows] == ["Acme", "Beta"]
    [note] = table.notes
    assert note.startswith("What stands above the names of the columns was left out: “")


def test_a_title_above_one_column_is_no_name_of_it() -> None:
    shape, columns, rows = read("Customer List\n\nCompany Name\nAcme\nBeta, Inc.\n")
    assert (shape.header_line, columns) == (3, ("Company Name",))
    assert [row.cells for row in rows] == [("Acme",), ("Beta, Inc.",)]


def test_columns_without_a_name_or_with_the_name_of_another() -> None:
    with open_table(io.BytesIO(b"firm,,town,town,,\nAcme,x,Lima,Troy,,\nBeta,,,\n")) as table:
        assert table.columns == ("firm", "Column 2", "town", "town (2)")
        assert [row.cells for row in table.rows] == [("Acme", "x", "Lima", "Troy"), ("Beta", "", "", "")]
    assert len(table.notes) == 2


def test_a_quoted_cell_may_hold_delimiters_quotes_and_lines() -> None:
    rows = read('firm,town\n"Acme ""Tools"", Inc.","Lima\nOhio"\nBeta,Troy\n')[2]
    assert rows[0].cells == ('Acme "Tools", Inc.', "Lima\nOhio")
    assert rows[1].line == 4, "lines are counted as an editor counts them"


def test_a_row_with_too_many_cells_is_its_own_problem() -> None:
    rows = read("firm,town\nAcme, Inc.,Lima\nBeta,Troy,,\nGamma\n")[2]
    assert rows[0].problem.startswith("has a value in column 3, which has no name")
    assert [row.problem for row in rows[1:]] == ["", ""], "empty cells at the end are no problem"


@pytest.mark.parametrize(
    "last",
    [
        "Total: 2 rows",
        "Total,,,7",
        '"Grand total","","","7"',
        "(2 rows affected)",
        "2 records",
        "Exported on 2026-03-01 by Kim",
        "# end",
        "Gesamt: 2,,,",
        "Page 1 of 1",
        "© 2026 Somebody",
    ],
)
def test_what_closes_the_table_is_left_out_and_said(last: str) -> None:
    content = f"firm,town,zip,n\nAcme,Lima,45801,3\nBeta,Troy,12180,4\n\n{last}\n"
    with open_table(io.BytesIO(content.encode())) as table:
        assert [row.cells[0] for row in table.rows] == ["Acme", "Beta"]
        [note] = table.notes
    assert note.startswith("A line that closes the table was left out: “")


@pytest.mark.parametrize(
    "last",
    ["TotalEnergies,Paris,75001,5", "#1 Auto Repair,,,", "Total Wine & More", "5 Guys,,,", "Summit,,,"],
)
def test_a_row_that_only_looks_like_it_stays(last: str) -> None:
    rows = read(f"firm,town,zip,n\nAcme,Lima,45801,3\n{last}\n")[2]
    assert rows[-1].cells[0] == last.split(",")[0]


def test_rulers_and_names_that_come_again_are_no_rows() -> None:
    table = "| firm | town |\n|---|---|\n| Acme | Lima |\n"
    assert read(table)[1] == ("firm", "town")
    assert [row.cells[0].strip() for row in read(table)[2]] == ["Acme"]
    assert [row.line for row in read("firm,town\n[required],[optional]\nAcme,Lima\n")[2]] == [3]
    assert [row.line for row in read("\ufefffirm,town\nAcme,Lima\n\ufefffirm,town\nBeta,Troy\n")[2]] == [2, 4]
    assert [row.line for row in read("firm,town\nAcme,Lima\nfirm,town\nBeta,Troy\n")[2]] == [2, 4]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("firm,town\nPeña,Köln\n".encode(), "utf-8"),
        ("firm,town\nPeña,Köln\n".encode("utf-8-sig"), "utf-8"),
        ("\ufefffirm,town\nPeña,Köln\n".encode("utf-16-le"), "utf-16-le"),
        ("\ufefffirm,town\nPeña,Köln\n".encode("utf-16-be"), "utf-16-be"),
        ("firm,town\nPeña,Köln\n".encode("utf-16-le"), "utf-16-le"),
        ("firm,town\nPeña,Köln\n".encode("utf-16-be"), "utf-16-be"),
        ("firm,town\nPeña,Köln\n".encode("cp1252"), "cp1252"),
        ("firm,town\nPeña,Köln\n".encode("mac-roman"), "mac-roman"),
        ("firm,town\nPeña,Köln\n".encode("cp850"), "cp850"),
        ("firm,town\nPeña,Köln\n".encode("utf-32"), "utf-32-le"),
        ("firm,town\nPeña,Köln\n株式会社,東京\n".encode("utf-16"), "utf-16-le"),
    ],
)
def test_encodings_are_found(data: bytes, encoding: str) -> None:
    shape, columns, rows = read(data)
    assert (shape.encoding, columns, rows[0].cells) == (encoding, ("firm", "town"), ("Peña", "Köln"))
    assert read(data, shape) == (shape, columns, rows)


def test_an_assumed_encoding_is_said_with_its_place() -> None:
    with open_table(io.BytesIO("firm\nAcme\nSmith’s Café\n".encode("cp1252"))) as table:
        assert [row.cells[0] for row in table.rows] == ["Acme", "Smith’s Café"]
    [note] = table.notes
    assert note == (
        "The file is not UTF-8 (line 3 holds the byte 0x92); it was read as Windows-1252 (Western European). "
        "If letters look wrong, choose another encoding."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty."),
        ("\ufeff", "The file is empty."),
        ("sep=;\n", "The file is empty."),
        ("\n\n", "The file is empty."),
        ('firm,town\nAcme,Lima\nBeta,"Troy\nGamma,Erie\n', "From line 3 on the file cannot be read: a quot"),
        ('firm,town\nAcme,"Troy\nGamma,Erie\n', "a quotation mark is never closed."),
        ('firm\n"Acme" Tools\n', "From line 2 on the file cannot be read: a quotation mark stands inside"),
        ('"firm\nAcme\n', "The header (line 1) cannot be read: a quotation mark is never closed."),
        ("firm\nAcme\nBe\0ta\n", "Line 3 holds NUL bytes"),
        ("firm\nPeña\nKöln\n".encode() + b"Caf\xe9\n", "The file is UTF-8, but line 4 holds the byte 0xE9"),
        (b"firm\nx\x81\x9d\x90\n", "The file is not UTF-8: line 2 holds the byte 0x81"),
        ("firm\n" + "x" * 100_001, "Line 2 has more than 100,000 characters"),
        (",".join(f"c{number}" for number in range(201)) + "\nx\n", "Line 1 names 201 columns; 200 "),
    ],
)  # fmt: skip
def test_unreadable_files_are_refused_with_the_place_and_the_reason(content: str | bytes, words: str) -> None:
    assert words in refusal(content)


def test_the_caps_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "MAX_ROWS", 2)
    assert "more than 2 rows" in refusal("firm\na\nb\nc\n")
    assert len(read("firm\na\n\nb\n")[2]) == 2
    monkeypatch.setattr(shape_module, "MAX_CHARACTERS", 12)
    assert "more than 12 characters" in refusal("firm\nabcdefghij\n")
    assert "more than 12 characters" in refusal('[{"firm": "Acme"}]')


def test_the_stream_stays_open_and_nothing_is_read_ahead_of_the_rows_asked_for() -> None:
    stream = io.BytesIO(b"firm\n" + b"".join(b"Company %d\n" % number for number in range(100_000)))
    with open_table(stream) as table:
        next(table.rows)
        assert stream.tell() < 100_000
    assert not stream.closed


def test_a_sign_inside_quoted_cells_is_no_delimiter() -> None:
    rows = "".join(f'"Firm {n}","\tTroy"\n"Shop {n}","\tErie","5{n}"\n' for n in range(9))
    shape, names, _ = read(f'"name","city","phone"\n{rows}')
    assert shape.delimiter == ","
    assert names == ("name", "city", "phone")
