"""Every refusal of the API has one shape: application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from integrations.database.faults import fault_of
from integrations.services.read_api import Ambiguous, NotVisible, TokenRefused, TooManyRequests, Unresolved

CONTENT_TYPE = "application/problem+json"

# RFC 9110, section 15, and for 429 RFC 6585: http.HTTPStatus has other words with each Python.
TITLES = {
    200: "OK", 304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required",
    412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
    416: "Range Not Satisfiable", 417: "Expectation Failed", 421: "Misdirected Request",
    422: "Unprocessable Content", 426: "Upgrade Required", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}  # fmt: skip

logger = logging.getLogger(__name__)


class RightMissing(Exception):
    """The token is valid, but it may not read this."""


def title_of(status: int) -> str:
    """What a status is called. One that is not known counts as the first of its hundred (RFC 9110, 15)."""
    return TITLES.get(status) or TITLES[status // 100 * 100]


def problem(status: int, code: str, detail: str, **more: Any) -> HttpResponse:
    """An answer that says what went wrong: ``code`` for programs, ``detail`` for people."""
    body = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    response = HttpResponse(
        json.dumps(body), status=status, reason=title_of(status), content_type=CONTENT_TYPE
    )
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return problem(401, "no_token", "Send a token: Authorization: Bearer TOKEN.")


def _token_refused(request: HttpRequest, error: TokenRefused) -> HttpResponse:
    return problem(401, "token_refused", str(error))


def _right_missing(request: HttpRequest, error: RightMissing) -> HttpResponse:
    return problem(403, "right_missing", str(error))


def _too_many(request: HttpRequest, error: TooManyRequests) -> HttpResponse:
    response = problem(429, "too_many_requests", str(error), retry_after=error.retry_after)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"parameter": str(fault["loc"][-1]), "message": str(fault["msg"])} for fault in error.errors]
    return problem(422, "invalid_parameter", "A parameter cannot be used.", errors=errors)


def _not_visible(request: HttpRequest, error: NotVisible) -> HttpResponse:
    return problem(404, "not_found", "There is no such row.")


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, "not_found", "There is nothing at this address.")


def _unresolved(request: HttpRequest, error: Unresolved) -> HttpResponse:
    return problem(404, error.code, str(error))


def _ambiguous(request: HttpRequest, error: Ambiguous) -> HttpResponse:
    candidates = [
        {
            "id": candidate.pk,
            "name": candidate.name,
            "external_id": candidate.external_id,
            "domain": candidate.domain,
        }
        for candidate in error.candidates
    ]
    return problem(409, "ambiguous", str(error), candidates=candidates)


def _other(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, "refused", str(error))


UNAVAILABLE_FOR = 10  # seconds until it is worth to ask again


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    if fault := fault_of(error):
        logger.warning("%s %s: the database is %s", request.method, request.path, fault.value, exc_info=error)
        detail = f"The portal's database is {fault.value} at the moment. Ask again later."
        response = problem(503, "unavailable", detail, retry_after=UNAVAILABLE_FOR)
        response.headers["Retry-After"] = str(UNAVAILABLE_FOR)
        return response
    # The path without its query, and never the headers: neither belongs into a log.
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(500, "failed", "The portal made a mistake here. Its log has the details.")


ANSWERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    AuthenticationError: _not_authenticated,
    TokenRefused: _token_refused,
    RightMissing: _right_missing,
    TooManyRequests: _too_many,
    ValidationError: _invalid,
    NotVisible: _not_visible,
    Http404: _not_found,
    Unresolved: _unresolved,
    Ambiguous: _ambiguous,
    HttpError: _other,
    Exception: _failed,
}


def answer_problems(api: NinjaAPI) -> None:
    """Make the API answer every exception with a problem."""
    for kind, answer in ANSWERS.items():
        api.add_exception_handler(kind, answer)
