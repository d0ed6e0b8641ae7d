"""The company filter as people write it: operations that suit a field, reading a value, describing it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from integrations.psa.autotask.queries import MAX_OR_CONDITIONS
from integrations.psa.base import CompanyField, FilterCondition, FilterValue, PicklistOption

COMPANY_TYPE = "companyType"

GUIDE_COMPANY_TYPES: tuple[PicklistOption, ...] = tuple(
    PicklistOption(value=number, label=label, sort_order=number)
    for number, label in (
        (1, "Customer"),
        (2, "Lead"),
        (3, "Prospect"),
        (4, "Dead"),
        (5, "Cancelation"),
        (6, "Vendor"),
        (7, "Partner"),
    )
)
"""The seven company types as set-up guides print them. Tenants differ from 5 on; their own list wins."""

MAX_VALUES = MAX_OR_CONDITIONS
MAX_VALUE_LENGTH = 500


class InvalidFilterValue(ValueError):
    """A filter value that its field cannot hold; the text is meant for the form."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to compare a field: Autotask's word, ours, and how many values it takes."""

    key: str
    label: str
    takes: Literal["none", "one", "many"] = "one"


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


# --- reading a value ------------------------------------------------------------------------------


def parse_value(field: CompanyField, operation: str, raw: str) -> FilterValue:
    """The value of one filter row from what a person typed.

    Raises ``InvalidFilterValue`` with a sentence for the form, also when ``operation`` does not suit.
    """
    known = {entry.key: entry for entry in operations_for(field)}
    if operation not in known:
        raise InvalidFilterValue(f"{label_of(field.name)} cannot be compared that way. Choose an operation.")
    text = raw.strip()
    takes = known[operation].takes
    if takes == "none":
        if text:
            raise InvalidFilterValue(f"“{known[operation].label}” takes no value. Leave it empty.")
        return None
    if takes == "one":
        return _one(field, text)
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    if not parts:
        raise InvalidFilterValue("Enter at least one value; separate several by commas.")
    if len(parts) > MAX_VALUES:
        raise InvalidFilterValue(f"Autotask takes at most {MAX_VALUES} values in one filter.")
    return tuple(dict.fromkeys(_one(field, part) for part in parts))


def _one(field: CompanyField, text: str) -> str | int | float | bool:
    if not text:
        raise InvalidFilterValue("Enter a value.")
    if len(text) > MAX_VALUE_LENGTH:
        raise InvalidFilterValue(f"The value is longer than {MAX_VALUE_LENGTH} characters.")
    if not text.isprintable():
        raise InvalidFilterValue("The value holds a character that cannot be searched for.")
    match kind_of(field):
        case "choice":
            return _choice(field, text)
        case "boolean":
            return _truth(text)
        case "moment":
            return _moment(text)
        case "whole":
            return _whole(text, "Enter a whole number, such as 1.")
        case "number":
            return _number(text)
        case _:
            return text


def _choice(field: CompanyField, text: str) -> int | str:
    for option in field.options:
        if isinstance(option.value, str) and option.value == text:
            return option.value
    for option in field.options:
        if option.label.casefold() == text.casefold():
            raise InvalidFilterValue(
                f"Enter the number instead of the name: {option.label} is {option.value}."
            )
    example = field.options[0] if field.options else None
    hint = f", such as {example.value} for {example.label}." if example else ", such as 1."
    return _whole(text, f"{label_of(field.name)} is compared by its number. Enter a whole number{hint}")


def _whole(text: str, problem: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise InvalidFilterValue(problem)
    return int(text)


def _number(text: str) -> float:
    problem = "Enter a number, such as 12.5."
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        raise InvalidFilterValue(problem)
    value = float(text)
    if not math.isfinite(value):
        raise InvalidFilterValue(problem)
    return value


def _truth(text: str) -> bool:
    match text.casefold():
        case "yes" | "true" | "1":
            return True
        case "no" | "false" | "0":
            return False
        case _:
            raise InvalidFilterValue("Enter yes or no.")


def _moment(text: str) -> str:
    problem = "Enter a date such as 2026-01-31, or a date and time in UTC such as 2026-01-31 08:30."
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise InvalidFilterValue(problem)
    try:
        moment = dt.datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise InvalidFilterValue(problem) from None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


# --- saying it in words ---------------------------------------------------------------------------

_LABELS = {
    "id": "Company id",
    "webaddress": "Web address",
    "sicCode".lower(): "SIC code",
    "lasttrackedmodifieddatetime": "Last modified",
    "createdate": "Created",
    "lastactivitydate": "Last activity",
    "isactive": "Active",
}
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def label_of(name: str) -> str:
    """A field's name for people: ``companyType`` becomes "Company type", ``territoryID`` "Territory ID"."""
    if name.lower() in _LABELS:
        return _LABELS[name.lower()]
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(name)]
    text = " ".join(words) or name
    return text[:1].upper() + text[1:]


