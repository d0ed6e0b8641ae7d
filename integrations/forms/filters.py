"""The company filter's form: rows of Filter, Operation and Value, joined by *and* or by *or*."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from django import forms

from integrations.psa.base import CompanyField, Filter, FilterCondition, FilterGroup
from integrations.psa.fields import USER_DEFINED, FilterValue, InvalidFilterValue, PicklistOption
from integrations.psa.registry import Provider
from integrations.services.companies import MOST_ROWS

AND, OR = "and", "or"
MOST_TICKS = 12  # of a picklist with no more values, each is a box to tick
MOST_LISTED = 1_000  # values that a browser offers while somebody types
MOST_NOTED = 8  # values that stand below the field


class TextsField(forms.Field):
    """Any number of texts, from inputs that share a name."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> list[str]:
        """Those that are not empty."""
        return [str(text) for text in value or () if str(text).strip()]


@dataclass(frozen=True, slots=True)
class Chip:
    """One value of a row, as a box to tick: what is sent, what it is called, and whether it is chosen."""

    text: str
    label: str
    is_chosen: bool = True


class FilterRowForm(forms.Form):
    """One row. The operations and the value's type follow from the chosen field.

    ``values`` are the ticked chips of an operation that takes several values, ``value`` is what was typed:
    the value, or further ones. ``join`` says whether the row has to hold as well as those before (*and*), or
    may hold instead of the one before (*or*). ``drawn`` is how many values the row took when it was drawn,
    ``drawn_field`` the field that it was drawn with.
    """

    field = forms.ChoiceField(label="Filter", required=False)
    operation = forms.ChoiceField(label="Operation", required=False)
    values = TextsField(label="Values", required=False)
    value = forms.CharField(label="Value", required=False, max_length=20_000)
    drawn = forms.CharField(required=False, max_length=10)
    drawn_field = forms.CharField(required=False, max_length=200)
    join = forms.ChoiceField(label="Joined by", required=False, choices=[(AND, "and"), (OR, "or")])

    def __init__(self, *args: Any, provider: Provider, fields: Sequence[CompanyField], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language = provider.filters
        often, others = self.language.field_groups(fields)
        self.field_groups = [
            (label, [(field.name, self.language.label_for(field)) for field in group])
            for label, group in (("Often used", often), ("All other fields", others))
            if group
        ]
        self.choices("field", [("", "Choose a field"), *self.field_groups])
        offered = {field.name: field for field in (*often, *others)}
        self.company_field = offered.get(self["field"].value() or "")
        operations = self.language.operations_for(self.company_field) if self.company_field else ()
        self.choices("operation", [(operation.key, operation.label) for operation in operations])
        self.operations = {operation.key: operation for operation in operations}

    def choices(self, name: str, choices: list[Any]) -> None:
        """Give a choice field its choices."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = choices

    # --- what the row is ---

    @property
    def is_blank(self) -> bool:
        """True for a row in which no field was chosen: it filters nothing."""
        return not self["field"].value()

    @property
    def is_alternative(self) -> bool:
        """True for a row that may hold instead of the one before."""
        return bool(self["join"].value() == OR)

    @property
    def gone_field(self) -> str:
        """The label of a chosen field that is not offered: the tenant does not have it any more."""
        name = self["field"].value()
        return self.language.label_of(name) if name and self.company_field is None else ""

    @property
    def chosen_operation(self) -> str:
        """The operation in effect: the chosen one, or the first."""
        return self["operation"].value() or next(iter(self.operations), "")

    @property
    def takes(self) -> str:
        """How many values the operation takes: "none" (as for “is empty”), "one" or "many"."""
        operation = self.operations.get(self.chosen_operation)
        return operation.takes if operation else "one"

    # --- its value ---

    @property
    def text(self) -> str:
        """What stands in the input: what was typed, or the chips of an operation that takes one value."""
        typed = str(self["value"].value() or "")
        return typed if typed or self.takes == "many" else ", ".join(self._ticked())

    def _ticked(self) -> list[str]:
        return [str(text) for text in self["values"].value() or ()]

    def _parsed(self, texts: Sequence[str]) -> FilterValue:
        """The value that the texts say, each by itself. Raises InvalidFilterValue."""
        assert self.company_field is not None  # noqa: S101  # asked for a row with a field alone
        return self.language.parse_values(self.company_field, self.chosen_operation, texts)

    def _typed_values(self) -> FilterValue:
        assert self.company_field is not None  # noqa: S101
        return self.language.parse_value(self.company_field, self.chosen_operation, self.text)

    def _texts(self, value: FilterValue) -> list[str]:
        assert self.company_field is not None  # noqa: S101
        return list(
            self.language.texts_of(FilterCondition(self.company_field.name, self.chosen_operation, value))
        )

    def _known_value(self) -> FilterValue:
        """The value as far as it can be read; None where it cannot."""
        if self.company_field is None or self.takes == "none":
            return None
        try:
            return self._parsed([*self._ticked(), *(self._texts(self._typed_values()) if self.text else ())])
        except InvalidFilterValue:
            return None

    @property
    def options(self) -> list[tuple[str, str]]:
        """The values that can be chosen, with labels; inactive ones say so."""
        field = self.company_field
        if field is None:
            return []
        if field.data_type in {"boolean", "bool"}:
            return [("yes", ""), ("no", "")]
        return [(str(option.value), _option_label(option)) for option in field.options[:MOST_LISTED]]

    @property
    def noted_options(self) -> list[str]:
        """The first values with their labels, for the line below the field; none where boxes show them."""
        if self.has_ticks:
            return []
        noted = [f"{value} {label}".strip() for value, label in self.options[:MOST_NOTED]]
        return [*noted, "…"] if len(self.options) > MOST_NOTED else noted

    @property
    def has_ticks(self) -> bool:
        """True where every value of the picklist is a box to tick."""
        field = self.company_field
        return self.takes == "many" and field is not None and 0 < len(field.options) <= MOST_TICKS

    @property
    def chips(self) -> list[Chip]:
        """The values of a row that takes several: all of a short picklist, then the other chosen ones."""
        field = self.company_field
        if field is None or self.takes != "many":
            return []
        labels = {str(option.value): _option_label(option) for option in field.options}
        ticked = self._ticked()
        chosen = list(dict.fromkeys(text if text in labels else self._canonical(text) for text in ticked))
        shown = [text for text in labels if text not in chosen] if self.has_ticks else []
        order = [*(text for text in labels if text in {*chosen, *shown}), *chosen]
        return [Chip(text, labels.get(text, ""), text in chosen) for text in dict.fromkeys(order)]

    def _canonical(self, text: str) -> str:
        try:
            [canonical] = self._texts(self._parsed([text]))
        except InvalidFilterValue:
            return text
        return canonical

    @property
    def value_label(self) -> str:
        """What the entered value means, for example “Customer”; of several the chips tell."""
        value, field = self._known_value(), self.company_field
        if field is None or self.takes != "one":
            return ""
        label = next((_option_label(option) for option in field.options if option.value == value), "")
        return f"{value} {label}" if label and self.text.strip() != str(value) else label

    @property
    def hint(self) -> str:
        """What stands beside the value."""
        return (
            self.language.value_hint(self.company_field, self.chosen_operation) if self.company_field else ""
        )

    @property
    def is_user_defined(self) -> bool:
        """True for a field that the tenant has added."""
        return self.company_field is not None and self.company_field.name.startswith(USER_DEFINED)

    @property
    def warning(self) -> str:
        """In words, when a value means something else in this tenant than in the setup guide."""
        field = self.company_field
        if field is None or field.name.lower() != "companytype":
            return ""
        return self.language.type_warning(self._known_value(), field.options)

    def redrawn(self, *, at_once: bool) -> dict[str, Any]:
        """The row as it is shown anew when something of it was changed: what was typed becomes chips.

        ``at_once``: the field or the operation was changed just now. What was typed for one that takes one
        value is one value then, whatever commas it holds; another field keeps only values that it can have.
        """
        row = {name: str(self[name].value() or "") for name in ("field", "operation", "value", "join")}
        if row["operation"] not in self.operations:
            row["operation"] = ""
        if at_once and not self._keeps_values():
            return {**row, "value": "", "values": []}
        if self.takes != "many":
            return {**row, "value": self.text}
        chips, typed = self._ticked(), self.text
        if typed:
            was_one = at_once and self["drawn"].value() == "one"
            with suppress(InvalidFilterValue):  # then it stays where it can be corrected
                value = self._parsed([typed]) if was_one else self._typed_values()
                chips, typed = [*chips, *self._texts(value)], ""
        return {**row, "values": list(dict.fromkeys(chips)), "value": typed}

    def _keeps_values(self) -> bool:
        """Whether the values are of the row's field: of the one before, only if they could be of this one."""
        before, field = self["drawn_field"].value(), self.company_field
        if not before or field is None or before == field.name:
            return True
        known = self._known_value()
        if known is None or not field.options:
            return known is not None
        values = known if isinstance(known, tuple | list) else (known,)
        return {*values} <= {option.value for option in field.options}

    # --- checking ---

    def clean(self) -> dict[str, Any]:
        """Check the value by the field's type."""
        cleaned = super().clean() or {}
        field, operation = self.company_field, cleaned.get("operation")
        if field is None and (cleaned.get("value") or cleaned.get("values")) and not self.errors:
            self.add_error("field", "Choose the field that has this value, or remove the row.")
        if field is None or self.errors:
            return cleaned
        if not operation:
            self.add_error("operation", "Choose an operation.")
            return cleaned
        try:
            if self.takes == "many":
                texts = list(cleaned.get("values", ()))
                texts += self._texts(self._typed_values()) if self.text else ()
                value = self._parsed(texts)
            else:
                value = self._typed_values()
        except InvalidFilterValue as error:
            self.add_error("value", str(error))
        else:
            cleaned["condition"] = FilterCondition(field.name, operation, value)
        return cleaned


def _option_label(option: PicklistOption) -> str:
    return option.label if option.is_active else f"{option.label} (inactive)"


class BaseFilterFormSet(forms.BaseFormSet[FilterRowForm]):
    """The rows together; blank ones are left out."""

    default_error_messages = {  # as Django has it
        **forms.BaseFormSet.default_error_messages,
        "too_many_forms": "A filter has at most %(num)d rows.",
    }

    def groups(self) -> list[list[FilterRowForm]]:
        """The rows that are alternatives of one another, blank ones too; most groups have one row."""
        groups: list[list[FilterRowForm]] = []
        for number, form in enumerate(self.forms):
            if number and form.is_alternative:
                groups[-1].append(form)
            else:
                groups.append([form])
        return groups

    def numbered_groups(self) -> list[tuple[int, list[FilterRowForm]]]:
        """The groups with the number of their first row, from 1."""
        groups = self.groups()
        starts = accumulate((len(group) for group in groups), initial=1)
        return list(zip(starts, groups, strict=False))

    def conditions(self) -> list[Filter]:
        """The filter of a valid formset, in order."""
        return list(self._filters())

    def _filters(self) -> Iterator[Filter]:
        for group in self.groups():
            conditions = tuple(
                form.cleaned_data["condition"] for form in group if form.cleaned_data.get("condition")
            )
            if len(conditions) > 1:
                yield FilterGroup(OR, conditions)
            else:
                yield from conditions

    def clean(self) -> None:
        """What the PSA cannot be asked for at once, although each row is right."""
        if any(form.errors for form in self.forms):
            return
        if problem := self.form_kwargs["provider"].filters.problem_with(self.conditions()):
            raise forms.ValidationError(problem)


FilterFormSet: Any = forms.formset_factory(
    FilterRowForm,
    formset=BaseFilterFormSet,
    extra=0,
    max_num=MOST_ROWS,
    absolute_max=MOST_ROWS,
    validate_max=True,
)


def initial_rows(filters: Sequence[Filter], provider: Provider) -> list[dict[str, Any]]:
    """A saved filter as the form shows it."""
    rows: list[dict[str, Any]] = []
    for each in filters:
        items = each.items if isinstance(each, FilterGroup) else (each,)
        for number, condition in enumerate(items):
            assert isinstance(condition, FilterCondition)  # noqa: S101  # no group is kept within a group
            texts = list(provider.filters.texts_of(condition))
            is_list = isinstance(condition.value, tuple)
            rows.append(
                {
                    "field": condition.field,
                    "operation": condition.operation,
                    "values": texts if is_list else [],
                    "value": "" if is_list else "".join(texts),
                    "join": OR if number else AND,
                }
            )
    return rows
