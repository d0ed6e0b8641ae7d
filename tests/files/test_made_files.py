"""Files made in all the ways that programs have: what was written is read, or refused with a reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.files.table import ANY, ImportRefused, Shape, open_table
from tests.support.properties import examples
from tests.support.workbooks import ods, xls, xlsx, zipped

HEADERS = [
    ["Name", "City", "Postal Code", "External ID"],
    ["Firma", "Ort", "PLZ", "Kundennummer"],
    ["Société", "Ville", "Code postal", "Numéro"],
    ["Bedrijf", "Plaats", "Postcode", "Klantnummer"],
    ["Empresa", "Ciudad", "Código", "Número"],
    ["displayName", "cityName", "zipCode", "externalId"],
    ["Name [required]", "City [optional]", "Zip", "ID [updates only]"],
]
UNUSUAL = ["Frm", "Twn", "Rgn", "Ref"]  # no words that anybody would know
ABOVE = [
    [],
    ["Customers"],
    ["Customers of 2026", ""],
    ["# exported by a tool", "# on 2026-03-01"],
    ["#TYPE System.Management.Automation.PSCustomObject"],
]
BELOW = ["", "Total: 7 rows", "(7 rows affected)", "Exported on 2026-03-01"]
WORDS = st.text(st.sampled_from("abcDEF xyz-&.'/"), min_size=1, max_size=8).map(str.strip).filter(bool)
ACCENTED = st.sampled_from(["Müller", "Café", "Peña", "Søren", "Français", "Köln", "naïve", "Straße"])
TROUBLE = st.sampled_from(
    ['A "B" C', "Acme, Inc.", "a;b", "two\nlines", "tab\there", "a|b", "'quoted'", "=1+1", "007", "1e5"]
)
FIRMS = st.one_of(WORDS.map("Firm {}".format), ACCENTED, TROUBLE)
CELLS = st.one_of(st.just(""), WORDS, ACCENTED, TROUBLE, st.integers(0, 99_999).map(str))
ROWS = st.lists(st.tuples(FIRMS, CELLS, CELLS, CELLS).map(list), min_size=1, max_size=8)


WRITERS: list[Callable[..., bytes]] = [xlsx, xls, ods]


class Made(NamedTuple):
    """A file, what its columns are called, and the rows in it."""

    content: bytes
    names: list[str]
    rows: list[list[str]]


@st.composite
def delimited(draw: st.DrawFn) -> Made:
    """A table in text, as some program writes it."""
    width = draw(st.sampled_from([2, 3, 4, 4]))
    names, rows = draw(st.sampled_from([*HEADERS, UNUSUAL]))[:width], [row[:width] for row in draw(ROWS)]
    delimiter, ending = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\r\n", "\n", "\r"]))
    # Python's writer would leave a line within a cell bare where lines end otherwise.
    everything = ending == "\r" or draw(st.booleans())
    text = io.StringIO()
    if delimiter == ";" and draw(st.booleans()):
        text.write(f"sep=;{ending}")
    text.writelines(line + ending for line in draw(st.sampled_from(ABOVE)))
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    if everything:
        writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    spare = [""] * draw(st.sampled_from([0, 0, 1, 3]))
    writer.writerow([*names, *spare])
    for row in rows:
        writer.writerow([*row, *spare])
        text.write(ending * draw(st.sampled_from([0, 0, 1])))
    text.write(draw(st.sampled_from(BELOW)))
    codec = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]))
    mark = "\ufeff" if codec == "utf-16-be" and draw(st.booleans()) else ""
    return Made((mark + text.getvalue()).encode(codec), names, rows)


@st.composite
def answered(draw: st.DrawFn) -> Made:
    """Rows in JSON, as some program answers them."""
    names, rows = draw(st.sampled_from(HEADERS)), draw(ROWS)
    objects: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    paging = {"page": 1, "next": None, "links": {"self": "https://example.com/"}}
    wraps = {
        "bare": objects,
        "named": {**paging, draw(st.sampled_from(["sites", "clients", "value", "items", "Kunden"])): objects},
        "nested": {"status": 200, "results": {"rows": objects, "count": len(objects)}},
        "attributes": {"data": [{"attributes": each} for each in objects], "meta": paging},
        "edges": {"data": {"organizations": {"edges": [{"node": each} for each in objects]}}},
        "pages": [{"sites": [each], **paging} for each in objects],
    }
    indent = draw(st.sampled_from([None, None, 2]))
    kind = draw(st.sampled_from([*wraps, "lines", "concatenated"]))
    dumped = [json.dumps(each, ensure_ascii=draw(st.booleans())) for each in objects]
    if kind == "lines":
        text = draw(st.sampled_from(["\n", "\r\n"])).join(dumped)
    elif kind == "concatenated":
        text = "".join(f'{{"sites": [{each}], "page": {at}}}' for at, each in enumerate(dumped))
    else:
        text = json.dumps(wraps[kind], indent=indent)
    return Made(text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))), names, rows)


@st.composite
def in_workbooks(draw: st.DrawFn) -> Made:
    """Rows in a workbook."""
    names, rows = draw(st.sampled_from(HEADERS)), draw(ROWS)
    above = draw(st.sampled_from([[], [["Customers"], []]]))
    write = draw(st.sampled_from(WRITERS))
    return Made(write({"Sheet 1": [*above, names, *rows]}), names, rows)


def read(content: bytes, wanted: Shape = ANY) -> tuple[Shape, list[str], list[list[str]]]:
    with open_table(io.BytesIO(content), wanted) as table:
        rows = list(table.rows)
        assert not [row.problem for row in rows if row.problem]
        return table.shape, list(table.columns), [list(row.cells) for row in rows]


def holds(made: Made) -> None:
    """The file is read as what was written; what was found out, said as a wish, changes nothing."""
    shape, names, rows = read(made.content)
    assert (names, rows) == (made.names, made.rows)
    assert read(made.content, shape) == (shape, names, rows)


@given(st.one_of(delimited(), answered()))
@examples(1_000)
def test_what_was_written_is_read(made: Made) -> None:
    holds(made)


@pytest.mark.parametrize("last", ["Straße,Straße", "Straße,Ort"])
def test_a_last_row_of_words_that_name_columns_names_none(last: str) -> None:
    content = f"Frm,Twn\r\nFirm D,\r\nFirm D,\r\n{last}\r\n".encode()
    with open_table(io.BytesIO(content)) as table:
        assert table.columns == ("Frm", "Twn")
        assert len(list(table.rows)) == 3


@pytest.mark.process
@given(in_workbooks())
@examples(15)
def test_what_was_written_to_a_workbook_is_read(made: Made) -> None:
    holds(made)


def read_or_refused(content: bytes, wanted: Shape = ANY) -> None:
    told = "everything was read"
    try:
        with open_table(io.BytesIO(content), wanted) as table:
            for row in table.rows:
                assert len(row.cells) == len(table.columns)
    except ImportRefused as refused:
        told = str(refused)
    assert len(told) > 10


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A file in which something was cut off, changed or put in."""
    content = draw(st.one_of(delimited(), answered())).content
    at = draw(st.integers(0, len(content)))
    other = draw(
        st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"\0", b"\xff", b"{", b"]", b"\r", b"NaN"]))
    )
    return content[:at] + other + content[at + draw(st.sampled_from([0, 1, 2, 10_000])) :]


