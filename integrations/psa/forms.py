"""The connection form that every PSA's own form extends."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from django import forms

# What products show in place of a stored secret. Somebody who pastes it back must not store it.
MASK = re.compile(r"[*•●·.xX]{4,}|.{1,12}[*•●]{4,}")


NAME_TAKEN = "Another configuration has this name. Choose another one."


class SecretField(forms.CharField):
    """A write-only value: never rendered back, an empty entry keeps what is stored, a mask is refused.

    ``kept`` tells of a stored value when ("at", a moment) and by whom ("by") it was set.
    """

    kept: Mapping[str, Any] | None = None

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "off", "spellcheck": "false", "data-secret": ""}
        )
        super().__init__(widget=widget, required=False, max_length=500, strip=True, **kwargs)

    def clean(self, value: Any) -> Any:
        """The entered secret, or "" for "keep"."""
        value = super().clean(value)
        if value and MASK.fullmatch(value):
            raise forms.ValidationError(
                "This looks like a masked value, not the secret itself. Leave the field empty to keep the "
                "stored one."
            )
        return value


class ConnectionForm(forms.Form):
    """Name, description and default flag of a configuration; a PSA's form adds its own fields.

    ``SECRETS`` names the write-only fields, ``IDENTITY`` those whose change demands every secret again
    (otherwise stored secrets could be sent on behalf of another user or to another place).
    ``stored`` holds the present values of an existing configuration; ``secrets_set`` tells of each stored
    secret when ("at", an ISO moment) and by whom ("by") it was set. ``is_taken`` tells whether another
    configuration has a name: it is asked before anything is sent, for a refused page loses typed secrets.
    """

    SECRETS: ClassVar[tuple[str, ...]] = ()
    IDENTITY: ClassVar[tuple[str, ...]] = ()

    name = forms.CharField(max_length=100, help_text="How your team calls this tenant, for example “Main”.")
    description = forms.CharField(max_length=300, required=False, label="Description")
    is_default = forms.BooleanField(
        required=False,
        label="Use as default",
        help_text="Other tools get this configuration when they name none.",
    )

    def __init__(
        self,
        *args: Any,
        stored: Mapping[str, Any] | None = None,
        secrets_set: Mapping[str, Mapping[str, str]] | None = None,
        is_taken: Callable[[str], bool] | None = None,
        **kwargs: Any,
    ) -> None:
        self.stored = stored
        self.is_taken = is_taken
        self.secrets_set = secrets_set or {}
        kwargs["initial"] = dict(stored or {})
        super().__init__(*args, **kwargs)
        own = {"name", "description", "is_default"}
        self.order_fields(["name", *(name for name in self.fields if name not in own)])
        for name in self.SECRETS:
            field = self.fields[name]
            field.required = name not in self.secrets_set
            if not field.required:
                assert isinstance(field, SecretField)  # noqa: S101  # SECRETS names no others
                kept = self.secrets_set[name]
                set_at = dt.datetime.fromisoformat(kept["at"]) if kept["at"] else None
                field.kept = {"at": set_at, "by": kept["by"]}
                field.help_text = "Leave it empty to keep the stored one."

    def clean_name(self) -> str:
        """The name, unless another configuration has it."""
        name: str = self.cleaned_data["name"]
        if self.is_taken is not None and self.is_taken(name):
            raise forms.ValidationError(NAME_TAKEN)
        return name

    def clean(self) -> dict[str, Any]:
        """Demand the secrets again when the identity they belong to changes."""
        cleaned = super().clean() or {}
        if self.stored is not None:
            changed = [
                str(self.fields[name].label)
                for name in self.IDENTITY
                if name in cleaned and cleaned[name] != self.stored.get(name, "")
            ]
            if changed:
                for name in self.SECRETS:
                    if not cleaned.get(name) and name not in self.errors:
                        self.add_error(
                            name,
                            f"Enter it again, because {' and '.join(changed)} changed.",
                        )
        return cleaned

    @property
    def identity_fields(self) -> list[str]:
        """The names in the page of the fields without which a secret cannot be judged."""
        return [self[name].html_name for name in self.IDENTITY]

    def blame(self, names: Collection[str]) -> None:
        """Mark the fields that the PSA's refusal is about, but for secrets that were kept and not typed."""
        typed = self.entered_secrets()  # now: a field with an error is clean no more
        blamed = [name for name in names if name in typed or name not in self.SECRETS]
        text = "Not accepted." if len(blamed) == 1 else "One of these was not accepted."
        for name in blamed:
            self.add_error(name, text)

    def entered_secrets(self) -> dict[str, str]:
        """The secrets that were typed in, by field name; kept ones are left out."""
        return {name: self.cleaned_data[name] for name in self.SECRETS if self.cleaned_data.get(name)}
