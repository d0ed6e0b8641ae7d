"""How the fields of a company are compared, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable

from integrations.psa.fields import USER_DEFINED, CompanyField, Operation

_EXISTENCE = (Operation("exist", "has a value", "none"), Operation("notExist", "is empty", "none"))
_CHOICE = (
    Operation("eq", "equals"),
    Operation("noteq", "does not equal"),
    Operation("in", "is one of", "many"),
    Operation("notIn", "is none of", "many"),
)
_ORDER = (
    Operation("gt", "is greater than"),
    Operation("gte", "is at least"),
    Operation("lt", "is less than"),
    Operation("lte", "is at most"),
)
_TEXT = (
    Operation("contains", "contains"),
    Operation("beginsWith", "begins with"),
    Operation("endsWith", "ends with"),
)
_TIME = (
    Operation("gte", "is on or after"),
    Operation("gt", "is after"),
    Operation("lte", "is on or before"),
    Operation("lt", "is before"),
)
_TRUTH = (Operation("eq", "is"),)

_BY_KIND: dict[str, tuple[Operation, ...]] = {
    "choice": _CHOICE + _EXISTENCE,
    "boolean": _TRUTH,
    "moment": _TIME + _EXISTENCE,
    "whole": _CHOICE[:2] + _ORDER + _CHOICE[2:] + _EXISTENCE,
    "number": _CHOICE[:2] + _ORDER + _EXISTENCE,
    "text": _TEXT + _CHOICE + _EXISTENCE,
}


ALL_OPERATIONS = {entry.key: entry.label for entries in _BY_KIND.values() for entry in entries}
"""Every operation's word, for rows whose field is not known any more."""


def kind_of(field: CompanyField) -> str:
    """How a field is compared: ``choice``, ``boolean``, ``moment``, ``whole``, ``number`` or ``text``."""
    if field.is_picklist or field.is_reference:
        return "choice"
    match field.data_type.lower():
        case "boolean" | "bool":
            return "boolean"
        case "datetime" | "date":
            return "moment"
        case "integer" | "long" | "short" | "int" | "byte":
            return "whole"
        case "decimal" | "double" | "float":
            return "number"
        case _:
            return "text"


def operations_for(field: CompanyField) -> tuple[Operation, ...]:
    """The operations that make sense for ``field``, the most usual first; none when it cannot be queried."""
    return _BY_KIND[kind_of(field)] if field.is_queryable else ()


def find_field(name: str, fields: Iterable[CompanyField]) -> CompanyField | None:
    """The field called ``name``, whatever its case, or None."""
    wanted = name.lower()
    return next((field for field in fields if field.name.lower() == wanted), None)


_LABELS = {
    "id": "Company id",
    "webaddress": "Web address",
    "sicCode".lower(): "SIC code",
    "lasttrackedmodifieddatetime": "Last modified",
    "createdate": "Created",
    "lastactivitydate": "Last activity",
    "isactive": "Active",
    "ownerresourceid": "Owner",
    "countryid": "Country",
    "companycategoryid": "Category",
    "parentcompanyid": "Parent company",
    "territoryid": "Territory",
    "marketsegmentid": "Market segment",
    "competitorid": "Competitor",
    "taxid": "Tax ID",
}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def label_of(name: str) -> str:
    """A field's name for people: ``companyType`` becomes "Company type", ``territoryID`` "Territory ID"."""
    if name.startswith(USER_DEFINED):
        return name.removeprefix(USER_DEFINED)
    if name.lower() in _LABELS:
        return _LABELS[name.lower()]
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(name)]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:]


def label_for(field: CompanyField) -> str:
    """A field's name for people: its own label, or what its name makes."""
    return field.label or label_of(field.name)
