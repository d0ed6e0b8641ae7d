"""Every refusal of the API has one shape: application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

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


def answer_problems(api: NinjaAPI) -> None:
    """Make the API answer every exception with a problem."""

    @api.exception_handler(AuthenticationError)
    def not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return problem(401, "no_token", "Send a token: Authorization: Bearer TOKEN.")

    @api.exception_handler(TokenRefused)
    def token_refused(request: HttpRequest, error: TokenRefused) -> HttpResponse:
        return problem(401, "token_refused", str(error))

    @api.exception_handler(RightMissing)
    def right_missing(request: HttpRequest, error: RightMissing) -> HttpResponse:
        return problem(403, "right_missing", str(error))

    @api.exception_handler(TooManyRequests)
    def too_many(request: HttpRequest, error: TooManyRequests) -> HttpResponse:
        response = problem(429, "too_many_requests", str(error), retry_after=error.retry_after)
        response.headers["Retry-After"] = str(error.retry_after)
        return response

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [{"parameter": str(each["loc"][-1]), "message": str(each["msg"])} for each in error.errors]
        return problem(422, "invalid_parameter", "A parameter cannot be used.", errors=errors)

    @api.exception_handler(NotVisible)
    def not_visible(request: HttpRequest, error: NotVisible) -> HttpResponse:
        return problem(404, "not_found", "There is no such row.")

    @api.exception_handler(Http404)
    def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404, "not_found", "There is nothing at this address.")

    @api.exception_handler(Unresolved)
    def unresolved(request: HttpRequest, error: Unresolved) -> HttpResponse:
        return problem(404, error.code, str(error))

    @api.exception_handler(Ambiguous)
    def ambiguous(request: HttpRequest, error: Ambiguous) -> HttpResponse:
        candidates = [
            {"id": each.pk, "name": each.name, "external_id": each.external_id, "domain": each.domain}
            for each in error.candidates
        ]
        return problem(409, "ambiguous", str(error), candidates=candidates)

    @api.exception_handler(HttpError)
    def other(request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem(error.status_code, "refused", str(error))

    @api.exception_handler(Exception)
    def failed(request: HttpRequest, error: Exception) -> HttpResponse:
        # The path without its query, and never the headers: neither belongs into a log.
        logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return problem(500, "failed", "The portal made a mistake here. Its log has the details.")
