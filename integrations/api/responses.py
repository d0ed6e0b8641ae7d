"""What holds for every answer: its ETag, and the shape of a wrong method or parameter."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date, quote_etag
from django.views.decorators.csrf import csrf_exempt

from integrations.api.problems import problem

View = Callable[..., HttpResponse]


def _none() -> Collection[str]:
    return ()


def finished(view: View, parameters: Callable[[], Collection[str]] = _none) -> View:
    """The view with an ETag on its answers, 304 where the caller has the answer already, and tidy headers.

    The answer is computed before it is compared, which costs time but can never be wrong. A query parameter
    that is not one of ``parameters()`` or is repeated is refused, for it would be ignored: a misspelt
    "instanse" must not list everything. No session and no cookie counts here, so there is no form that a
    foreign page could send.
    """

    @csrf_exempt
    @wraps(view)
    def complete(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code == 200 and (errors := _odd_parameters(request, parameters())):
            return problem(422, "invalid_parameter", "A parameter cannot be used.", errors=errors)
        if response.status_code == 405:
            allowed = response.headers.get("Allow", "")
            response = problem(405, "method_not_allowed", f"Only {allowed} is answered here.")
            response.headers["Allow"] = allowed
        if response.status_code == 200:
            etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
            response.headers["ETag"] = etag
            response.headers["Cache-Control"] = "private, no-cache"
            patch_vary_headers(response, ["Authorization"])
            token = getattr(request, "api_token", None)
            if token is not None and token.ends_soon:
                response.headers["Token-Expires"] = http_date(token.expires_at.timestamp())
            conditional = get_conditional_response(request, etag=etag, response=response)
            if conditional is not None:
                response = conditional
        return response

    return complete


def _odd_parameters(request: HttpRequest, parameters: Collection[str]) -> list[dict[str, str]]:
    return [
        {
            "parameter": name,
            "message": "Given twice." if name in parameters else "There is no such parameter.",
        }
        for name, values in request.GET.lists()
        if name not in parameters or len(values) > 1
    ]


@finished
def nothing_here(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every other address below the API."""
    return problem(404, "not_found", "There is nothing at this address.")
