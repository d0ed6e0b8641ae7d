"""The form of a webhook."""

from __future__ import annotations

from django import forms

from integrations.models import Webhook, WebhookEvent
from integrations.outbound.errors import AddressRefused
from integrations.services.webhooks import WebhookSpec, check_address


class WebhookForm(forms.Form):
    """A webhook: where to send what."""

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    url = forms.CharField(
        label="Address",
        max_length=500,
        help_text="An https address that takes POST requests from the portal.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
    )
    events = forms.TypedMultipleChoiceField(
        label="Tell it when",
        choices=WebhookEvent.choices,
        coerce=WebhookEvent,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event."},
    )

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookForm:
        """The form of an existing webhook."""
        return cls(initial={"name": webhook.name, "url": webhook.url, "events": webhook.events})

    def clean_url(self) -> str:
        """An address that the portal would send to."""
        url = str(self.cleaned_data["url"])
        try:
            check_address(url)
        except AddressRefused as error:
            raise forms.ValidationError(str(error)) from error
        return url

    def spec(self) -> WebhookSpec:
        """What the valid form asks for."""
        cleaned = self.cleaned_data
        return WebhookSpec(cleaned["name"], cleaned["url"], cleaned["events"])
