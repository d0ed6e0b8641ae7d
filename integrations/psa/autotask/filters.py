"""The company filter as people write it: what is offered, and what a row says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from integrations.psa.autotask.filter_operations import (
    ALL_OPERATIONS,
    find_field,
    kind_of,
    label_for,
    label_of,
    operations_for,
)
from integrations.psa.autotask.filter_values import (
    FROM_DAY,
    TO_DAY,
    day_or_moment,
    parse_value,
    parse_values,
    same_label,
    text_of,
    texts_of,
    zone_name,
)
from integrations.psa.autotask.queries import MAX_OR_CONDITIONS, MAX_USER_DEFINED
from integrations.psa.fields import (
    USER_DEFINED,
    CompanyField,
    Filter,
    FilterCondition,
    FilterGroup,
    FilterValue,
    InvalidFilterValue,
    Operation,
    PicklistOption,
)

__all__ = ["AutotaskFilters", "InvalidFilterValue", "operations_for", "parse_value", "parse_values"]

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

OFTEN_USED = (
    COMPANY_TYPE,
    "isActive",
    "classification",
    "territoryID",
    "ownerResourceID",
    "countryID",
    "marketSegmentID",
)
"""The fields that most filters are made of, in the order in which they are offered."""


@dataclass(frozen=True, slots=True)
class AutotaskFilters:
    """Autotask's filter language (``FilterLanguage``); dates are whole days in ``zone``."""

    zone: dt.tzinfo = dt.UTC

    def operations_for(self, field: CompanyField) -> tuple[Operation, ...]:
        """The operations that make sense for the field."""
        return operations_for(field)

    def parse_value(self, field: CompanyField, operation: str, raw: str) -> FilterValue:
        """The value of a row from what a person typed. Raises ``InvalidFilterValue``."""
        return parse_value(field, operation, raw, self.zone)

    def parse_values(self, field: CompanyField, operation: str, parts: Sequence[str]) -> FilterValue:
        """The value of a row from one text for each value. Raises ``InvalidFilterValue``."""
        return parse_values(field, operation, parts, self.zone)

    def text_of(self, condition: FilterCondition) -> str:
        """The value of a row as a person would type it."""
        return text_of(condition, self.zone)

    def texts_of(self, condition: FilterCondition) -> tuple[str, ...]:
        """Each value of a row as a person would type it."""
        return texts_of(condition, self.zone)

    def problem_with(self, filters: Sequence[Filter]) -> str:
        """Two user-defined fields, or too many values; what each row is by itself is not looked at."""
        return problem_with(filters)

    def describe(self, condition: Filter, fields: Sequence[CompanyField]) -> str:
        """A row, or rows joined by *or*, as a sentence."""
        return describe(condition, fields, self.zone)

    def label_of(self, name: str) -> str:
        """A field's name for people, where nothing but its name is known."""
        return label_of(name)

    def label_for(self, field: CompanyField) -> str:
        """A field's name for people."""
        return label_for(field)

    def find_field(self, name: str, fields: Sequence[CompanyField]) -> CompanyField | None:
        """The field of that name, whatever its case."""
        return find_field(name, fields)

    def field_groups(
        self, fields: Sequence[CompanyField]
    ) -> tuple[tuple[CompanyField, ...], tuple[CompanyField, ...]]:
        """The fields that are often used, and all others by label; only what can be queried."""
        offered = [field for field in fields if operations_for(field)]
        often = [field for name in OFTEN_USED if (field := find_field(name, offered)) is not None]
        others = [field for field in offered if field not in often]
        return tuple(often), tuple(sorted(others, key=lambda field: label_for(field).casefold()))

    def value_hint(self, field: CompanyField, operation: str) -> str:
        """What stands beside the value; perhaps nothing."""
        takes = {each.key: each.takes for each in operations_for(field)}.get(operation, "one")
        kind = kind_of(field)
        if takes == "none":
            return ""
        if kind == "moment":
            return f"Dates are whole days in {zone_name(self.zone)}."
        hint = "The value must be an integer." if kind in {"choice", "whole"} else ""
        if takes == "many":
            hint = f"{hint} Separate several by commas; put one that holds a comma in quotation marks."
        return hint.strip()

    def type_warning(self, value: FilterValue, tenant_options: Sequence[PicklistOption]) -> str:
        """How this tenant's meaning of a company type differs from the guide's; perhaps nothing."""
        return type_warning(value, tenant_options)


