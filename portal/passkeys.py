"""Forms of passkeys: what a browser sends is looked at before the library reads it, and its name kept short.

The library takes a browser's answer for what a browser makes of it. Whoever writes one by hand is told that
it does not fit, and breaks no page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django import forms
from django.core.exceptions import ValidationError

from integrations.files.text import clean_text
from integrations.models import AccountEvent
from integrations.services.sign_ins import note

LONGEST_ANSWER = 60_000  # signs: a certificate or three with room
MOST_BRACKETS = 60  # an answer has a dozen
LONGEST_NAME = 60
# What reading bytes that are none of ours raises, in the library's own libraries.
UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, NotImplementedError,
    struct.error, InvalidSignature, UnsupportedAlgorithm,
)  # fmt: skip


class AnswerField(forms.JSONField):
    """What a browser's passkeys have answered; it is not sent back to the page."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        """The answer, an object. Raises ValidationError, before reading what would be too deep to read."""
        if isinstance(value, str):
            brackets = value.count("[") + value.count("{")
            if len(value) > LONGEST_ANSWER or brackets > MOST_BRACKETS:
                raise get_adapter().validation_error("incorrect_code")
        answer = super().to_python(value)
        if not isinstance(answer, dict):
            raise get_adapter().validation_error("incorrect_code")
        return answer

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Nothing: the next answer is another."""
        return None


@contextmanager
def _readable() -> Iterator[None]:
    """Whatever cannot be read does not fit."""
    try:
        yield
    except ValidationError:
        raise
    except UNREADABLE as error:
        raise get_adapter().validation_error("incorrect_code") from error


class NewPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth has no type information
    """Adding one."""

    name = forms.CharField(required=False, max_length=LONGEST_NAME)
    credential = AnswerField()

    def clean_name(self) -> str:
        """Its name, in signs that can be seen."""
        self.cleaned_data["name"] = clean_text(self.cleaned_data["name"])
        return str(super().clean_name())

    def clean(self) -> dict[str, Any]:
        """The browser's answer is read here. Raises ValidationError."""
        with _readable():
            return dict(super().clean())


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc]  # allauth has no type information
    """Renaming one."""

    name = forms.CharField(max_length=LONGEST_NAME)

    def clean_name(self) -> str:
        """Its name, in signs that can be seen. Raises ValidationError where there is none."""
        name = clean_text(self.cleaned_data["name"])
        if not name:
            raise ValidationError("Give it a name that can be read.")
        return name


class PasskeyForm(AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth has no type information
    """A passkey at the sign-in; one that does not fit is noted, which the library does for codes only."""

    credential = AnswerField()
    noted_as = AccountEvent.Kind.FAILED

    def clean_credential(self) -> Authenticator:
        """The passkey that has signed. Raises ValidationError."""
        try:
            with _readable():
                return super().clean_credential()
        except ValidationError:
            note(self.noted_as, self.user, factors=["webauthn"])
            raise


class PasskeyAgainForm(PasskeyForm, ReauthenticateWebAuthnForm):  # type: ignore[misc]  # as above
    """The same for a proof that was asked for."""

    noted_as = AccountEvent.Kind.NOT_PROVEN
