"""Workbooks: what is read as what a person would have typed, and what is refused with the process alive."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from integrations.files import workbook
from integrations.files.child import values_from_child
from integrations.files.table import ANY, ImportRefused, Shape, TableRow, open_table
from tests.support.workbooks import Error, Formula, Sheet, compound, ods, xls, xlsx, zipped

pytestmark = pytest.mark.process


def surroundings() -> Iterator[list[str]]:
    yield sorted(os.environ)
    yield os.listdir("/proc/self/fd")  # noqa: PTH208  # with the one that lists them


def read(content: bytes, wanted: Shape = ANY) -> tuple[tuple[str, ...], list[TableRow], tuple[str, ...]]:
    with open_table(io.BytesIO(content), wanted) as table:
        assert table.shape.format == "workbook"
        return table.columns, list(table.rows), table.notes


def refusal(content: bytes, wanted: Shape = ANY) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(content, wanted)
    return str(refused.value)


@pytest.mark.parametrize("write", [xlsx, xls, ods])
def test_each_kind_of_workbook_is_read(write: object) -> None:
    rows = [["Firm", "Town", "Number"], ["Müller & Söhne", "Köln", 7], [], ["Beta", None, 8.0]]
    assert callable(write)
    columns, read_rows, _ = read(write({"Kunden": rows}))
    assert columns == ("Firm", "Town", "Number")
    assert read_rows == [
        TableRow(2, ("Müller & Söhne", "Köln", "7"), is_exact=True),
        TableRow(4, ("Beta", "", "8"), is_exact=True),
    ]


def test_values_are_what_a_person_would_type() -> None:
    values = {
        12.0: "12",
        0.1 + 0.2: "0.3",
        1.5e-7: "0.00000015",
        5e15: "5000000000000000",
        493012345678: "493012345678",
        -3.25: "-3.25",
        "007": "007",
        "1e5": "1e5",
        date(2024, 5, 1): "2024-05-01",
        datetime.fromisoformat("2024-05-01 13:30"): "2024-05-01 13:30:00",
        True: "yes",
        Formula("1+1", 2): "2",
        Formula('"a"&"b"', "ab"): "ab",
    }
    [_, [row], _] = read(xlsx({"S": [[f"c{number}" for number in range(len(values))], list(values)]}))
    assert row.cells == tuple(values.values())


def test_an_error_is_the_problem_of_its_row() -> None:
    rows = read(xlsx({"S": [["Firm", "Sum"], ["Acme", Formula("1/0", Error("#DIV/0!"))], ["Beta", 1]]}))[1]
    assert [row.problem for row in rows] == ["has the error #DIV/0! in the column “Sum”", ""]


def test_the_first_sheet_with_a_table_is_read_and_the_others_are_named() -> None:
    content = xlsx(
        {
            "Read me": [["Customers of 2026"]],
            "Old": Sheet([["Firm", "Town"], ["Gone", "Lima"]], state="hidden"),
            "Current": [["Firm", "Town"], ["Acme", "Lima"]],
        }
    )
    with open_table(io.BytesIO(content)) as table:
        assert (table.shape.sheet, table.sheets) == ("Current", ("Read me", "Old", "Current"))
        assert [row.cells[0] for row in table.rows] == ["Acme"]
        assert table.notes == (
            "The sheet “Current” was read; the workbook also has “Read me”, “Old” (hidden).",
        )
    assert read(content, Shape(sheet="Old"))[1][0].cells == ("Gone", "Lima")
    assert "no sheet “New”. Choose one of: “Read me”, “Old”" in refusal(content, Shape(sheet="New"))


def test_merged_names_titles_and_totals() -> None:
    content = xlsx(
        {
            "S": Sheet(
                [
                    ["Customers 2026"],
                    [],
                    ["Firm", "Address", "", "Fon"],
                    ["", "City", "Zip", ""],
                    ["Acme", "Lima", "45801", "1"],
                    ["Beta", "Troy", "12180", "2"],
                    ["Total: 2"],
                ],
                ("A1:D1", "A3:A4", "B3:C3", "D3:D4"),
            )
        }
    )
    columns, rows, notes = read(content)
    assert columns == ("Firm", "City", "Zip", "Fon")
    assert [(row.line, row.cells[0]) for row in rows] == [(5, "Acme"), (6, "Beta")]
    assert "A line that closes the table was left out: “Total: 2”." in notes
    assert read(content, Shape(header_line=3))[0] == ("Firm", "Address", "Address (2)", "Fon")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (xlsx({"S": Sheet([["Firm", "Id"], ["A", 1]], at="XFD1048576")}), "more than 400 MB of memory"),
        (xlsx({"S": Sheet([["Firm", "Id"], ["A", 1]], at="ZZ900000")}), "press Ctrl+End to find it"),
        (xlsx({"S": [[f"c{number}" for number in range(16_384)]]}), "names 16,384 columns; 200 are allowed"),
        (ods({"S": [["a"]]}, before='<table:table-cell table:number-columns-repeated="1000000" '
             'office:value-type="string"><text:p>x</text:p></table:table-cell>'), "columns; 200 are allowed"),
        (xlsx({"S": []}), "The workbook is empty"),
        (xls({"S": [["Firm"]]}, locked=True), "The workbook has a password."),
        (compound({"EncryptionInfo": b"x", "EncryptedPackage": b"y" * 5000}), "The workbook has a password."),
        (compound({"WordDocument": b"x"}), "The file is a Word document"),
        (compound({"Something": b"x"}), "The workbook is damaged or of a kind that cannot be read"),
        (zipped({"word/document.xml": b"x"}), "The file is a Word or PowerPoint document"),
        (zipped({"Index/Document.iwa": b"x"}), "In Numbers choose File, Export To, CSV"),
        (zipped({"customers.csv": b"name\nAcme\n"}), "archive with “customers.csv” in it. Unpack it"),
        (xlsx({"S": [["Firm"], ["Acme"]]})[:-200], "The file is a damaged ZIP archive"),
        (zipped({"xl/workbook.xml": b"<a"}), "The workbook is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(content: bytes, words: str) -> None:
    assert words in refusal(content)
    assert read(xlsx({"S": [["Firm"], ["Acme"]]}))[1], "and the next one is read"


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    bomb = zipped({"xl/workbook.xml": b"\0" * 501_000_000})  # a second: not at each collection
    assert "The workbook unpacks to 501 MB" in refusal(bomb)
    assert read(xlsx({"S": [["Firm"], ["Acme"]]}))[1], "and the next one is read"


def test_the_caps_on_time_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SECONDS", 0.01)
    assert "seconds to open" in refusal(xlsx({"S": [["Firm"], ["Acme"]]}))


def test_the_child_ends_with_whoever_reads() -> None:
    content = xlsx({"S": [["Firm"], *([f"Company {number}"] for number in range(20_000))]})
    with open_table(io.BytesIO(content)) as table:
        next(table.rows)
        children = _children()
        assert len(children) == 1
    assert not any(_is_alive(child) for child in children)


def test_the_child_knows_nothing_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for children")
    with Path(os.devnull).open("rb") as nothing, Path(__file__).open("rb"):
        told = list(values_from_child(surroundings, file=nothing, seconds=60, megabytes=800))
    assert "SECRET_KEY" not in told[0]
    assert len(told[1]) <= 4, "no file of the parent is open in it"


def _children() -> list[int]:
    return list(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()))


def _is_alive(child: int) -> bool:
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True