# --- all rows together ----------------------------------------------------------------------------

MOST_ALTERNATIVES = MAX_OR_CONDITIONS - 100
"""Values and alternatives of one filter; the rest of what Autotask takes is for asking by id."""


def problem_with(filters: Sequence[Filter]) -> str:
    """Why Autotask cannot be asked for all of these rows at once; perhaps nothing."""
    own = [each.field for each in _conditions(filters) if each.field.startswith(USER_DEFINED)]
    if len(own) > MAX_USER_DEFINED:
        names = ", ".join(label_of(name) for name in own)
        return (
            "Autotask takes one row with a user-defined field in a filter, and here are "
            f"{len(own)}: {names}. Keep one of them."
        )
    number = sum(len(each.value) for each in _conditions(filters) if isinstance(each.value, tuple))
    number += sum(len(each.items) for each in filters if isinstance(each, FilterGroup))
    if number > MOST_ALTERNATIVES:
        return (
            f"These rows name {number} values and alternatives, and Autotask takes {MAX_OR_CONDITIONS} in a "
            "query, some of which the portal needs to ask for companies by id. Name at most "
            f"{MOST_ALTERNATIVES}."
        )
    return ""


def _conditions(filters: Sequence[Filter]) -> Iterator[FilterCondition]:
    for each in filters:
        if isinstance(each, FilterGroup):
            yield from _conditions(each.items)
        else:
            yield each


# --- saying it in words ---------------------------------------------------------------------------


def value_label(field: CompanyField | None, value: str | int | float | bool) -> str:
    """One value in words: ``1 (Customer)``, ``5 (Old type, inactive)``, ``yes``, ``Springfield``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field is not None:
        for option in field.options:
            if option.value == value:
                return (
                    f"{value} ({option.label})" if option.is_active else f"{value} ({option.label}, inactive)"
                )
        if field.options and field.is_picklist:
            return f"{value} (not in this Autotask)"
    if isinstance(value, str) and (field is None or kind_of(field) == "text"):
        return f"“{value}”"
    return str(value)


def describe(condition: Filter, fields: Sequence[CompanyField], zone: dt.tzinfo = dt.UTC) -> str:
    """A filter row as a sentence: "Company type equals 1 (Customer)"; a group joins them by its word."""
    if isinstance(condition, FilterGroup):
        parts = [
            f"({sentence})" if isinstance(item, FilterGroup) else sentence
            for item in condition.items
            if (sentence := describe(item, fields, zone))
        ]
        return f" {condition.grouping} ".join(parts)
    field = find_field(condition.field, fields)
    known = operations_for(field) if field is not None else ()
    words = {**ALL_OPERATIONS, **{entry.key: entry.label for entry in known}}
    label = label_of(condition.field) if field is None else label_for(field)
    sentence = f"{label} {words.get(condition.operation, condition.operation)}"
    if condition.value is None:
        return sentence
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    said = [
        day_or_moment(value, condition.operation, zone)
        if isinstance(value, str)
        and condition.operation in FROM_DAY | TO_DAY
        and field is not None
        and kind_of(field) == "moment"
        else value_label(field, value)
        for value in values
    ]
    return f"{sentence} {', '.join(said)}"


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
    if guide is not None and not same_label(here.label, guide.label):
        return f"{value} is {here.label} in this tenant; the guide's table says {guide.label}."
    if not here.is_active:
        return f"{value} ({here.label}) is inactive in this tenant."
    return ""
