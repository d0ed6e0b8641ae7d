"""The forms of alerts: how a person hears of what, what they mute, and the rooms of chats."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from integrations.forms.rendering import WrittenOnly
from integrations.models import AlertChannel, AlertKind, AlertReader, IntegrationInstance
from integrations.outbound.errors import AddressRefused
from integrations.services.alerts import LONGEST_MUTE, ChannelSpec, How, KindWish, Wishes
from integrations.services.webhooks import check_address

USUAL = "usual"  # what stands for nothing said
EVERYTHING = "everything"
HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


def _visible(user: User) -> Any:
    return IntegrationInstance.objects.visible_to(user).present()


def _label(instance: IntegrationInstance) -> str:
    return f"{instance.name} (deleted)" if instance.is_deleted else instance.name


class WishesForm(forms.Form):
    """One choice for each kind that the person can hear of."""

    def __init__(self, wishes: list[KindWish], data: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.wishes = wishes
        for wish in wishes:
            usual = f"{self.usual_word} ({wish.usual.label.lower()})"
            self.fields[_name(wish.kind)] = forms.ChoiceField(
                label=wish.kind.label,
                choices=[(USUAL, usual), *How.choices],
                initial=wish.said or USUAL,
            )

    usual_word = "As usual"
    instance: IntegrationInstance | None = None

    def wanted(self) -> Wishes:
        """What the valid form asks for."""
        return Wishes(self._kinds(), self.instance)

    def _kinds(self) -> dict[AlertKind, How | None]:
        said = {wish.kind: self.cleaned_data[_name(wish.kind)] for wish in self.wishes}
        return {kind: None if how == USUAL else How(how) for kind, how in said.items()}


def _name(kind: AlertKind) -> str:
    return f"kind_{kind.name.lower()}"


class OwnWishesForm(WishesForm):
    """What holds in every configuration, and when the digest comes."""

    digest_hour = forms.TypedChoiceField(label="Digest at", choices=HOURS, coerce=int)
    time_zone = forms.ChoiceField(label="Time zone")

    def __init__(
        self, wishes: list[KindWish], reader: AlertReader, data: Mapping[str, Any] | None = None
    ) -> None:
        # Who has chosen nothing yet is offered the zone of their browser.
        zone = reader.time_zone or USUAL if reader.pk else timezone.get_current_timezone_name()
        super().__init__(wishes, data, initial={"digest_hour": reader.digest_hour, "time_zone": zone})
        zones = sorted(available_timezones())
        usual = f"The portal's ({timezone.get_default_timezone_name()})"
        choices = [(USUAL, usual), *((name, name) for name in zones)]
        self.fields["time_zone"].choices = choices  # type: ignore[attr-defined]
        self.order_fields(["digest_hour", "time_zone"])

    def wanted(self) -> Wishes:
        hour, zone = self.cleaned_data["digest_hour"], self.cleaned_data["time_zone"]
        return Wishes(self._kinds(), digest=(hour, "" if zone == USUAL else zone))


class InstanceWishesForm(WishesForm):
    """What holds in one configuration."""

    usual_word = "As in all configurations"

    def __init__(
        self, wishes: list[KindWish], instance: IntegrationInstance, data: Mapping[str, Any] | None = None
    ) -> None:
        self.instance = instance
        super().__init__(wishes, data)


class MuteForm(forms.Form):
    """What is not to be sent, and until when."""

    kind = forms.ChoiceField(label="What")
    instance = forms.ModelChoiceField(
        queryset=IntegrationInstance.objects.none(),
        label="Configuration",
        required=False,
        empty_label="All configurations",
    )
    until = forms.DateTimeField(
        label="Until",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"required": "Say until when.", "invalid": "Enter a date and a time."},
    )

    def __init__(self, user: User, kinds: list[AlertKind], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(EVERYTHING, "Everything"), *((kind.value, kind.label) for kind in kinds)]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        self.fields["instance"].queryset = _visible(user)  # type: ignore[attr-defined]

    def clean_kind(self) -> AlertKind | None:
        """The kind; None for all of them."""
        kind = self.cleaned_data["kind"]
        return None if kind == EVERYTHING else AlertKind(kind)

    def clean_until(self) -> dt.datetime:
        """A moment that lies ahead, and not so far that nobody would remember."""
        until: dt.datetime = self.cleaned_data["until"]
        if until <= timezone.now():
            raise forms.ValidationError("Enter a moment that lies ahead.")
        if until > timezone.now() + LONGEST_MUTE:
            raise forms.ValidationError(f"Enter a moment within {LONGEST_MUTE.days} days.")
        return until


class ChannelForm(forms.Form):
    """A room of a chat: where it is, and what it is told."""

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    service = forms.TypedChoiceField(
        label="Chat", choices=AlertChannel.Service.choices, coerce=AlertChannel.Service
    )
    url = forms.CharField(
        label="Address of the incoming webhook",
        max_length=1000,
        help_text="In Teams: Workflows, “Post to a channel when a webhook request is received”. In Slack: an "
        "app with Incoming Webhooks. The address is sealed; pages show its host only.",
        widget=WrittenOnly(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
    )
    instance = forms.ModelChoiceField(
        queryset=IntegrationInstance.objects.none(),
        label="Configuration",
        required=False,
        empty_label="All configurations",
    )
    kinds = forms.TypedMultipleChoiceField(
        label="Tell it when",
        choices=[(kind.value, kind.label) for kind in AlertKind if not kind.is_personal],
        coerce=AlertKind,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one kind."},
    )
    is_active = forms.BooleanField(label="Active", required=False, initial=True)

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["instance"].queryset = _visible(user)  # type: ignore[attr-defined]

    @classmethod
    def keeping(cls, user: User, channel: AlertChannel, data: Mapping[str, Any] | None = None) -> ChannelForm:
        """The form of an existing channel, in which an empty address keeps the stored one."""
        initial = {
            "name": channel.name,
            "service": channel.service,
            "instance": channel.instance,
            "kinds": channel.kinds,
            "is_active": channel.is_active,
        }
        form = cls(user, data, initial=initial)
        # Also where it was deleted: without its choice, saving would let the room hear of all.
        offered = Q(pk__in=_visible(user)) | Q(pk=channel.instance_id or 0)
        field: Any = form.fields["instance"]
        field.queryset, field.label_from_instance = IntegrationInstance.objects.filter(offered), _label
        form.fields["url"].required = False
        form.fields[
            "url"
        ].help_text = f"At {channel.host}. The rest is stored and never shown; leave this empty to keep it."
        return form

    def clean_url(self) -> str:
        """An address that the portal would send to."""
        url = str(self.cleaned_data["url"])
        if url:
            try:
                check_address(url)
            except AddressRefused as error:
                raise forms.ValidationError(str(error)) from error
        return url

    def spec(self) -> ChannelSpec:
        """What the valid form asks for."""
        cleaned = self.cleaned_data
        return ChannelSpec(
            cleaned["name"],
            cleaned["service"],
            cleaned["url"],
            cleaned["kinds"],
            cleaned["instance"],
            cleaned["is_active"],
        )
