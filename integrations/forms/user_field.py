"""Which user-defined field is read with the companies."""

from __future__ import annotations

from typing import Any

from django import forms

from integrations.models import IntegrationInstance
from integrations.psa.fields import USER_DEFINED


class UserFieldForm(forms.Form):
    """The tenant's own fields, and none."""

    user_field = forms.ChoiceField(
        label="Read with each company",
        required=False,
        error_messages={
            "invalid_choice": "This Autotask has no such user-defined field. Choose another one."
        },
    )

    def __init__(self, instance: IntegrationInstance, data: Any = None) -> None:
        super().__init__(data, initial={"user_field": instance.user_field})
        choices = [
            (each["name"], each.get("label") or each["name"].removeprefix(USER_DEFINED))
            for each in instance.company_fields
            if each["name"].startswith(USER_DEFINED)
        ]
        if instance.user_field and instance.user_field not in dict(choices):
            gone = instance.user_field.removeprefix(USER_DEFINED)
            choices.append((instance.user_field, f"{gone} (no longer in this Autotask)"))
        field = self.fields["user_field"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [("", "no user-defined field"), *choices]

    @property
    def has_choice(self) -> bool:
        """True where there is something to choose."""
        return len(self.fields["user_field"].choices) > 1  # type: ignore[attr-defined]
