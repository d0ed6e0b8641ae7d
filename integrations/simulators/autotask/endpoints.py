"""The endpoints: which paths exist, and what each answers to a caller who was let in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integrations.simulators.autotask.company_fields import COMPANY_FIELDS, CompanyField
from integrations.simulators.autotask.company_store import Row
from integrations.simulators.autotask.fault_effects import change_companies, spoiled_page
from integrations.simulators.autotask.fault_kinds import FaultName
from integrations.simulators.autotask.faults import ActiveFaults
from integrations.simulators.autotask.filters import QueryError, RowTest
from integrations.simulators.autotask.limits import TIMEFRAME_MINUTES
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
from integrations.simulators.autotask.tenant import Tenant
from integrations.simulators.autotask.wire import Answer, Request, no_such_method, no_such_path, refusal

API_VERSION = "v1.0"
NO_ZONE_TEXT = "Zone information could not be determined"
NO_PERMISSION_TEXT = (
    "The logged in Resource does not have the adequate permissions to query this entity type."
)
ACCESS_LEVELS = ("None", "All", "Restricted")
"""What a user may do with an entity; the help page numbers them from 0."""
NO_WRITE_TEXT = "The logged in Resource does not have the adequate permissions to change this entity type."


@dataclass(frozen=True, slots=True)
class Call:
    """A request by a tenant's API user who was let in."""

    request: Request
    tenant: Tenant
    faults: ActiveFaults


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path: ``name`` is the object under which calls at once are counted."""

    name: str
    handlers: Mapping[str, Handler]
    fits: Callable[[Request], bool] = lambda _request: True


# --- without credentials -----------------------------------------------------------------------------


def version_information() -> Answer:
    """The versions of the API."""
    return Answer(payload={"apiVersions": [API_VERSION]})


def zone_information(request: Request, tenant: Tenant | None, api_url: str, faults: ActiveFaults) -> Answer:
    """Where the tenant of a user lives. An unknown user is an error of status 500."""
    if tenant is None or faults.take(FaultName.UNKNOWN_USER, request) is not None:
        return refusal(500, NO_ZONE_TEXT)
    elsewhere = faults.take(FaultName.ZONE_ELSEWHERE, request)
    if elsewhere is not None:
        api_url = str(elsewhere["url"])
    if faults.take(FaultName.ZONE_URL_UNTIDY, request) is not None:
        api_url = api_url.lower().rstrip("/")
    return Answer(
        payload={
            "zoneName": tenant.zone_name,
            "url": api_url,
            "webUrl": f"https://ww{tenant.zone}.autotask.net/",
            "ci": tenant.database_id,
        }
    )


# --- about the API -----------------------------------------------------------------------------------


def _version(call: Call) -> Answer:
    if call.faults.take(FaultName.NO_VERSION, call.request) is not None:
        return no_such_path(call.request)
    return Answer(
        payload={"majorVersion": "2026", "minorVersion": "1", "build": "1042", "customerType": "Production"}
    )


def _threshold_information(call: Call) -> Answer:
    budget = call.tenant.budget
    return Answer(
        payload={
            "externalRequestThreshold": budget.limit,
            "requestThresholdTimeframe": TIMEFRAME_MINUTES,
            "currentTimeframeRequestCount": budget.used,
        }
    )


def _authenticate(call: Call) -> Answer:
    expiration = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    return Answer(
        payload={
            "authToken": f"simulated-{call.tenant.database_id}",
            "expiration": expiration.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
    )


# --- companies: queries ------------------------------------------------------------------------------


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


def _query(call: Call) -> Answer:
    return _answer_page(call, is_first=True)


def _next_page(call: Call) -> Answer:
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


def _count(call: Call) -> Answer:
    refused = _permission_refusal(call)
    if refused is not None:
        return refused
    try:
        query = _read_query(call)
    except QueryError as error:
        return refusal(500, str(error))
    return Answer(payload={"queryCount": count_rows(call.tenant.companies.snapshot(), query)})


def _company(call: Call) -> Answer:
    refused = _permission_refusal(call)
    if refused is not None:
        return refused
    row = call.tenant.companies.snapshot().find(int(call.request.route.rpartition("/")[2]))
    if row is not None and _visible(call)(row):
        return Answer(payload={"item": row})
    if call.faults.take(FaultName.MISSING_ID_404, call.request) is not None:
        return Answer(404, body=b"")
    return Answer(payload={"item": None})


def _refuse_write(_call: Call) -> Answer:
    return refusal(500, NO_WRITE_TEXT)


# --- companies: what they are made of ----------------------------------------------------------------


def _entity_information(call: Call) -> Answer:
    access = "All"
    if call.faults.take(FaultName.RESTRICTED_ROWS, call.request) is not None:
        access = "Restricted"
    if call.faults.take(FaultName.NO_COMPANY_PERMISSION, call.request) is not None:
        access = "None"
    as_numbers = call.faults.take(FaultName.ACCESS_AS_NUMBERS, call.request) is not None

    def said(level: str) -> str | int:
        return ACCESS_LEVELS.index(level) if as_numbers else level

    return Answer(
        payload={
            "info": {
                "name": "Companies",
                "canCreate": True,
                "canDelete": False,
                "canQuery": True,
                "canUpdate": True,
                "userAccessForCreate": said("None"),
                "userAccessForDelete": said("None"),
                "userAccessForQuery": said(access),
                "userAccessForUpdate": said("None"),
                "hasUserDefinedFields": True,
                "supportsWebhookCallouts": True,
            }
        }
    )


def _fields(call: Call) -> Answer:
    fields = [_field_information(call.tenant, field) for field in COMPANY_FIELDS]
    if call.faults.take(FaultName.FIELD_NAMES_IN_OTHER_CASE, call.request) is not None:
        for field in fields:
            name = str(field["name"])
            field["name"] = name[:1].upper() + name[1:]
    return Answer(payload={"fields": fields})


def _field_information(tenant: Tenant, field: CompanyField) -> dict[str, object]:
    values = None
    if field.is_picklist:
        values = [value.as_metadata() for value in tenant.picklists.get(field.name, ())]
    return {
        "name": field.name,
        "dataType": field.data_type,
        "length": field.length,
        "isRequired": field.is_required,
        "isReadOnly": field.is_read_only,
        "isQueryable": field.is_queryable,
        "isReference": bool(field.reference),
        "referenceEntityType": field.reference,
        "isPickList": field.is_picklist,
        "picklistValues": values,
        "picklistParentValueField": "",
        "isSupportedWebhookField": field.is_webhook_field,
    }


def _user_defined_fields(call: Call) -> Answer:
    fields = [
        {
            "name": name,
            "label": name,
            "type": "string",
            "length": 8000,
            "description": "",
            "isRequired": False,
            "isReadOnly": False,
            "isQueryable": True,
            "isReference": False,
            "referenceEntityType": "",
            "isPickList": False,
            "picklistValues": None,
            "picklistParentValueField": "",
            "defaultValue": None,
            "isSupportedWebhookField": False,
        }
        for name in call.tenant.user_defined_fields
    ]
    return Answer(payload={"fields": fields})


def _references(entity: str) -> Handler:
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


# --- routes ------------------------------------------------------------------------------------------

API_PREFIX = "/atservicesrest"
VERSIONED_PREFIX = f"{API_PREFIX}/{API_VERSION}"


def _is_search(request: Request) -> bool:
    """A GET fits a query path only with a ``search``: without one, only the POST of that path exists."""
    return request.method != "GET" or "search" in request.query


_ENDPOINTS: tuple[tuple[re.Pattern[str], Endpoint], ...] = tuple(
    (re.compile(pattern), endpoint)
    for pattern, endpoint in (
        ("version", Endpoint("Version", {"GET": _version})),
        ("thresholdinformation", Endpoint("ThresholdInformation", {"GET": _threshold_information})),
        ("authenticate", Endpoint("Authenticate", {"GET": _authenticate})),
        ("companies/query", Endpoint("Companies", {"GET": _query, "POST": _query}, _is_search)),
        ("companies/query/count", Endpoint("Companies", {"GET": _count, "POST": _count}, _is_search)),
        (
            "companies/query/next",
            Endpoint("Companies", {"GET": _next_page, "POST": _next_page}),
        ),
        ("companies/entityinformation", Endpoint("Companies", {"GET": _entity_information})),
        ("companies/entityinformation/fields", Endpoint("Companies", {"GET": _fields})),
        (
            "companies/entityinformation/userdefinedfields",
            Endpoint("Companies", {"GET": _user_defined_fields}),
        ),
        *(
            (f"{entity.lower()}/query", Endpoint(entity, {"POST": _references(entity)}))
            for entity in ("Resources", "Countries", "CompanyCategories")
        ),
        ("companies/[0-9]{1,18}", Endpoint("Companies", {"GET": _company})),
        (
            "companies",
            Endpoint("Companies", {"POST": _refuse_write, "PUT": _refuse_write, "PATCH": _refuse_write}),
        ),
    )
)


def find_endpoint(request: Request) -> Endpoint | None:
    """The endpoint of a request's path, or None when there is no such path."""
    if not request.route.startswith(f"{VERSIONED_PREFIX}/"):
        return None
    path = request.route.removeprefix(f"{VERSIONED_PREFIX}/")
    for pattern, endpoint in _ENDPOINTS:
        if pattern.fullmatch(path):
            return endpoint
    return None


def is_zone_information(request: Request) -> bool:
    """Whether the request asks for the zone of a user."""
    return request.route == f"{VERSIONED_PREFIX}/zoneinformation"


def is_version_information(request: Request) -> bool:
    """Whether the request asks for the API's versions."""
    return request.route == f"{API_PREFIX}/versioninformation"
