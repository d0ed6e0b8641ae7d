"""The API's description: as a file for programs, as a page for people. Both without the internet."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from integrations.api.app import api
from integrations.api.auth import BearerToken
from integrations.api.problems import problem
from integrations.services.read_api import TokenRefused, TooManyRequests


def openapi_text() -> str:
    """The description as it is served and kept in ``docs/openapi.json``."""
    return json.dumps(api.get_openapi_schema(), indent=1) + "\n"


@require_GET
def openapi_json(request: HttpRequest) -> HttpResponse:
    """For whoever is signed in or has a token."""
    if not request.user.is_authenticated:
        try:
            known = BearerToken(None)(request)
        except (TokenRefused, TooManyRequests) as refusal:
            return api.on_exception(request, refusal)
        if not known:
            return problem(401, "no_token", "Send a token: Authorization: Bearer TOKEN.")
    return HttpResponse(openapi_text(), content_type="application/json")


@login_required
@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """The operations, for people who may look around."""
    if not request.user.has_perm("integrations.view_integrationinstance"):
        raise Http404
    schema = api.get_openapi_schema()
    context = {"schema": schema, "groups": _groups(schema), "models": _models(schema)}
    return render(request, "integrations/api/docs.html", context)


def _groups(schema: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by their tag, in their order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "summary": operation["summary"],
                    "description": operation.get("description", ""),
                    "parameters": [_parameter(each) for each in operation["parameters"]],
                    "answers": [
                        (status, response["description"], _model_of(response))
                        for status, response in sorted(operation["responses"].items())
                    ],
                }
            )
    return groups


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    schema = parameter["schema"]
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "required": parameter["required"],
        "kind": _kind(schema),
        "default": schema.get("default"),
        "description": parameter.get("description", ""),
    }


def _model_of(response: dict[str, Any]) -> str:
    for content in response.get("content", {}).values():
        return _kind(content["schema"])
    return ""


def _kind(schema: dict[str, Any]) -> str:
    """The type in words: "integer, 1 to 500", "one of fail, default", "list of MappingOut"."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "allOf" in schema:
        return " and ".join(_kind(each) for each in schema["allOf"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    kind = str(schema.get("format") or schema.get("type") or schema.get("title") or "anything")
    if "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**31:
        kind += f", {schema['minimum']} to {schema['maximum']}"
    return kind


def _models(schema: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str, str]]]]:
    """The shapes of the answers: name, description, and (field, type, description) of each field."""
    return [
        (
            name,
            model.get("description", ""),
            [
                (field, _kind(values), values.get("description", ""))
                for field, values in model.get("properties", {}).items()
            ],
        )
        for name, model in sorted(schema["components"]["schemas"].items())
    ]
