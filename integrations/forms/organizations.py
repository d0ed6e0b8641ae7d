"""The organizations page: its address and the form of one organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from integrations.services.organizations import (
    LENGTHS,
    PAGE_SIZES,
    SORTS,
    ListQuery,
    Status,
    ValueProblem,
    read_value,
)


class ListForm(forms.Form):
    """Reads the query string; a value that makes no sense counts as not given."""

    q = forms.CharField(max_length=200)
    status = forms.TypedChoiceField(
        choices=[(status.value, status.value) for status in Status], coerce=Status
    )
    sort = forms.ChoiceField(choices=[(key, key) for key in SORTS])
    dir = forms.ChoiceField(choices=[("asc", "asc"), ("desc", "desc")])
    page = forms.IntegerField(min_value=1, max_value=1_000_000)
    size = forms.TypedChoiceField(choices=[(size, size) for size in PAGE_SIZES], coerce=int)


def list_query(values: Mapping[str, Any]) -> ListQuery:
    """The list that an address asks for."""
    form = ListForm(values)
    form.is_valid()
    cleaned = form.cleaned_data
    return ListQuery(
        text=cleaned.get("q", ""),
        status=cleaned.get("status") or Status.ALL,
        sort=cleaned.get("sort") or "name",
        descending=cleaned.get("dir") == "desc",
        page=cleaned.get("page") or 1,
        size=cleaned.get("size") or 50,
    )


class _OrganizationValue(forms.CharField):
    """A text of an organization, read as the import reads it."""

    def __init__(self, field: str, *, required: bool = False, **kwargs: Any) -> None:
        self.field = field
        widget = forms.TextInput(attrs={"autocomplete": "off", "maxlength": LENGTHS[field]})
        super().__init__(required=required, widget=widget, **kwargs)

    def clean(self, value: Any) -> str:
        """The value in its normal form."""
        try:
            read = read_value(self.field, str(super().clean(value)))
        except ValueProblem as problem:
            raise forms.ValidationError(f"{str(problem)[0].upper()}{str(problem)[1:]}.") from problem
        if self.required and not read:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return str(read or "")


class OrganizationForm(forms.Form):
    """One organization. ``seen`` is when it was last changed, as this person saw it (empty for a new one)."""

    name = _OrganizationValue("name", required=True, error_messages={"required": "Enter the name."})
    external_id = _OrganizationValue(
        "external_id",
        label="External id",
        help_text="Its id in the tool that the list came from; unique where given.",
    )
    domain = _OrganizationValue("domain", help_text="For example example.com. Helps to suggest its company.")
    phone = _OrganizationValue("phone")
    city = _OrganizationValue("city")
    state = _OrganizationValue("state")
    postal_code = _OrganizationValue("postal_code", label="Postal code")
    is_active = forms.BooleanField(
        required=False, initial=True, label="Active", help_text="Inactive organizations are not suggested."
    )
    seen = forms.DateTimeField(
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid": "It is unclear which state of it you saw. Open it again."},
    )
