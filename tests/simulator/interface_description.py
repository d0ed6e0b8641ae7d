"""Requests and answers held against the vendor's own interface description (Swagger 2.0), where present.

The description is turned into JSON Schema with these changes, each because the live service differs from it:
names are camelCase in answers and count in any casing in requests; every property of an answer may be null;
a filter's value is a plain JSON value or a list of them; an empty definition stands for anything. The names
that the description lacks (paging, fields added in 2026) are added from its own notes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import jsonschema
import pytest

from integrations.simulators.autotask.request_log import ReceivedRequest

DESCRIPTION_FILE = (
    Path(__file__).resolve().parents[2].parent / "shared" / "autotask" / "samples" / "swagger-subset.json"
)
COMPARISONS = ("eq", "noteq", "gt", "gte", "lt", "lte", "beginswith", "endswith", "contains", "in", "notin")
OPERATORS = frozenset({*COMPARISONS, "exist", "notexist", "and", "or"})
CREDENTIAL_HEADERS = ("username", "secret", "apiintegrationcode")
WITHOUT_CREDENTIALS = ("/V1.0/ZoneInformation", "/VersionInformation")

Json = Mapping[str, object]

_INTEGERS = {"int32": 2**31, "int64": 2**63}
_SCALAR: Json = {"type": ["string", "number", "boolean"]}

needs_description = pytest.mark.skipif(
    not DESCRIPTION_FILE.is_file(), reason="the vendor's interface description is not beside this project"
)


class InterfaceMismatch(AssertionError):
    """A request or an answer is not what the interface description allows."""


def camel_case(name: str) -> str:
    """The wire name of a described property: ``CompanyName`` is companyName, ``CI`` is ci."""
    match = re.match(r"[A-Z]+(?=[A-Z][a-z]|[0-9]|$)|[A-Z]", name)
    return name[: match.end()].lower() + name[match.end() :] if match else name


def _schema(described: Json, *, answer: bool) -> Json:
    """The JSON Schema of a described type: strict about names, lenient about null in answers only."""
    reference = described.get("$ref")
    if isinstance(reference, str):
        schema: Json = {"$ref": reference}
        return {"anyOf": [schema, {"type": "null"}]} if answer else schema
    kind = described.get("type")
    schema = {}
    if kind == "array":
        items = cast("Json", described.get("items", {}))
        schema = {"items": _schema(items, answer=False) if "$ref" in items else _schema(items, answer=answer)}
    elif kind == "object":
        properties = cast("Mapping[str, Json]", described.get("properties") or {})
        if not properties:
            return {}
        spell = camel_case if answer else str.lower
        schema = {
            "properties": {spell(name): _schema(each, answer=answer) for name, each in properties.items()},
            "additionalProperties": False,
        }
    elif kind == "integer":
        limit = _INTEGERS[str(described.get("format", "int64"))]
        schema = {"minimum": -limit, "maximum": limit - 1}
    elif described.get("format") == "date-time":
        schema = {"format": "date-time"}
    return {**schema, "type": [kind, "null"] if answer else kind}


@lru_cache(maxsize=1)
def _description() -> Json:
    return cast("Json", json.loads(DESCRIPTION_FILE.read_text(encoding="utf-8")))


@lru_cache(maxsize=2)
def _definitions(*, answer: bool) -> Json:
    described = dict(cast("Mapping[str, Json]", _description()["definitions"]))
    company = dict(cast("Mapping[str, Json]", described["CompanyModel"]["properties"]))
    company["companyCategoryID"] = {"type": "integer", "format": "int32"}
    company["isSample"] = {"type": "boolean"}
    company["purchaseOrderTemplateID"] = {"type": "integer", "format": "int32"}
    described["CompanyModel"] = {"type": "object", "properties": company}
    described["PagingModel"] = {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "format": "int32"},
            "requestCount": {"type": "integer", "format": "int32"},
            "prevPageUrl": {"type": "string"},
            "nextPageUrl": {"type": "string"},
        },
    }
    definitions = {name: _schema(each, answer=answer) for name, each in described.items()}
    definitions["ValueItem"] = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
    definitions["CompanyPage"] = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/definitions/CompanyModel"}},
            "pageDetails": {"$ref": "#/definitions/PagingModel"},
        },
        "required": ["items", "pageDetails"],
        "additionalProperties": False,
    }
    definitions["CompanyItem"] = {
        "type": "object",
        "properties": {"item": {"anyOf": [{"$ref": "#/definitions/CompanyModel"}, {"type": "null"}]}},
        "required": ["item"],
        "additionalProperties": False,
    }
    return definitions


def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or dt.datetime.fromisoformat(value).tzinfo is not None


@lru_cache(maxsize=32)
def _validator(definition: str, *, answer: bool) -> jsonschema.Draft7Validator:
    formats = jsonschema.FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_is_moment)
    schema = {"$ref": f"#/definitions/{definition}", "definitions": _definitions(answer=answer)}
    return jsonschema.Draft7Validator(schema, format_checker=formats)


def _validate(definition: str, value: object, *, answer: bool) -> None:
    error = jsonschema.exceptions.best_match(_validator(definition, answer=answer).iter_errors(value))
    if error is not None:
        message = f"{definition}: {error.json_path}: {error.message}"
        raise InterfaceMismatch(message)


def _described_path(path: str) -> tuple[str, Mapping[str, Json]]:
    """The described path (its own spelling) and its operations. Raises InterfaceMismatch for none."""
    sought = urlsplit(path).path.lower().rstrip("/").removeprefix(str(_description()["basePath"]).lower())
    # The description leaves out the address of further pages; it takes what the query takes.
    sought = sought.removesuffix("/next") if sought.endswith("/query/next") else sought
    paths = cast("Mapping[str, Mapping[str, Json]]", _description()["paths"])
    for template, operations in paths.items():
        pattern = re.escape(template.lower()).replace(re.escape("{id}"), "-?[0-9]+")
        if re.fullmatch(pattern, sought):
            return template, operations
    message = f"{path} is not described"
    raise InterfaceMismatch(message)


def validate_answer(method: str, path: str, payload: object) -> None:
    """Hold the JSON of a 200 answer against the description. Raises InterfaceMismatch naming the fault."""
    template, operations = _described_path(path)
    operation = operations.get(method.lower())
    if operation is None:
        message = f"{method} {template} is not described"
        raise InterfaceMismatch(message)
    if template.lower().endswith("/companies/query"):
        definition = "CompanyPage"
    elif template.endswith("{id}"):
        definition = "CompanyItem"
    else:
        responses = cast("Mapping[str, Mapping[str, Json]]", operation["responses"])
        definition = str(responses["200"]["schema"]["$ref"]).rpartition("/")[2]
    _validate(definition, payload, answer=True)


def validate_request(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: str
) -> None:
    """Hold a request against the description. Raises InterfaceMismatch naming the fault.

    Names in ``query`` and ``headers`` are compared in lower case. Beyond the description this also demands
    what the service is known to demand: a filter, no operator that would be dropped without a word, and
    no credentials where none are needed.
    """
    template, operations = _described_path(path)
    operation = operations.get(method.lower())
    if operation is None:
        message = f"{method} {template} is not described"
        raise InterfaceMismatch(message)
    given = {name.lower() for name in headers}
    for name in CREDENTIAL_HEADERS:
        if template in WITHOUT_CREDENTIALS and name in given:
            message = f"{template}: the header {name} is sent where no credentials are needed"
            raise InterfaceMismatch(message)
        if template not in WITHOUT_CREDENTIALS and name not in given:
            message = f"{template}: the header {name} is missing"
            raise InterfaceMismatch(message)
    lower_query = {name.lower(): value for name, value in query.items()}
    for parameter in cast("list[Json]", operation.get("parameters", [])):
        if parameter["in"] == "query" and str(parameter["name"]) not in lower_query:
            message = f"{method} {template}: the parameter {parameter['name']} is missing"
            raise InterfaceMismatch(message)
    if template.lower().endswith(("/query", "/query/count")):
        _validate_query(lower_query["search"] if method.upper() == "GET" else body)
    elif body.strip():
        message = f"{method} {template}: a body where none is described"
        raise InterfaceMismatch(message)


def _validate_query(text: str) -> None:
    try:
        content = json.loads(text)
    except ValueError as error:
        message = f"the query is not JSON: {error}"
        raise InterfaceMismatch(message) from error
    query = _lower_keys(content)
    _validate("QueryModel", query, answer=False)
    if not query.get("filter"):
        raise InterfaceMismatch("the query has no filter")
    _check_operators(query["filter"])


def _lower_keys(value: object) -> dict[str, object]:
    """A query's own key names in lower case (values are left alone)."""
    if not isinstance(value, dict):
        message = f"{value!r} is not an object"
        raise InterfaceMismatch(message)
    lowered: dict[str, object] = {}
    for key, each in value.items():
        name = key.lower()
        if name in {"filter", "items"} and isinstance(each, list):
            lowered[name] = [_lower_keys(item) for item in each]
        else:
            lowered[name] = each
    return lowered


def _check_operators(conditions: object) -> None:
    for condition in cast("list[dict[str, object]]", conditions):
        operator = str(condition.get("op", "")).lower()
        if operator not in OPERATORS:
            message = f"operator {condition.get('op')!r} would be dropped without a word"
            raise InterfaceMismatch(message)
        if operator in {"and", "or"}:
            _check_operators(condition.get("items") or [])
        elif not condition.get("field"):
            message = f"a condition names no field: {condition}"
            raise InterfaceMismatch(message)


def validate_received(entry: ReceivedRequest) -> None:
    """Hold a request of the simulator's log against the description. Raises InterfaceMismatch."""
    validate_request(entry.method, entry.path, entry.query, entry.headers, entry.body)
