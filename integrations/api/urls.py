"""The API's addresses, below /api/v1/."""

from __future__ import annotations

from functools import cache, partial

from django.urls import URLPattern, path, re_path

from integrations.api.app import PREFIX, api
from integrations.api.description import docs, openapi_json
from integrations.api.responses import finished, nothing_here

app_name = "api"


@cache
def _parameters() -> dict[str, frozenset[str]]:
    """The query parameters of each operation, by its address as Django writes it.

    Read from the description when the first program asks: no command and no worker should wait for it.
    """
    return {
        path.removeprefix(PREFIX).replace("{", "<").replace("}", ">"): frozenset(
            each["name"] for each in methods["get"]["parameters"] if each["in"] == "query"
        )
        for path, methods in api.get_openapi_schema()["paths"].items()
    }


_operations = [
    pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern) and pattern.name != "api-root"
]


def _parameters_of(address: str) -> frozenset[str]:
    return _parameters()[address]


for _pattern in _operations:
    _pattern.callback = finished(_pattern.callback, partial(_parameters_of, str(_pattern.pattern)))

urlpatterns = [
    path("openapi.json", finished(openapi_json), name="openapi-json"),
    path("docs/", docs, name="docs"),
    *_operations,
    re_path(r"^(?P<path>.*)$", nothing_here),
]
