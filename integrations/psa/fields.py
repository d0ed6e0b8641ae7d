"""What companies are filtered by: fields, choices, conditions, and the language in which people say them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

FilterValue = str | int | float | bool | None | tuple[str | int | float | bool, ...]

USER_DEFINED = "udf:"
"""The beginning of the name of a field that the tenant has added to companies: ``udf:Customer key``."""


MAX_NUMBER = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def option_value(text: str) -> int | str:
    """A picklist's value from its text: an integer wherever it is one, as rows carry it; else the text."""
    number = int(text) if _WHOLE.fullmatch(text) else None
    return text if number is None or abs(number) > MAX_NUMBER else number


# --- fields ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PicklistOption:
    """One value of a picklist field; ``value`` is what rows carry (an integer where it is one)."""

    value: int | str
    label: str
    is_active: bool = True
    is_system: bool = False
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class CompanyField:
    """One field of the tenant's companies, as its own metadata describes it.

    ``name`` of a user-defined field begins with ``USER_DEFINED``. ``label`` is what people call the field, if
    the metadata tell it. ``reference`` is the PSA's word for what a reference points to; its ``options`` are
    the labels of what can be chosen, where they were read.
    """

    name: str
    data_type: str
    is_queryable: bool = True
    is_picklist: bool = False
    is_reference: bool = False
    length: int = 0
    options: tuple[PicklistOption, ...] = ()
    label: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class FieldDetails:
    """What belongs to the fields and costs requests of its own: the tenant's own fields, and labels.

    ``labels`` has the choices by what is referred to (``CompanyField.reference``, in lower case).
    ``oddities`` says in sentences what could not be read; what an earlier read knew of it stays true.
    ``unsure`` are names of fields of whose values some may be lacking; ``USER_DEFINED`` alone stands for all
    such fields.
    """

    user_defined: tuple[CompanyField, ...] = ()
    labels: Mapping[str, tuple[PicklistOption, ...]] = field(default_factory=dict)
    oddities: tuple[str, ...] = ()
    unsure: frozenset[str] = frozenset()

    def added_to(self, fields: Sequence[CompanyField]) -> tuple[CompanyField, ...]:
        """The fields with their labels, and the tenant's own behind them."""
        labelled = (
            replace(each, options=self.labels[each.reference.lower()])
            if each.reference.lower() in self.labels and not each.is_picklist
            else each
            for each in fields
        )
        return (*labelled, *self.user_defined)


# --- filters --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilterCondition:
    """One row of the company filter. ``operation`` is the PSA's own word for it.

    ``field`` is the name of a ``CompanyField``; of the user-defined ones a query may name one.
    """

    field: str
    operation: str
    value: FilterValue = None


@dataclass(frozen=True, slots=True)
class FilterGroup:
    """Conditions of which all (``and``) or at least one (``or``) must hold; groups may hold groups."""

    grouping: str
    items: tuple[FilterCondition | FilterGroup, ...]


Filter = FilterCondition | FilterGroup
"""What a company must hold to be chosen; of several, all must hold."""


# --- the language ---------------------------------------------------------------------------------


class InvalidFilterValue(ValueError):
    """A filter value that its field cannot hold; the text is meant for the form."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to compare a field: the PSA's word, ours, and how many values it takes."""

    key: str
    label: str
    takes: Literal["none", "one", "many"] = "one"


class FilterLanguage(Protocol):
    """How people write a PSA's filters. Moments are read and said in one time zone, the portal's."""

    def operations_for(self, field: CompanyField) -> tuple[Operation, ...]:
        """The operations that make sense for the field, the most usual first; perhaps none."""

    def parse_value(self, field: CompanyField, operation: str, raw: str) -> FilterValue:
        """The value of a row from what a person typed. Raises ``InvalidFilterValue``."""

    def parse_values(self, field: CompanyField, operation: str, parts: Sequence[str]) -> FilterValue:
        """The value of a row from one text for each value (chips). Raises ``InvalidFilterValue``."""

    def text_of(self, condition: FilterCondition) -> str:
        """The value of a row as a person would type it: what ``parse_value`` reads back."""

    def texts_of(self, condition: FilterCondition) -> tuple[str, ...]:
        """Each value of a row as a person would type it, for chips: what ``parse_values`` reads back."""

    def problem_with(self, filters: Sequence[Filter]) -> str:
        """Why the PSA cannot be asked for all of these rows at once, as a sentence; perhaps empty."""

    def describe(self, condition: Filter, fields: Sequence[CompanyField]) -> str:
        """A row, or rows joined by *or*, as a sentence."""

    def label_of(self, name: str) -> str:
        """A field's name for people, where nothing but its name is known."""

    def label_for(self, field: CompanyField) -> str:
        """A field's name for people."""

    def find_field(self, name: str, fields: Sequence[CompanyField]) -> CompanyField | None:
        """The field of that name, whatever its case."""

    def field_groups(
        self, fields: Sequence[CompanyField]
    ) -> tuple[tuple[CompanyField, ...], tuple[CompanyField, ...]]:
        """The fields that are often used, in that order, and all others, sorted by label."""

    def value_hint(self, field: CompanyField, operation: str) -> str:
        """What stands beside the value, such as "The value must be an integer."; perhaps empty."""

    def type_warning(self, value: FilterValue, tenant_options: Sequence[PicklistOption]) -> str:
        """How this tenant's meaning of a company type differs from the setup guide's; perhaps empty."""
