"""How forms are drawn, and what a field says: which value to enter, and which to enter once more."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting

USUAL = forms.Field.default_error_messages["required"]


AGAIN = "Type it again: a secret is never sent back to the page."
CHOOSE_AGAIN = "Choose it again: a page cannot give a file back."


class WrittenOnly(forms.TextInput):
    """A field whose entry is never sent back: the address may be all that its receiver asks for."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, {**(attrs or {}), "data-written-only": ""})


class NamedField(BoundField):
    """A field that is missed by its name: “Enter the API Username.”, not “This field is required.”

    One whose entry the page does not give back says after an error of the form, whichever field it is of,
    that what was entered has to be entered again; where nothing was, there is nothing to say.
    """

    def __init__(self, form: Any, field: forms.Field, name: str) -> None:
        super().__init__(form, field, name)
        if field.error_messages.get("required") == USUAL:  # a form's own words stay
            label = _within_a_sentence(str(self.label))
            chooses = isinstance(field, forms.ChoiceField)
            field.error_messages["required"] = f"Choose one: {label}." if chooses else f"Enter the {label}."

    @property
    def is_lost(self) -> bool:
        """Whether something was entered, and is not on the page that tells of an error."""
        return self._gives_nothing_back() and bool(self.form.is_bound and self.data and self.form.errors)

    @property
    def help_text(self) -> str:
        """The field's own; of one that is lost, what to do about it."""
        if not self.is_lost:
            return self._help_text
        return CHOOSE_AGAIN if isinstance(self.field.widget, forms.FileInput) else AGAIN

    @help_text.setter
    def help_text(self, text: str) -> None:
        self._help_text = text

    def _gives_nothing_back(self) -> bool:
        widget = self.field.widget
        is_password = isinstance(widget, forms.PasswordInput) and not widget.render_value
        return is_password or isinstance(widget, WrittenOnly | forms.FileInput)


def _within_a_sentence(label: str) -> str:
    """The label with a small first letter, unless it begins with an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


class Renderer(TemplatesSetting):
    """Django's, with templates of ours and fields that are missed by name."""

    bound_field_class = NamedField
