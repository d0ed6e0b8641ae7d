"""Second factors: what opens them is sealed."""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter
from django.views.decorators.debug import sensitive_variables

from integrations import crypto

# The library hands over the text alone, not whose it is: it is bound to the column, not to the row.
CONTEXT = "mfa.authenticator:data"


class SealedSeeds(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no type information
    """Seals the seeds of authenticator apps and recovery codes under the portal's key ring."""

    @sensitive_variables()
    def encrypt(self, text: str) -> str:
        """A seed as it is stored."""
        return crypto.seal({"seed": text}, CONTEXT)

    @sensitive_variables()
    def decrypt(self, encrypted_text: str) -> str:
        """The seed. Raises crypto.SealedValueError, also for one that lies there in clear."""
        return str(crypto.unseal(encrypted_text, CONTEXT)["seed"])
