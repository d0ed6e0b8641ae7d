"""The API's addresses, below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from integrations.api.answering import finished, nothing_here
from integrations.api.app import api
from integrations.api.description import docs, openapi_json

app_name = "api"

_operations = [pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern)]
for _pattern in _operations:
    _pattern.callback = finished(_pattern.callback)

urlpatterns = [
    path("openapi.json", finished(openapi_json), name="openapi-json"),
    path("docs/", docs, name="docs"),
    *(pattern for pattern in _operations if pattern.name != "api-root"),
    re_path(r"^(?P<path>.*)$", nothing_here),
]
