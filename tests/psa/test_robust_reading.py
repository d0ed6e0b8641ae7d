"""One odd entry, row or address does not stop a read; what is odd is named, and nothing is made of it."""

from __future__ import annotations

import json

import pytest

from integrations.psa.base import (
    CompanyPage,
    CredentialsRefused,
    FilterCondition,
    IncompleteRead,
    Unavailable,
    UnexpectedAnswer,
)
from tests.psa.conftest import Connect, Serve, companies, northwind, query_requests, read_all
from tests.support.sweeps import first_few

ODD = 29_683_500 + 3 * 70
"""The id of one of the test tenant's companies."""

ODD_ENTRIES = {
    "sort-order": "sortOrder is true or false",
    "null-value": "is left out, for it is null",
    "flag": "",
    "twice": "is described twice",
    "length": "length is text",
    "type": "has no known type",
}


# --- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ODD_ENTRIES)
def test_one_odd_entry_among_the_fields_hides_no_other(serve: Serve, connect: Connect, what: str) -> None:
    simulator = serve(northwind())
    client = connect(simulator)
    whole = client.company_metadata()
    assert (whole.oddities, whole.unsure, whole.error) == ((), frozenset(), None)
    simulator.inject("odd-metadata", what=what)
    found = client.company_metadata()
    assert found.error is None
    assert [ODD_ENTRIES[what] in sentence for sentence in found.oddities] == (
        [True] if ODD_ENTRIES[what] else []
    )
    lacking = {field.name for field in whole.fields} - {field.name for field in found.fields}
    assert lacking == ({whole.fields[0].name} if what == "type" else set())
    types = {field.name: {option.value for option in field.options} for field in found.fields}["companyType"]
    assert types >= {2, 3, 4, 6, 7, 8}


@pytest.mark.parametrize(
    ("fault", "options"),
    [("gateway-error", {}), ("html-page", {}), ("server-error", {}), ("wrong-types", {"where": "list"})],
)
def test_fields_that_cannot_be_read_at_all_are_told_and_stop_nothing(
    serve: Serve, connect: Connect, fault: str, options: dict[str, str]
) -> None:
    simulator = serve(northwind(30))
    simulator.inject(fault, path="entityinformation/fields", **options)
    client = connect(simulator)
    found = client.company_metadata()
    assert (found.fields, found.error is not None) == ((), True)
    assert len(read_all(client.companies(()))) == 30


def test_refused_credentials_are_no_matter_of_the_fields(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("locked-user")
    with pytest.raises(CredentialsRefused):
        connect(simulator).company_metadata()


# --- rows -----------------------------------------------------------------------------------------


def pages_of(client_pages: object) -> list[CompanyPage]:
    return list(client_pages)  # type: ignore[call-overload,no-any-return]  # an iterator of pages


@pytest.mark.parametrize(
    ("what", "name", "reason"),
    [
        ("parent", "St. Mary's School 70", "parentCompanyID is out of range"),
        ("phone", "St. Mary's School 70", "phone is a list, not text"),
        ("name", "(no name)", "companyName is an object"),
    ],
)
@pytest.mark.parametrize("count", [120, 400], ids=["in one page", "by several readers"])
def test_a_company_with_an_impossible_value_is_set_aside(
    serve: Serve, connect: Connect, what: str, name: str, reason: str, count: int
) -> None:
    simulator = serve(northwind(count))
    simulator.inject("odd-company", what=what, id=ODD)
    pages = pages_of(connect(simulator, page_size=120).companies(()))
    aside = [each for page in pages for each in page.set_aside]
    assert [(each.id, each.name, each.reason) for each in aside] == [(str(ODD), name, reason)]
    assert {company.id for page in pages for company in page.companies} == {
        str(row["id"]) for row in companies(count) if row["id"] != ODD
    }


def test_more_than_one_in_a_hundred_odd_companies_throw_the_read_away(serve: Serve, connect: Connect) -> None:
    ids = [int(str(row["id"])) for row in companies(600)]
    assert [sum(number % every == 0 for number in ids) for every in (600, 300)] == [4, 7]
    simulator = serve(northwind(600))
    simulator.inject("odd-company", every=600)
    found = pages_of(connect(simulator).companies(()))
    assert sum(len(page.set_aside) for page in found) == 4
    simulator.clear()
    simulator.inject("odd-company", every=300)
    with pytest.raises(UnexpectedAnswer, match="7 of 600 companies hold impossible values"):
        read_all(connect(simulator).companies(()))


def test_a_small_tenant_bears_one_odd_company_but_not_nothing_else(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(4))
    simulator.inject("odd-company", id=0)
    (page,) = connect(simulator).companies(())
    assert (len(page.companies), page.set_aside[0].id) == (3, "0")
    alone = serve(northwind(1))
    alone.inject("odd-company")
    with pytest.raises(UnexpectedAnswer, match="1 of 1 companies"):
        read_all(connect(alone).companies(()))


def test_a_company_whose_id_cannot_be_read_leaves_the_read_incomplete(serve: Serve, connect: Connect) -> None:
    """Nobody can tell which one it is, so none may be taken for gone."""
    simulator = serve(northwind(300))
    simulator.inject("odd-company", what="id", id=ODD)
    pages: list[CompanyPage] = []
    with pytest.raises(IncompleteRead) as incomplete:
        pages.extend(connect(simulator).companies(()))
    assert (incomplete.value.counted, incomplete.value.given, incomplete.value.is_small) == (300, 299, True)
    assert pages[0].set_aside[0].name == "St. Mary's School 70"


def test_a_company_asked_for_by_id_exists_also_where_it_is_odd(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(120))
    simulator.inject("odd-company", what="phone", id=ODD)
    client = connect(simulator)
    found = client.companies_by_id([str(ODD), "0", "77"])
    assert set(found.companies) == {"0"}
    assert [each.id for each in found.set_aside] == [str(ODD)]
    assert len(client.sample_companies((), 100)) == 99
    simulator.clear()
    simulator.inject("odd-company", what="id", id=ODD)
    with pytest.raises(UnexpectedAnswer):
        client.companies_by_id([str(ODD), "0"])


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [100, 300, 420])
@pytest.mark.parametrize("readers", [1, 3])
def test_a_full_last_page_that_names_a_next_one_ends_the_read(
    serve: Serve, connect: Connect, count: int, readers: int
) -> None:
    simulator = serve(northwind(count))
    simulator.inject("next-page-after-the-last")
    assert len(read_all(connect(simulator, page_size=100, readers=readers).companies(()))) == count


