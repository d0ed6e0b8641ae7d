"""The forms of people: who somebody is, and the password that they choose."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordMixin
from django.contrib.auth.models import Group, User
from django.contrib.auth.validators import UnicodeUsernameValidator

from integrations.services.people import LinkRefused, PersonSpec, person_of_link

OFF = {"autocomplete": "off"}


class PersonForm(forms.Form):
    """Somebody with an account."""

    first_name = forms.CharField(max_length=150, required=False, widget=forms.TextInput(attrs=OFF))
    last_name = forms.CharField(max_length=150, required=False, widget=forms.TextInput(attrs=OFF))
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        required=False,
        help_text="By it single sign-on knows somebody the first time.",
        widget=forms.EmailInput(attrs=OFF),
    )
    roles = forms.ModelMultipleChoiceField(
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Readers look, members map, owners connect and give tokens; without a role, nothing.",
    )
    is_superuser = forms.BooleanField(
        label="Superuser", required=False, help_text="Everything, also the admin and other people’s accounts."
    )
    is_active = forms.BooleanField(label="May sign in", required=False, initial=True)

    def __init__(self, *args: Any, person: User | None = None, **kwargs: Any) -> None:
        self.person = person
        if person is not None:
            names = ("first_name", "last_name", "email", "is_superuser", "is_active")
            kwargs["initial"] = {name: getattr(person, name) for name in names}
            kwargs["initial"]["roles"] = list(person.groups.values_list("pk", flat=True))
        super().__init__(*args, **kwargs)
        roles = self.fields["roles"]
        assert isinstance(roles, forms.ModelMultipleChoiceField)  # noqa: S101
        roles.queryset = Group.objects.order_by("name")

    def clean_email(self) -> str:
        """An address that nobody else has: with two, single sign-on would not know who comes."""
        email = str(self.cleaned_data["email"])
        others = User.objects.filter(email__iexact=email)
        if self.person is not None:
            others = others.exclude(pk=self.person.pk)
        if email and others.exists():
            raise forms.ValidationError(
                "Somebody else has this address; single sign-on could not tell you apart."
            )
        return email

    def spec(self) -> PersonSpec:
        """What the valid form asks for."""
        cleaned = self.cleaned_data
        return PersonSpec(
            cleaned["email"],
            cleaned["first_name"],
            cleaned["last_name"],
            list(cleaned["roles"]),
            cleaned["is_superuser"],
            cleaned["is_active"],
        )


class NewPersonForm(PersonForm):
    """Somebody who has none yet."""

    username = forms.CharField(
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text="With it they sign in; it stays.",
        widget=forms.TextInput(attrs=OFF),
    )
    is_active = None  # type: ignore[assignment]  # so Django leaves a field of the parent out
    field_order = ["username"]

    def clean_username(self) -> str:
        """A name that nobody has, in whatever letters."""
        name = str(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("Somebody has this user name.")
        return name

    def spec(self) -> PersonSpec:
        """What the valid form asks for; whoever is new may sign in."""
        self.cleaned_data["is_active"] = True
        return super().spec()


class WelcomeForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]  # generic in its stubs only
    """The code of a one-time link, and the password that its holder chooses."""

    code = forms.CharField(
        label="Code of your link",
        max_length=200,
        help_text="What follows the # in the address that you were given.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password1, password2 = SetPasswordMixin.create_password_fields("New password", "New password once more")

    def clean(self) -> dict[str, Any]:
        """The link is looked at first: whose it is decides what the password must not hold."""
        cleaned = dict(super().clean() or self.cleaned_data)
        try:
            person = person_of_link(str(cleaned.get("code", "")))
        except LinkRefused as error:
            if "code" in cleaned:
                self.add_error("code", str(error))
            return cleaned
        self.validate_passwords()
        self.validate_password_for_user(person)
        return cleaned
