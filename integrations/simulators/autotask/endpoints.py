"""The endpoints: which paths exist, and what each answers to a caller who was let in."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integrations.simulators.autotask.calls import Call, Handler
from integrations.simulators.autotask.company_queries import (
    answer_company,
    answer_count,
    answer_next_page,
    answer_query,
    answer_references,
    refuse_write,
)
from integrations.simulators.autotask.entity_information import (
    answer_entity_information,
    answer_fields,
    answer_user_defined_fields,
)
from integrations.simulators.autotask.fault_kinds import FaultName
from integrations.simulators.autotask.faults import ActiveFaults
from integrations.simulators.autotask.limits import TIMEFRAME_MINUTES
from integrations.simulators.autotask.tenant import Tenant
from integrations.simulators.autotask.wire import Answer, Request, no_such_path, refusal

API_VERSION = "v1.0"
NO_ZONE_TEXT = "Zone information could not be determined"


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
        ("companies/query", Endpoint("Companies", {"GET": answer_query, "POST": answer_query}, _is_search)),
        (
            "companies/query/count",
            Endpoint("Companies", {"GET": answer_count, "POST": answer_count}, _is_search),
        ),
        (
            "companies/query/next",
            Endpoint("Companies", {"GET": answer_next_page, "POST": answer_next_page}),
        ),
        ("companies/entityinformation", Endpoint("Companies", {"GET": answer_entity_information})),
        ("companies/entityinformation/fields", Endpoint("Companies", {"GET": answer_fields})),
        (
            "companies/entityinformation/userdefinedfields",
            Endpoint("Companies", {"GET": answer_user_defined_fields}),
        ),
        *(
            (f"{entity.lower()}/query", Endpoint(entity, {"POST": answer_references(entity)}))
            for entity in ("Resources", "Countries", "CompanyCategories")
        ),
        ("companies/[0-9]{1,18}", Endpoint("Companies", {"GET": answer_company})),
        (
            "companies",
            Endpoint("Companies", {"POST": refuse_write, "PUT": refuse_write, "PATCH": refuse_write}),
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