def test_a_full_last_page_that_names_a_next_one_ends_a_question_by_ids(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(northwind(600))
    simulator.inject("next-page-after-the-last")
    wanted = [str(row["id"]) for row in companies(500)]
    assert set(connect(simulator).companies_by_id(wanted).companies) == set(wanted)
    assert query_requests(simulator) == 1
    simulator.requests.clear()
    assert set(connect(simulator).companies_by_id([*wanted[:5], "9"]).companies) == set(wanted[:5])
    assert query_requests(simulator) == 2


UNUSABLE: dict[str, tuple[str, dict[str, object]]] = {
    "relative": ("next-page-unusable", {"what": "relative"}),
    "over 2,048 characters": ("next-page-unusable", {"what": "long"}),
    "over 20,000 characters": ("next-page-unusable", {"what": "longer"}),
    "a number": ("next-page-unusable", {"what": "number"}),
    "on another host": ("next-page-elsewhere", {}),
    "wants a GET": ("next-page-wants-get", {}),
    "not found": ("server-error", {"status": 404, "text": "No HTTP resource", "path": "query/next"}),
    "loses its query": (
        "server-error",
        {"text": "Value cannot be null. Parameter name: queryModel", "path": "query/next"},
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.parametrize("readers", first_few([3, 1]))
def test_a_next_page_that_cannot_be_followed_is_asked_for_by_id(
    serve: Serve, connect: Connect, case: str, readers: int
) -> None:
    simulator = serve(northwind(430))
    fault, options = UNUSABLE[case]
    simulator.inject(fault, **options)  # type: ignore[arg-type]  # texts and numbers
    found = read_all(connect(simulator, page_size=50, readers=readers).companies(()))
    assert {company.id for company in found} == {str(row["id"]) for row in companies(430)}
    # Those that are refused are tried once by each reader, and no more.
    assert len(simulator.requests.to("query/next")) <= readers


def test_the_address_of_a_foreign_next_page_gets_nothing(serve: Serve, connect: Connect) -> None:
    elsewhere = serve(northwind())
    simulator = serve(northwind(120))
    simulator.inject("next-page-elsewhere", base=elsewhere.base_url)
    assert len(read_all(connect(simulator, page_size=50).companies(()))) == 120
    assert len(elsewhere.requests) == 0


def test_trouble_that_is_not_the_address_is_no_reason_to_go_on(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(120))
    simulator.inject("gateway-error", path="query/next")
    with pytest.raises(Unavailable):
        read_all(connect(simulator, page_size=50, readers=1).companies(()))


def test_a_count_that_stays_above_what_comes_is_told_after_the_last_page(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(northwind(1200))
    simulator.inject("counted-but-not-given", every=1200)
    hidden = {str(row["id"]) for row in companies(1200) if int(str(row["id"])) % 1200 == 0}
    assert len(hidden) == 4
    pages: list[CompanyPage] = []
    with pytest.raises(IncompleteRead) as incomplete:
        pages.extend(connect(simulator).companies(()))
    assert {company.id for page in pages for company in page.companies} == {
        str(row["id"]) for row in companies(1200)
    } - hidden
    assert (incomplete.value.counted, incomplete.value.given) == (1200, 1196)
    assert incomplete.value.is_small
    assert len(simulator.requests) < 20


@pytest.mark.parametrize(
    ("counted", "given", "small"),
    [(1200, 1197, True), (1200, 1187, False), (15, 14, True), (15, 13, False), (1, 0, False), (9, 9, False)],
)
def test_how_much_may_be_lacking(counted: int, given: int, small: bool) -> None:
    assert IncompleteRead("", "", counted=counted, given=given).is_small is small


def test_a_read_that_broke_off_is_no_small_difference(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1500))
    simulator.inject("paging-ends-early")
    with pytest.raises(IncompleteRead) as incomplete:
        read_all(connect(simulator).companies(()))
    assert not incomplete.value.is_small


# --- what is sent ---------------------------------------------------------------------------------


def test_the_parts_of_a_query_are_named_as_the_present_description_names_them(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(northwind())
    client = connect(simulator)
    read_all(client.companies((FilterCondition("companyType", "eq", 1),)))
    page, count = (json.loads(entry.body) for entry in simulator.requests)
    assert list(page) == ["maxRecords", "includeFields", "filter"]
    assert list(count) == ["filter"]
