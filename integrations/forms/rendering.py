"""How forms are drawn, and what a field says that was left empty: which value to enter."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting

USUAL = forms.Field.default_error_messages["required"]


class NamedField(BoundField):
    """A field that is missed by its name: “Enter the API Username.”, not “This field is required.”"""

    def __init__(self, form: Any, field: forms.Field, name: str) -> None:
        super().__init__(form, field, name)
        if field.error_messages.get("required") == USUAL:  # a form's own words stay
            label = _within_a_sentence(str(self.label))
            chooses = isinstance(field, forms.ChoiceField)
            field.error_messages["required"] = f"Choose one: {label}." if chooses else f"Enter the {label}."


def _within_a_sentence(label: str) -> str:
    """The label with a small first letter, unless it begins with an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


class Renderer(TemplatesSetting):
    """Django's, with templates of ours and fields that are missed by name."""

    bound_field_class = NamedField
