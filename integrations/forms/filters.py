"""The company filter's form: rows of Filter, Operation and Value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from integrations.psa.base import CompanyField, FilterCondition
from integrations.psa.fields import InvalidFilterValue
from integrations.psa.registry import Provider

MOST_ROWS = 20


class FilterRowForm(forms.Form):
    """One row. The operations and the value's type follow from the chosen field."""

    field = forms.ChoiceField(label="Filter", required=False)
    operation = forms.ChoiceField(label="Operation", required=False)
    value = forms.CharField(label="Value", required=False, max_length=2000)

    def __init__(self, *args: Any, provider: Provider, fields: Sequence[CompanyField], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        self.company_fields = {field.name: field for field in fields}
        self.choices(
            "field",
            [
                ("", "Choose a field"),
                *((field.name, provider.filters.label_for(field)) for field in fields),
            ],
        )
        self.company_field = self.company_fields.get(self["field"].value() or "")
        operations = provider.filters.operations_for(self.company_field) if self.company_field else ()
        self.choices("operation", [(operation.key, operation.label) for operation in operations])
        self.operations = {operation.key: operation for operation in operations}

    def choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Give a choice field its choices."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = choices

    @property
    def is_blank(self) -> bool:
        """True for a row in which no field was chosen: it filters nothing."""
        return not self["field"].value()

    @property
    def takes_value(self) -> bool:
        """False for operations like “is empty”."""
        operation = self.operations.get(self["operation"].value() or next(iter(self.operations), ""))
        return operation is None or operation.takes != "none"

    @property
    def options(self) -> list[tuple[str, str]]:
        """The values that the field's picklist offers, with labels; inactive ones say so."""
        field = self.company_field
        if field is None:
            return []
        return [
            (str(option.value), option.label if option.is_active else f"{option.label} (inactive)")
            for option in field.options
        ]

    @property
    def value_label(self) -> str:
        """What the entered picklist values mean, for example “Customer”."""
        labels = dict(self.options)
        parts = [part.strip() for part in str(self["value"].value() or "").split(",")]
        return ", ".join(labels[part] for part in parts if part in labels)

    @property
    def warning(self) -> str:
        """In words, when a value means something else in this tenant than in the setup guide."""
        field = self.company_field
        if field is None or field.name.lower() != "companytype":
            return ""
        parts = [part.strip() for part in str(self["value"].value() or "").split(",")]
        warnings = [
            self.provider.filters.type_warning(int(part), field.options) for part in parts if part.isdecimal()
        ]
        return " ".join(text for text in warnings if text)

    def clean(self) -> dict[str, Any]:
        """Check the value by the field's type."""
        cleaned = super().clean() or {}
        field, operation = self.company_field, cleaned.get("operation")
        if field is None and cleaned.get("value") and not self.errors:
            self.add_error("field", "Choose the field that has this value, or remove the row.")
        if field is None or self.errors:
            return cleaned
        if not operation:
            self.add_error("operation", "Choose an operation.")
            return cleaned
        try:
            value = self.provider.filters.parse_value(field, operation, cleaned.get("value", ""))
        except InvalidFilterValue as error:
            self.add_error("value", str(error))
        else:
            cleaned["condition"] = FilterCondition(field.name, operation, value)
        return cleaned


class BaseFilterFormSet(forms.BaseFormSet[FilterRowForm]):
    """The rows together; blank ones are left out."""

    def conditions(self) -> list[FilterCondition]:
        """The conditions of a valid formset, in order."""
        return [form.cleaned_data["condition"] for form in self.forms if form.cleaned_data.get("condition")]


FilterFormSet: Any = forms.formset_factory(
    FilterRowForm,
    formset=BaseFilterFormSet,
    extra=0,
    max_num=MOST_ROWS,
    absolute_max=MOST_ROWS,
    validate_max=True,
)


def initial_rows(conditions: Sequence[FilterCondition], provider: Provider) -> list[dict[str, str]]:
    """Saved conditions as the form shows them."""
    return [
        {
            "field": condition.field,
            "operation": condition.operation,
            "value": provider.filters.text_of(condition),
        }
        for condition in conditions
    ]