def find_field(name: str, fields: Iterable[CompanyField]) -> CompanyField | None:
    """The field called ``name``, whatever its case, or None."""
    wanted = name.lower()
    return next((field for field in fields if field.name.lower() == wanted), None)


def value_label(field: CompanyField | None, value: str | int | float | bool) -> str:
    """One value in words: ``1 (Customer)``, ``5 (Old type, inactive)``, ``yes``, ``Springfield``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field is not None and field.is_picklist:
        for option in field.options:
            if option.value == value:
                return (
                    f"{value} ({option.label})" if option.is_active else f"{value} ({option.label}, inactive)"
                )
        if field.options:
            return f"{value} (not in this Autotask)"
    if isinstance(value, str) and (field is None or kind_of(field) == "text"):
        return f"“{value}”"
    return str(value)


def describe(condition: FilterCondition, fields: Sequence[CompanyField]) -> str:
    """A filter row as a sentence: "Company type equals 1 (Customer)"."""
    field = find_field(condition.field, fields)
    known = operations_for(field) if field is not None else ()
    words = {entry.key: entry.label for entries in _BY_KIND.values() for entry in entries}
    words.update({entry.key: entry.label for entry in known})
    name = condition.field if field is None else field.name
    sentence = f"{label_of(name)} {words.get(condition.operation, condition.operation)}"
    if condition.value is None:
        return sentence
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return f"{sentence} {', '.join(value_label(field, value) for value in values)}"


# --- what is offered before anything was read -----------------------------------------------------


def default_fields() -> tuple[CompanyField, ...]:
    """The filter fields known without asking the tenant; company type carries the guide's seven types."""
    return (
        CompanyField(COMPANY_TYPE, "integer", is_picklist=True, options=GUIDE_COMPANY_TYPES),
        CompanyField("companyName", "string", length=100),
        CompanyField("isActive", "boolean"),
        CompanyField("companyNumber", "string", length=50),
        CompanyField("city", "string", length=30),
        CompanyField("state", "string", length=40),
        CompanyField("postalCode", "string", length=30),
        CompanyField("phone", "string", length=25),
        CompanyField("webAddress", "string", length=255),
        CompanyField("createDate", "datetime"),
        CompanyField("lastActivityDate", "datetime"),
        CompanyField("lastTrackedModifiedDateTime", "datetime"),
        CompanyField("id", "long"),
    )


def type_warning(value: FilterValue, tenant_options: Sequence[PicklistOption]) -> str:
    """How this tenant's meaning of a company type differs from the guide's; empty when it does not.

    For a list of values the warnings are joined. Nothing is said before the tenant's list was read.
    """
    if not tenant_options:
        return ""
    values = value if isinstance(value, tuple) else (value,)
    warnings = [_one_type_warning(entry, tenant_options) for entry in values if isinstance(entry, int)]
    return " ".join(warning for warning in warnings if warning)


def _one_type_warning(value: int, tenant_options: Sequence[PicklistOption]) -> str:
    here = next((option for option in tenant_options if option.value == value), None)
    guide = next((option for option in GUIDE_COMPANY_TYPES if option.value == value), None)
    if here is None:
        if guide is None:
            return f"{value} is no company type of this tenant."
        return f"{value} is not used in this tenant; the guide's table says {guide.label}."
    if guide is not None and not _same_word(here.label, guide.label):
        return f"{value} is {here.label} in this tenant; the guide's table says {guide.label}."
    if not here.is_active:
        return f"{value} ({here.label}) is inactive in this tenant."
    return ""


def _same_word(left: str, right: str) -> bool:
    """Equal but for case and for the two spellings Cancelation and Cancellation."""
    return left.casefold().replace("ll", "l") == right.casefold().replace("ll", "l")
