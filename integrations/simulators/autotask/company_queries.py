"""Answers to queries for companies, and for what they refer to."""

from __future__ import annotations

from integrations.simulators.autotask.calls import Call, Handler
from integrations.simulators.autotask.company_store import Row
from integrations.simulators.autotask.fault_effects import change_companies, spoiled_page
from integrations.simulators.autotask.fault_kinds import FaultName
from integrations.simulators.autotask.filters import QueryError, RowTest
from integrations.simulators.autotask.paging import (
    Cursor,
    Query,
    answered_row,
    count_rows,
    page_address,
    read_cursor,
    read_page,
    read_query,
)
from integrations.simulators.autotask.references import REFERENCES, reference_page
from integrations.simulators.autotask.wire import Answer, Request, no_such_method, refusal

NO_PERMISSION_TEXT = (
    "The logged in Resource does not have the adequate permissions to query this entity type."
)
NO_WRITE_TEXT = "The logged in Resource does not have the adequate permissions to change this entity type."


def _query_content(call: Call) -> object:
    """The JSON of a query: the body of a POST, the ``search`` parameter of a GET."""
    if call.request.method == "POST":
        return call.request.json()
    search = call.request.query.get("search", "")
    return Request("GET", "", {}, {}, search.encode(), call.request.zone).json()


def _permission_refusal(call: Call) -> Answer | None:
    """The refusal of a read of companies, or None when it is allowed."""
    options = call.faults.take(FaultName.NO_COMPANY_PERMISSION, call.request)
    if options is not None:
        return refusal(int(str(options["status"])), NO_PERMISSION_TEXT)
    if call.request.headers.get("impersonationresourceid"):
        return refusal(500, NO_PERMISSION_TEXT)
    return None


def _visible(call: Call) -> RowTest:
    """Which companies the API user may see."""
    options = call.faults.take(FaultName.RESTRICTED_ROWS, call.request)
    if options is None:
        return lambda _row: True
    every = max(1, int(str(options["every"])))
    return lambda row: not _divisible(row, every)


def _divisible(row: Row, every: int) -> bool:
    company_id = row["id"]
    return isinstance(company_id, int) and company_id % every == 0


def _read_query(call: Call) -> Query:
    query = read_query(_query_content(call), user_defined=call.tenant.user_defined_fields)
    visible, holds = _visible(call), query.holds
    return Query(
        query.page_size,
        lambda row: visible(row) and holds(row),
        query.fields,
        query.user_defined_fields,
    )


_SEARCH_IN_ADDRESS = (FaultName.SEARCH_AFTER_POST, FaultName.NEXT_PAGE_WANTS_GET)


def answer_query(call: Call) -> Answer:
    return _answer_page(call, is_first=True)


def answer_next_page(call: Call) -> Answer:
    """A further page, by the verb of the first query alone: ``search`` in the address says it was a GET."""
    request = call.request
    after_get = "search" in request.query
    if call.faults.take(FaultName.SEARCH_AFTER_POST, request) is not None:
        after_get = False
    if call.faults.take(FaultName.NEXT_PAGE_WANTS_GET, request) is not None:
        after_get = True
    if (request.method == "GET") is not after_get:
        return no_such_method(request.method)
    return _answer_page(call, is_first=False)


def _answer_page(call: Call, *, is_first: bool) -> Answer:
    refused = _permission_refusal(call)
    if refused is not None:
        return refused
    request = call.request
    try:
        query = _read_query(call)
        cursor = Cursor(query.page_size) if is_first else read_cursor(request.query.get("paging", ""))
    except QueryError as error:
        return refusal(500, str(error))
    if not is_first and call.faults.take(FaultName.CHANGED_BETWEEN_PAGES, request) is not None:
        change_companies(call.tenant.companies, cursor, cursor.page_size)
    page = read_page(call.tenant.companies.snapshot(), query, cursor)
    page = spoiled_page(call.faults, request, page, cursor, call.tenant.companies)
    address = f"{request.zone.api_url}V1.0/Companies/query"
    search = request.query.get("search") if request.method == "GET" else None
    if search is None and any(call.faults.take(name, request) is not None for name in _SEARCH_IN_ADDRESS):
        search = request.body.decode("utf-8", "replace")
    return Answer(
        payload={
            "items": [answered_row(row, query) for row in page.rows],
            "pageDetails": {
                "count": len(page.rows),
                "requestCount": cursor.page_size,
                "prevPageUrl": page_address(address, page.preceding, search),
                "nextPageUrl": page_address(address, page.following, search),
            },
        }
    )


def answer_count(call: Call) -> Answer:
    refused = _permission_refusal(call)
    if refused is not None:
        return refused
    try:
        query = _read_query(call)
    except QueryError as error:
        return refusal(500, str(error))
    return Answer(payload={"queryCount": count_rows(call.tenant.companies.snapshot(), query)})


def answer_company(call: Call) -> Answer:
    refused = _permission_refusal(call)
    if refused is not None:
        return refused
    row = call.tenant.companies.snapshot().find(int(call.request.route.rpartition("/")[2]))
    if row is not None and _visible(call)(row):
        return Answer(payload={"item": row})
    if call.faults.take(FaultName.MISSING_ID_404, call.request) is not None:
        return Answer(404, body=b"")
    return Answer(payload={"item": None})


def refuse_write(_call: Call) -> Answer:
    return refusal(500, NO_WRITE_TEXT)


def answer_references(entity: str) -> Handler:
    """Answer a query for what companies refer to; who may not see companies may not see these."""

    def answer(call: Call) -> Answer:
        refused = _permission_refusal(call)
        if refused is not None:
            return refused
        address = f"{call.request.zone.api_url}V1.0/{entity}/query"
        kind = call.tenant.references.get(entity.lower(), REFERENCES[entity.lower()])
        try:
            return Answer(payload=reference_page(kind, call.request.json(), address))
        except QueryError as error:
            return refusal(500, str(error))

    return answer
