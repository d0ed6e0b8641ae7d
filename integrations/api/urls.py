"""The API's addresses, below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from integrations.api.answering import finished, nothing_here
from integrations.api.app import PREFIX, api
from integrations.api.description import docs, openapi_json

app_name = "api"


def _parameters() -> dict[str, frozenset[str]]:
    """The query parameters of each operation, by its address as Django writes it."""
    return {
        path.removeprefix(PREFIX).replace("{", "<").replace("}", ">"): frozenset(
            each["name"] for each in methods["get"]["parameters"] if each["in"] == "query"
        )
        for path, methods in api.get_openapi_schema()["paths"].items()
    }


_operations = [
    pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern) and pattern.name != "api-root"
]
_known = _parameters()
for _pattern in _operations:
    _pattern.callback = finished(_pattern.callback, _known[str(_pattern.pattern)])

urlpatterns = [
    path("openapi.json", finished(openapi_json), name="openapi-json"),
    path("docs/", docs, name="docs"),
    *_operations,
    re_path(r"^(?P<path>.*)$", nothing_here),
]
