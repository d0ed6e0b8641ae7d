"""The form of an API token."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from integrations.models import IntegrationInstance, Right
from integrations.models.tokens import parse_networks
from integrations.services.read_api import LONGEST_DAYS, TokenSpec

MAKER, PORTAL = "maker", "portal"


class TokenForm(forms.Form):
    """A new token: what it is for, what it may read and how long."""

    name = forms.CharField(
        max_length=100,
        help_text="Which program will use it, for example “Billing export”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    rights = forms.TypedMultipleChoiceField(
        label="May read",
        choices=Right.choices,
        coerce=Right,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one right."},
    )
    instances = forms.ModelMultipleChoiceField(
        label="Only in these configurations",
        queryset=IntegrationInstance.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of them, also those that are added later.",
    )
    belongs = forms.ChoiceField(
        label="Belongs to",
        choices=[
            (MAKER, "Me: it ends when I leave, or may no longer make tokens"),
            (PORTAL, "The portal itself: it stays when I leave"),
        ],
        initial=MAKER,
        required=False,
        widget=forms.RadioSelect,
    )
    networks = forms.CharField(
        label="Only from these addresses",
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Addresses and ranges like 192.0.2.7, 10.0.0.0/8. Empty: from anywhere.",
    )
    days = forms.IntegerField(
        label="Valid for (days)",
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=365,
        help_text=f"At most {LONGEST_DAYS}. Empty: 365. The portal tells 30 days before the token ends.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["instances"]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  # for the type checker
        field.queryset = IntegrationInstance.objects.present()

    def clean_networks(self) -> tuple[str, ...]:
        """The ranges."""
        try:
            return parse_networks(self.cleaned_data["networks"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def spec(self) -> TokenSpec:
        """What the valid form asks for."""
        cleaned = self.cleaned_data
        expires = timezone.now() + dt.timedelta(days=cleaned["days"]) if cleaned["days"] else None
        return TokenSpec(
            cleaned["name"],
            cleaned["rights"],
            list(cleaned["instances"]),
            expires,
            for_portal=cleaned["belongs"] == PORTAL,
            networks=cleaned["networks"],
        )
