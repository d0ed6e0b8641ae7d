"""Choosing a password, which must be long and hard to guess, of whatever signs (NIST SP 800-63B, 3.1.1.2)."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

ENOUGH = 3  # of 4: "safely unguessable", 10^8 guesses and more
LONGEST_JUDGED = 72  # signs; what follows makes it no weaker, and judging it takes ever longer
OURS = ["portal", "autotask", "datto", "kaseya", "psa", "msp", "integration"]


class HardToGuess:
    """Refuses what a guesser tries early: common passwords, repeats, sequences, the person's own names."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError with the reason."""
        names = [user.username, user.first_name, user.last_name, user.email] if user else []
        own = [part for name in names if name for part in {name, *name.replace("@", ".").split(".")}]
        judged = zxcvbn(password[:LONGEST_JUDGED], user_inputs=[*OURS, *own])
        if judged["score"] >= ENOUGH:
            return
        feedback = judged["feedback"]
        reason = feedback["warning"] or "It is made of words and numbers that are tried early."
        hint = " ".join(feedback["suggestions"][:1])
        raise ValidationError(
            f"This password is too easy to guess. {reason} {hint}".strip(), code="easy_to_guess"
        )

    def get_help_text(self) -> str:
        """What the form says beforehand."""
        return "Several words that do not belong together are hard to guess; digits and signs are not needed."


class AnotherPassword(ChangePasswordForm):  # type: ignore[misc]  # allauth has no type information
    """Changing one's password. Whoever took a session over guesses the old one no faster than elsewhere."""

    def clean_oldpassword(self) -> str:
        """The present password, counted and noted when it is wrong. Raises ValidationError."""
        given = str(self.cleaned_data["oldpassword"])
        if not get_adapter().reauthenticate(self.user, given):
            raise get_adapter().validation_error("enter_current_password")
        return given