SHAPES = st.builds(
    Shape,
    format=st.sampled_from(["", "", "csv", "json", "jsonl"]),
    encoding=st.sampled_from(["", "", "utf-8", "utf-16-le", "cp1252", "shift_jis", "nonsense"]),
    delimiter=st.sampled_from(["", "", ",", ";", "x", '"', "||"]),
    header_line=st.sampled_from([0, 0, 1, 2, 50, 10**9, -1]),
    envelope=st.sampled_from(["", "", "sites", "nowhere"]),
)


# Among what is drawn are the first bytes of a workbook, which a process opens.
@pytest.mark.process
@given(st.one_of(spoiled(), st.binary(max_size=200), st.text(max_size=100).map(str.encode)), SHAPES)
@example(b"name\n" + b"x," * 40_000, ANY)
@example(b'{"a":' * 5_000, ANY)
@example(b"\xff\xfe\0", ANY)
@example(b",", ANY)
@example(b'""\n;;', ANY)
@examples(500)
def test_nothing_but_a_refusal_comes_of_a_spoiled_file(content: bytes, wanted: Shape) -> None:
    read_or_refused(content, wanted)


@pytest.mark.process
@given(st.one_of(spoiled(), st.binary(max_size=2_000), st.text(max_size=500).map(str.encode)), SHAPES)
@examples(1_000)
def test_nothing_but_a_refusal_comes_of_whatever_bytes(content: bytes, wanted: Shape) -> None:
    read_or_refused(content, wanted)


GOOD = [write({"S": [["Name", "Since"], ["Acme", date(2024, 5, 1)]]}) for write in WRITERS]


@pytest.mark.process
@given(st.sampled_from(GOOD), st.integers(0, 20_000), st.binary(min_size=1, max_size=3))
@examples(15)
def test_nothing_but_a_refusal_comes_of_a_spoiled_workbook(content: bytes, at: int, other: bytes) -> None:
    at %= len(content)
    read_or_refused(content[:at] + other + content[at + len(other) :])
    read_or_refused(content[:at])
    read_or_refused(zipped({"xl/workbook.xml": content[:at], "[Content_Types].xml": other}))
