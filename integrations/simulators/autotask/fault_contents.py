"""What the faults do to the contents of an answer: other types, odd values, addresses that lead nowhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import cast

from integrations.simulators.autotask.fault_kinds import FaultName, OptionValue
from integrations.simulators.autotask.faults import ActiveFaults
from integrations.simulators.autotask.wire import Answer, Request

Options = Mapping[str, OptionValue]


def number(options: Options, name: str) -> int:
    """The option as a whole number."""
    return int(cast("int", options[name]))


def _truncated_json(options: Options, answer: Answer) -> Answer:
    body = answer.encoded()
    return dataclasses.replace(answer, body=body[: int(len(body) * cast("float", options["share"]))])


def _wrong_types(options: Options, answer: Answer) -> Answer:
    match options["where"]:
        case "values":
            payload = _other_values(answer.payload)
        case "containers":
            payload = _other_containers(answer.payload)
        case "list":
            payload = [answer.payload]
        case _:
            payload = None
    return dataclasses.replace(answer, payload=payload)


def _other_values(value: object) -> object:
    """The same shape with every value of another type."""
    match value:
        case dict():
            return {key: _other_values(each) for key, each in value.items()}
        case list() | tuple():
            return [_other_values(each) for each in value]
        case bool():
            return "maybe"
        case int() | float():
            return f"number {value}"
        case str():
            return len(value)
        case _:
            return {"unexpected": True}


def _other_containers(value: object) -> object:
    """The outer object with lists for objects and objects for lists inside it."""
    if not isinstance(value, dict):
        return {"value": value}
    swapped: dict[str, object] = {}
    for key, each in value.items():
        if isinstance(each, dict):
            swapped[key] = list(each.items())
        elif isinstance(each, list | tuple):
            swapped[key] = {str(index): item for index, item in enumerate(each)}
        else:
            swapped[key] = [each]
    return swapped


def _next_page_elsewhere(options: Options, answer: Answer) -> Answer:
    payload = answer.payload
    if not isinstance(payload, dict) or "pageDetails" not in payload:
        return answer
    details = dict(payload["pageDetails"])
    path = "/ATServicesRest/V1.0/Companies/query/next"
    query = (details["nextPageUrl"] or "?paging=%7b%7d").partition("?")[2]
    details["nextPageUrl"] = f"{options['base']}{path}?{query}"
    return dataclasses.replace(answer, payload={**payload, "pageDetails": details})


def _next_page_unusable(options: Options, answer: Answer) -> Answer:
    payload = answer.payload
    if not isinstance(payload, dict) or not (payload.get("pageDetails") or {}).get("nextPageUrl"):
        return answer
    details = dict(payload["pageDetails"])
    address = str(details["nextPageUrl"])
    match options["what"]:
        case "relative":
            details["nextPageUrl"] = "/" + address.partition("://")[2].partition("/")[2]
        case "long":
            details["nextPageUrl"] = f"{address}&padding={'x' * 2048}"
        case "longer":
            details["nextPageUrl"] = f"{address}&padding={'x' * 20_000}"
        case _:
            details["nextPageUrl"] = 7
    return dataclasses.replace(answer, payload={**payload, "pageDetails": details})


_IMPOSSIBLE: Mapping[str, tuple[str, object]] = {
    "parent": ("parentCompanyID", -1),
    "phone": ("phone", ["555-0100", "555-0101"]),
    "name": ("companyName", {"first": "Harbour"}),
    "id": ("id", None),
}


def _odd_company(options: Options, answer: Answer) -> Answer:
    payload = answer.payload
    if not isinstance(payload, dict) or not isinstance(payload.get("items"), list):
        return answer
    name, value = _IMPOSSIBLE[str(options["what"])]
    wanted, every = number(options, "id"), max(1, number(options, "every"))
    items = [
        {**item, name: value} if (item["id"] == wanted if wanted >= 0 else item["id"] % every == 0) else item
        for item in payload["items"]
    ]
    return dataclasses.replace(answer, payload={**payload, "items": items})


def _odd_metadata(options: Options, answer: Answer) -> Answer:
    """One entry otherwise than described, where there is one: of a picklist's values, or of the fields."""
    payload = answer.payload
    if not isinstance(payload, dict) or not payload.get("fields"):  # a tenant may have no fields of its own
        return answer
    fields = [dict(each) for each in payload["fields"]]
    listed = next((each for each in fields if each.get("picklistValues")), {})
    values = [dict(each) for each in listed.get("picklistValues") or ()]
    if not fields or (not values and options["what"] in {"sort-order", "null-value", "flag"}):
        return answer
    match options["what"]:
        case "sort-order":
            values[0]["sortOrder"] = True
        case "null-value":
            values[0]["value"] = None
        case "flag":
            values[0]["isActive"] = "1"
        case "twice":
            fields.append({**fields[0], "name": str(fields[0]["name"]).upper()})
        case "length":
            fields[0]["length"] = "a hundred"
        case _:
            fields[0]["dataType"] = None
    if values:
        listed["picklistValues"] = values
    return dataclasses.replace(answer, payload={**payload, "fields": fields})


def _strange_names(options: Options, answer: Answer) -> Answer:
    payload = answer.payload
    if not isinstance(payload, dict) or not isinstance(payload.get("items"), list):
        return answer
    spoil: tuple[Callable[[str], str], ...] = (
        lambda name: f"{name[:3]}\u0000\u0007\u001b[31m{name[3:]}\r\n",
        lambda name: f"\u202e{name}\u202c\u200f\u2066",
        lambda name: (name + " ") * (number(options, "length") // (len(name) + 1) + 1),
    )
    items = [
        {**item, "companyName": spoil[index % len(spoil)](item["companyName"])}
        if isinstance(item.get("companyName"), str)
        else item
        for index, item in enumerate(payload["items"])
    ]
    return dataclasses.replace(answer, payload={**payload, "items": items})


_CONTENT_CHANGES: Mapping[FaultName, Callable[[Options, Answer], Answer]] = {
    FaultName.NEXT_PAGE_ELSEWHERE: _next_page_elsewhere,
    FaultName.NEXT_PAGE_UNUSABLE: _next_page_unusable,
    FaultName.STRANGE_NAMES: _strange_names,
    FaultName.ODD_COMPANY: _odd_company,
    FaultName.ODD_METADATA: _odd_metadata,
    FaultName.WRONG_TYPES: _wrong_types,
    FaultName.TRUNCATED_JSON: _truncated_json,
}


def with_other_contents(faults: ActiveFaults, request: Request, answer: Answer) -> Answer:
    """The answer with its payload as the active faults leave it."""
    for name, change in _CONTENT_CHANGES.items():
        options = faults.take(name, request)
        if options is not None:
            answer = change(options, answer)
    return answer
