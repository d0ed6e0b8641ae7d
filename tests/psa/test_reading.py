"""Reading companies: complete or not at all, by the right verb, gently, and never astray."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import threading
import time

import pytest

from integrations.psa.autotask.reading import MAX_READY_PAGES
from integrations.psa.base import (
    CredentialsRefused,
    Filter,
    FilterCondition,
    FoundCompanies,
    InvalidRequest,
    PermissionRefused,
    PSAError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
    ZoneMoved,
)
from tests.psa.conftest import (
    CREDENTIALS,
    Connect,
    FastTime,
    Serve,
    companies,
    northwind,
    query_requests,
    read_all,
)
from tests.support.sweeps import first_few

CUSTOMERS = (FilterCondition("companyType", "eq", 1),)


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1499, 1500, 2600])
def test_every_company_comes_exactly_once(serve: Serve, connect: Connect, count: int) -> None:
    rows = companies(count) if count else []
    pages = list(connect(serve(northwind(rows))).companies(()))
    found = read_all(pages)
    assert {company.id for company in found} == {str(row["id"]) for row in rows}
    assert all(page.total == count for page in pages)
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))


def test_pages_are_asked_for_by_post_with_the_first_body_and_only_the_fields_needed(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(northwind(1800))
    list(connect(simulator, readers=1).companies(CUSTOMERS))
    pages = [entry for entry in simulator.requests if "/query" in entry.route and "count" not in entry.route]
    bodies = {}
    for entry in pages:
        assert entry.method == "POST"
        body = json.loads(entry.body)
        assert body["maxRecords"] == 500
        assert len(body["includeFields"]) == 13
        if entry.route.endswith("/next"):
            assert entry.body in bodies
        bodies[entry.body] = entry
    assert {entry.status for entry in pages} == {200}


def test_a_filter_with_several_rows(serve: Serve, connect: Connect) -> None:
    rows = companies(900)
    conditions: tuple[Filter, ...] = (*CUSTOMERS, FilterCondition("isActive", "eq", True))
    expected = {str(row["id"]) for row in rows if row["companyType"] == 1 and row.get("isActive", True)}
    client = connect(serve(northwind(rows)))
    assert {company.id for company in read_all(client.companies(conditions))} == expected
    assert client.count_companies(conditions) == len(expected)


def test_an_unchanged_incremental_read_needs_two_requests(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1200))
    since = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    assert read_all(connect(simulator).companies((), modified_since=since)) == []
    assert len(simulator.requests) == 2


def test_an_incremental_read_gives_what_changed(serve: Serve, connect: Connect) -> None:
    rows = companies(700)
    changed = {str(row["id"]) for row in rows[100:110]}
    rows = [
        {**row, "lastTrackedModifiedDateTime": "2026-03-01T12:00:00Z"} if str(row["id"]) in changed else row
        for row in rows
    ]
    client = connect(serve(northwind(rows)))
    for since in (dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)):
        assert {c.id for c in read_all(client.companies((), modified_since=since))} == changed
    later = dt.datetime(2026, 3, 1, 12, 0, 1, tzinfo=dt.UTC)
    assert read_all(client.companies((), modified_since=later)) == []


def test_sample_and_companies_by_id(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1200))
    client = connect(simulator)
    assert [company.id for company in client.sample_companies((), 3)] == ["0", "29683500", "29683503"]
    assert len(client.sample_companies((), 500)) == 500
    with pytest.raises(InvalidRequest):
        client.sample_companies((), 0)
    wanted = ["0", "29683503", "29683504", "7", "x", "", "-1", "٣", "9" * 40]
    found = client.companies_by_id(wanted)
    assert sorted(found.companies) == ["0", "29683503"]
    assert found.companies["0"].name == "Northwind Managed IT"
    simulator.requests.clear()
    many = [str(29683500 + 3 * index) for index in range(1100)]
    assert len(client.companies_by_id(many).companies) == 1100
    assert len(simulator.requests) == 3
    assert client.companies_by_id([]) == FoundCompanies({})


def test_fields_and_picklists_of_the_tenant(serve: Serve, connect: Connect) -> None:
    fields = {field.name.lower(): field for field in connect(serve(northwind())).company_metadata().fields}
    options = {option.value: option.label for option in fields["companytype"].options}
    assert options[7] == "Vendor"
    assert 5 not in options
    assert not fields["assetvalue"].is_queryable
    assert fields["parentcompanyid"].is_reference


def test_never_more_than_three_at_once(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(600), latency=0.02)
    assert len(read_all(connect(simulator, page_size=50).companies(()))) == 600
    spans = [
        (entry.started, entry.ended)
        for entry in simulator.requests
        if "/companies/" in entry.route and entry.ended is not None
    ]
    most = max(sum(s <= start < e for s, e in spans) for start, _ in spans)
    assert 2 <= most <= 3
    assert all(entry.status == 200 for entry in simulator.requests)


def test_the_first_request_goes_alone(serve: Serve, connect: Connect) -> None:
    """With refused credentials one request is sent, not three."""
    simulator = serve(northwind(600, lock_after=2), latency=0.02)
    simulator.inject("locked-user")
    with pytest.raises(CredentialsRefused):
        list(connect(simulator, page_size=50).companies(()))
    assert sum(entry.status == 401 for entry in simulator.requests) == 1


def test_accepted_credentials_let_count_and_budget_go_beside_the_first_page(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(northwind(600), latency=0.05)
    client = connect(simulator, page_size=50)
    client.company_metadata()
    simulator.requests.clear()
    found = read_all(client.companies((), known_ids=[str(row["id"]) for row in companies(600)]))
    assert len(found) == 600
    first = [entry for entry in simulator.requests if entry.started < (simulator.requests[0].ended or 0)]
    assert sorted(entry.route.rpartition("/")[2] for entry in first) == [
        "count",
        "query",
        "thresholdinformation",
    ]
    assert len(simulator.requests) == 14  # twelve pages: none is half empty


def test_after_a_refusal_nothing_more_is_sent(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("locked-user")
    client = connect(simulator)
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            client.budget()
    with pytest.raises(CredentialsRefused):
        client.companies_by_id(["1"])
    assert sum(entry.status == 401 for entry in simulator.requests) == 1


def test_a_slow_consumer_makes_the_readers_wait(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1500))
    pages = connect(simulator, page_size=50).companies(())
    next(pages)
    time.sleep(0.2)
    assert query_requests(simulator) <= 3 + MAX_READY_PAGES + 3
    assert sum(len(page.companies) for page in pages) == 1450


def test_a_read_that_is_given_up_ends_its_readers(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1500))
    pages = connect(simulator, page_size=50).companies(())
    for _ in itertools.islice(pages, 2):
        pass
    pages.close()  # type: ignore[attr-defined]  # a generator
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("autotask-reader")]


# --- the budget -----------------------------------------------------------------------------------


def test_above_half_of_the_budget_one_reader_pauses_between_pages(
    serve: Serve, connect: Connect, fast_time: FastTime
) -> None:
    simulator = serve(northwind(300, hourly_used=5500))
    assert len(read_all(connect(simulator, page_size=50).companies(()))) == 300
    assert len(fast_time.slept) >= 3
    assert set(fast_time.slept) == {0.5}
    fast_time.slept.clear()
    simulator = serve(northwind(300, hourly_used=8000))
    assert len(read_all(connect(simulator, page_size=50).companies(()))) == 300
    assert set(fast_time.slept) == {1.0}


def test_above_nine_tenths_a_large_read_is_refused_with_a_time(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(300, hourly_used=9500))
    with pytest.raises(RateLimited) as refused:
        list(connect(simulator, page_size=50).companies(()))
    assert refused.value.retry_after == 900
    assert "of the 10,000 requests" in refused.value.user_text
    assert "Try again in about 15 minutes" in refused.value.user_text
    assert len(simulator.requests) == 5


def test_a_small_read_does_not_ask_for_the_budget(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(400, hourly_used=9500))
    assert len(read_all(connect(simulator).companies(()))) == 400
    assert len(simulator.requests) == 2


@pytest.mark.parametrize(
    ("fault", "options"),
    [("gateway-error", {}), ("html-page", {}), ("wrong-types", {"where": "values"}), ("thread-limit", {})],
)
@pytest.mark.parametrize("accepted", [False, True], ids=["first page alone", "together"])
def test_a_budget_that_cannot_be_read_does_not_stop_a_read_of_a_few_pages(
    serve: Serve, connect: Connect, fault: str, options: dict[str, str], accepted: bool
) -> None:
    simulator = serve(northwind(250))
    simulator.inject(fault, path="thresholdinformation", **options)
    client = connect(simulator, page_size=50)
    if accepted:
        client.company_metadata()
    assert len(read_all(client.companies(()))) == 250
    simulator = serve(northwind(251))
    simulator.inject(fault, path="thresholdinformation", **options)
    with pytest.raises(PSAError):
        read_all(connect(simulator, page_size=50).companies(()))


def test_a_budget_that_is_used_up_stops_also_a_read_of_a_few_pages(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(250))
    simulator.inject("hourly-limit", path="thresholdinformation")
    with pytest.raises(RateLimited):
        read_all(connect(simulator, page_size=50).companies(()))


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "options", "failure"),
    [
        ("endless-paging", {}, UnexpectedAnswer),
        ("repeated-page", {}, UnexpectedAnswer),
        ("duplicate-rows", {}, UnexpectedAnswer),
        ("wrong-types", {"where": "values"}, UnexpectedAnswer),
        ("wrong-types", {"where": "containers"}, UnexpectedAnswer),
        ("wrong-types", {"where": "null"}, UnexpectedAnswer),
        ("wrong-types", {"where": "list"}, UnexpectedAnswer),
        ("truncated-json", {}, UnexpectedAnswer),
        ("html-page", {}, UnexpectedAnswer),
        ("empty-body", {}, UnexpectedAnswer),
        ("bad-encoding", {}, UnexpectedAnswer),
        ("deep-json", {}, UnexpectedAnswer),
        ("huge-body", {"bytes": 10_000_000}, UnexpectedAnswer),
        ("gzip-bomb", {"bytes": 10_000_000}, UnexpectedAnswer),
        ("redirect", {}, UnexpectedAnswer),
        ("errors-in-200", {}, InvalidRequest),
        ("server-error", {}, InvalidRequest),
        ("no-company-permission", {}, PermissionRefused),
        ("hourly-limit", {}, RateLimited),
        ("thread-limit", {}, RateLimited),
        ("thread-limit", {"status": 500}, RateLimited),
        ("gateway-error", {}, Unavailable),
        ("passing-fault", {}, Unavailable),
        ("dropped-before-answer", {}, Unavailable),
        ("dropped-mid-body", {}, Unavailable),
        ("slow-answer", {"bytes": 16, "pause": 0.02}, Unavailable),
        ("locked-user", {}, CredentialsRefused),
        ("tracking-identifier-refused", {"status": 500}, CredentialsRefused),
    ],
)
@pytest.mark.parametrize("skip", first_few([2, 0]), ids=["in the middle", "at once"])
def test_a_broken_read_raises_its_kind_and_never_ends_as_if_complete(
    serve: Serve,
    connect: Connect,
    fault: str,
    options: dict[str, str | int],
    failure: type[PSAError],
    skip: int,
) -> None:
    simulator = serve(northwind(230))
    simulator.inject(fault, **{"path": "companies/query", "skip": skip, **options})
    client = connect(simulator, page_size=50, request_deadline=0.3 if fault == "slow-answer" else 60.0)
    with pytest.raises(failure) as failed:
        read_all(client.companies(()))
    assert failed.value.user_text.endswith((".", "occurred.", "request."))
    assert sum(entry.status == 401 for entry in simulator.requests) <= (1 if skip == 0 else 3)
    assert len(simulator.requests) <= 40


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("gzip", {}),
        ("gateway-error", {"times": 2, "skip": 2}),
        ("dropped-before-answer", {"times": 2, "skip": 3}),
        ("dropped-mid-body", {"times": 2, "skip": 1}),
        ("thread-limit", {"times": 3, "skip": 2}),
        ("thread-limit", {"times": 2, "status": 500}),
        ("thread-limit", {"times": 2, "retry_after": "date:3"}),
        ("passing-fault", {"times": 2, "what": "deadlock"}),
        ("passing-fault", {"times": 2, "what": "timeout", "skip": 3}),
        ("passing-fault", {"times": 2, "what": "support", "skip": 1}),
        ("latency-by-usage", {"scale": 0.01}),
        ("slow-answer", {"bytes": 50_000, "pause": 0.005}),
    ],
)
def test_passing_troubles_are_lived_through(
    serve: Serve, connect: Connect, fault: str, options: dict[str, str | int | float]
) -> None:
    simulator = serve(northwind(300))
    simulator.inject(fault, path="companies/query", **options)
    assert len(read_all(connect(simulator, page_size=50).companies(()))) == 300


def test_strange_names_are_cleaned_and_noted(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(9))
    simulator.inject("strange-names")
    found = read_all(connect(simulator).companies(()))
    assert len(found) == 9
    assert all(company.name.isprintable() and len(company.name) <= 300 for company in found)
    notes = {note for company in found for note in company.notes}
    assert notes == {"name cleaned of control characters", "name cut at 300 characters"}


def test_companies_that_change_between_pages_are_neither_lost_nor_doubled(
    serve: Serve, connect: Connect
) -> None:
    """One is removed, one renamed and one added before each further page: those that stayed all come."""
    simulator = serve(northwind(500))
    simulator.inject("changed-between-pages", path="query/next")
    found = {company.id for company in read_all(connect(simulator, page_size=50).companies(()))}
    (tenant,) = simulator.tenants.values()
    now = {str(number) for number in tenant.companies.snapshot().ids}
    before = {str(row["id"]) for row in companies(500)}
    assert now & before <= found
    assert found <= now | before


def test_a_few_companies_that_slipped_through_are_read_again(serve: Serve, connect: Connect) -> None:
    """The first page leaves some out; the count tells, and the range is read once more."""
    simulator = serve(northwind(450))
    fault = simulator.inject("restricted-rows", path="query", every=20, times=1)
    found = read_all(connect(simulator).companies(()))
    assert fault.hits == 1
    assert len(found) == 450
    assert query_requests(simulator) == 2


def test_rows_that_are_left_out_of_further_pages_are_noticed(serve: Serve, connect: Connect) -> None:
    """The count tells the truth, the pages do not: too many are missing to be explained by changes."""
    simulator = serve(northwind(600))
    simulator.inject("restricted-rows", path="query/next", every=2)
    with pytest.raises(UnexpectedAnswer, match=r"incomplete read: .* of 600"):
        read_all(connect(simulator, page_size=50).companies(()))


@pytest.mark.parametrize("skip", range(5))
def test_pages_that_end_early_never_pass_for_a_complete_read(
    serve: Serve, connect: Connect, skip: int
) -> None:
    """What is missing depends on which reader is hit: a little is read again, more throws the read away."""
    simulator = serve(northwind(230))
    simulator.inject("paging-ends-early", path="companies/query", skip=skip)
    try:
        found = read_all(connect(simulator, page_size=50).companies(()))
    except UnexpectedAnswer:
        return
    assert len(found) == 230


def test_an_incomplete_read_says_how_much_came(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1500))
    simulator.inject("paging-ends-early")
    with pytest.raises(UnexpectedAnswer) as incomplete:
        read_all(connect(simulator).companies(()))
    assert "1,500" in incomplete.value.user_text
    assert "nothing was changed" in incomplete.value.user_text


# --- a zone that moved ----------------------------------------------------------------------------


def test_a_move_is_found_verified_and_told_with_the_new_zone(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1200))
    new = simulator.move_tenant(CREDENTIALS.username, 5)
    client = connect(simulator, extra_hosts=[new.base_url.partition("//")[2]])
    with pytest.raises(ZoneMoved) as moved:
        read_all(client.companies(()))
    assert moved.value.zone is not None
    assert moved.value.zone.api_url == new.api_url
    assert "moved you to another zone" in moved.value.user_text
    assert sum(entry.status == 401 for entry in simulator.requests) == 1
    again = connect(simulator, extra_hosts=[new.base_url.partition("//")[2]], api_url=new.api_url)
    assert len(read_all(again.companies(()))) == 1200


def test_a_refusal_without_a_move_looks_the_zone_up_once_only(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("locked-user")
    client = connect(simulator)
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            client.count_companies(())
    assert len(simulator.requests.to("zoneinformation")) == 1


def test_a_move_to_a_host_that_is_not_allowed_stays_a_refusal(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.move_tenant(CREDENTIALS.username, 5)
    with pytest.raises(CredentialsRefused):
        connect(simulator).count_companies(())
    assert sum("secret" in entry.headers for entry in simulator.requests) == 1


def test_without_a_stored_zone_it_is_looked_up_once(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    client = connect(simulator, stored=False)
    assert client.count_companies(()) == client.count_companies(()) == 4
    assert len(simulator.requests.to("zoneinformation")) == 1
