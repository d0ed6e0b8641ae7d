"""What a password must be: long and hard to guess, of whatever signs (NIST SP 800-63B, 3.1.1.2)."""

from __future__ import annotations

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
