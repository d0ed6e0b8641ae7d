"""Autotask's connection form: the four values that the PSA asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from integrations.psa.autotask import zones
from integrations.psa.forms import ConnectionForm, SecretField


class AutotaskConnectionForm(ConnectionForm):
    """Name, Platform, API Username, API User Password, API Tracking Identifier."""

    SECRETS = ("secret", "tracking_identifier")
    IDENTITY = ("zone", "username")

    zone = forms.ChoiceField(
        required=False,
        label="Platform",
        help_text="“Detect from username” finds the zone by itself. Choose one only to make sure of it.",
    )
    username = forms.CharField(
        max_length=200,
        label="API Username",
        help_text="The user name that Autotask generated, like abc123@YOURCOMPANY.COM. Not your own sign-in.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    secret = SecretField(label="API User Password", help_text="The secret that belongs to the API user.")
    tracking_identifier = SecretField(
        label="API Tracking Identifier",
        help_text="From the API user's page in Autotask, under “API Tracking Identifier”.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        extra_hosts = frozenset(settings.AUTOTASK_EXTRA_HOSTS)
        platform = self.fields["zone"]
        assert isinstance(platform, forms.ChoiceField)  # noqa: S101  # declared above
        platform.choices = [("", "Detect from username (recommended)"), *zones.choices(extra_hosts)]
