"""JSON: which of its lists is the table, what its columns and cells are, and what is refused where."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from integrations.files.table import ANY, ImportRefused, Shape, Table, TableRow, open_table


def read(content: Any, wanted: Shape = ANY) -> tuple[Table, list[TableRow]]:
    text = content if isinstance(content, str) else json.dumps(content)
    with open_table(io.BytesIO(text.encode()), wanted) as table:
        rows = list(table.rows)
        assert all(row.is_exact for row in rows)
        return table, rows


def refusal(content: Any, wanted: Shape = ANY) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(content, wanted)
    return str(refused.value)


def firms(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"Firm {number}"} for number in range(first, first + count)]


GRAPH = {"data": {"organizations": {"edges": [{"node": firm, "cursor": "x"} for firm in firms(3)]}}}
STANDARD = {
    "data": [{"id": str(n), "type": "organizations", "attributes": {"name": f"Firm {n}"}} for n in range(3)]
}


@pytest.mark.parametrize(
    ("content", "envelope"),
    [
        (firms(3), ""),
        ({"sites": firms(3), "pageDetails": {"count": 3, "nextPageUrl": None}}, "sites"),
        ({"@odata.context": "x", "value": firms(3)}, "value"),
        ({"results": {"rows": firms(3), "total": 3}}, "results.rows"),
        ({"status": {"name": "ok", "id": 1}, "payload": {"Kunden": firms(3)}}, "payload.Kunden"),
        (STANDARD, "data[].attributes"),
        (GRAPH, "data.organizations.edges[].node"),
        ({str(firm["id"]): firm for firm in firms(3)}, "{}"),
        ({"tenants": {str(firm["id"]): firm for firm in firms(3)}, "count": 3}, "tenants{}"),
        ([{"sites": firms(2)}, {"sites": firms(1, first=2)}], "[].sites"),
        ("\n".join(json.dumps({"page": n, "sites": firms(1, first=n)}) for n in range(3)), "sites"),
        (json.dumps(firms(2)) + json.dumps(firms(1, first=2)), ""),
        ("\n".join(map(json.dumps, firms(3))), ""),
        ({"clients": firms(3), "users": firms(9)}, "clients"),
        ({"errors": [{"code": 1}] * 9, "things": firms(3)}, "things"),
        ([{**firm, "contacts": firms(9)} for firm in firms(3)], ""),
    ],
)  # fmt: skip
def test_the_list_inside_is_found(content: Any, envelope: str) -> None:
    table, rows = read(content)
    assert table.shape.envelope == envelope
    assert envelope in table.envelopes
    at = table.columns.index("name")
    assert [row.cells[at] for row in rows] == ["Firm 0", "Firm 1", "Firm 2"]
    assert [row.line for row in rows] == [1, 2, 3]
    assert read(content, table.shape)[1] == rows, "what was found, read as a wish, gives the same"


def test_another_list_can_be_chosen() -> None:
    content = {"clients": firms(3), "users": [{"id": 1, "name": "Kim"}]}
    table, rows = read(content, Shape(envelope="users"))
    assert (table.envelopes, [row.cells for row in rows]) == (("clients", "users"), [("1", "Kim")])
    assert "no list “firms”. Choose one of: “clients”, “users”." in refusal(content, Shape(envelope="firms"))
    nested = [{**firm, "contacts": [{"name": "Kim", "id": 7}]} for firm in firms(2)]
    assert [row.cells for row in read(nested, Shape(envelope="[].contacts"))[1]] == [("Kim", "7")] * 2


def test_what_an_object_holds_becomes_columns_with_dotted_names() -> None:
    table, [row] = read(
        [{"name": "Acme", "address": {"city": "Lima", "geo": {"lat": 1.5}}, "tags": ["a", 1]}]
    )
    assert table.columns == ("name", "address.city", "address.geo.lat", "tags")
    assert row.cells == ("Acme", "Lima", "1.5", '["a",1]')
    many = [{"name": "Acme", "more": {str(number): number for number in range(300)}}]
    assert read(many)[0].columns == ("name", "more"), "unless there would be too many"


def test_what_stands_beside_the_row_is_not_lost() -> None:
    table, rows = read({"data": [{"id": "7", "attributes": {"name": "Acme", "id": 1}}]})
    assert dict(zip(table.columns, rows[0].cells, strict=True)) == {
        "name": "Acme",
        "id": "1",
        "outer.id": "7",
    }
    table, rows = read({"7": {"name": "Acme"}, "8": {"name": "Beta"}})
    assert (table.columns, [row.cells for row in rows]) == (("name", "key"), [("Acme", "7"), ("Beta", "8")])


def test_names_that_come_late_are_told() -> None:
    table, rows = read(
        [*({"name": "x"} for _ in range(1_000)), {"name": "y", "late": 1}, {"late": 2, "more": 3}]
    )
    assert (table.columns, table.late_columns, len(rows)) == (("name",), ["late", "more"], 1_002)


def test_numbers_are_what_a_person_would_type() -> None:
    [_, [row]] = read(
        '[{"a": 12.0, "b": 5e15, "c": 1.50, "d": 1e-7, "e": 12345678901234567890, "f": true, "g": null}]'
    )
    assert row.cells == ("12", "5000000000000000", "1.5", "0.0000001", "12345678901234567890", "yes", "")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('{"name": NaN}', "holds NaN, which is no JSON value; write null"),
        ('{"name": [-Infinity]}', "holds -Infinity, which is no JSON value; write null"),
        ('{"name": 1e999}', "holds the number 1e999, which is too large"),
        (f'{{"name": {"9" * 5_000}}}', "holds a number of 5,000 digits"),
        ('{"name": "A", "name": "B"}', "has the name “name” twice"),
        ('{"name": "\\ud800"}', "holds half of a character (a lone surrogate)"),
        ("7", "is no JSON object"),
    ],
)
def test_what_is_wrong_with_one_object_is_its_problem(value: str, problem: str) -> None:
    rows = read(f'[{{"name": "Acme"}},\n{value},\n{{"name": "Beta"}}]')[1]
    assert [row.problem for row in rows] == ["", problem, ""]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "The file holds a list without objects in it"),
        ('["a"]', "The file holds a list without objects in it"),
        ('{"error": "Unauthorized", "message": "x"}', "At its top are these names: error, message."),
        ('{"sites": [], "count": 0}', "At its top are these names: sites, count."),
        ('{"name": "A"', "From line 1 on the file cannot be read as JSON"),
        ('[{"name": "A"},\n{"name": "B",}]', "From line 2 on the file cannot be read as JSON"),
        ('[{"name": "A"}\n{"name": "B"}]', "From line 2 on the file cannot be read as JSON"),
        ("[" * 100_000, "it is nested too deep"),
        ('{"a":' * 100_000, "it is nested too deep"),
        (f'[{{"a": "{"x" * 200_000}"}}]', "a text has more than 100,000 characters"),
        ('[{"a": [' + "1," * 60_000 + "1]}]", "an object has more than 100,000 characters"),
        (json.dumps([{str(number): 1 for number in range(201)}]), "have 201 names; 200 are allowed"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_place(content: str, words: str) -> None:
    assert words in refusal(content)


def test_a_long_list_is_read_as_its_rows_are_asked_for() -> None:
    stream = io.BytesIO(json.dumps(firms(100_000)).encode())
    with open_table(stream) as table:
        next(table.rows)
        assert stream.tell() < 500_000
    assert not stream.closed


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ({"@odata.nextLink": "https://graph.example/next"}, "@odata.nextLink"),
        ({"pageDetails": {"count": 3, "nextPageUrl": "https://rmm.example/2"}}, "pageDetails.nextPageUrl"),
        ({"links": {"next": {"href": "https://x.example"}}}, "links.next"),
        ({"pageInfo": {"hasNextPage": True, "endCursor": "x"}}, "pageInfo.hasNextPage"),
        ({"has_more": True}, "has_more"),
        ({"last": False, "number": 0}, "last"),
        ({"meta": {"current-page": 1, "total-pages": 4}}, "meta.total-pages"),
        ({"meta": {"total-count": 812}}, "of 812 rows (“meta.total-count”)"),
        ({"record_count": 3, "total": 50}, "of 50 rows (“total”)"),
        ({"@odata.count": 9}, "of 9 rows (“@odata.count”)"),
    ],
)
def test_one_page_of_many_is_told(beside: dict[str, Any], told: str) -> None:
    for content in ({**beside, "value": firms(3)}, {"value": firms(3), **beside}):
        [note] = read(content)[0].notes
        assert note.startswith(("These are only some of the rows", "These are only 3 of"))
        assert told in note


@pytest.mark.parametrize(
    "beside",
    [
        {
            "pageDetails": {
                "count": 3,
                "totalCount": 3,
                "nextPageUrl": None,
                "prevPageUrl": "https://x.example",
            }
        },
        {"links": {"next": None, "self": "https://x.example"}, "total": 3},
        {"hasMore": False, "isLast": True, "total_pages": 1, "nextPage": 0, "next_token": ""},
        {"nextReview": "2027-01-01", "total": 2},
    ],
)
def test_all_pages_in_one_need_no_word(beside: dict[str, Any]) -> None:
    assert read({**beside, "sites": firms(3)})[0].notes == ()
    assert read([{**firm, **beside, "next": "x"} for firm in firms(3)])[0].notes == ()


def test_one_page_of_many_is_told_of_a_long_list() -> None:
    for content in ({"sites": firms(9_000), "next": "p2"}, {"next": "p2", "sites": firms(9_000)}):
        assert "“next”" in read(content)[0].notes[0]
