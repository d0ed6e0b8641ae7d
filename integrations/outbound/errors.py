"""How an outgoing exchange fails before anybody has looked at what was answered.

Whoever made the call turns these into failures of its own: a PSA client into ``PSAError``, a webhook into
what its delivery log says.
"""

from __future__ import annotations


class OutboundError(Exception):
    """An exchange failed.

    ``text`` is a sentence or two for people: what happened and what to do next. ``technical`` is for the log.
    Neither holds anything of what was sent.
    """

    def __init__(self, text: str, technical: str = "") -> None:
        super().__init__(technical or text)
        self.text = text
        self.technical = technical or text


class AddressRefused(OutboundError):
    """The portal itself does not connect there."""


class NoAnswer(OutboundError):
    """The other side could not be reached; a later try may work."""


class ProxyUnreachable(NoAnswer):
    """The proxy that a setting names could not be reached."""


class AnswerCut(OutboundError):
    """The answer ended early; a later try may work."""


class AnswerTooLarge(OutboundError):
    """The answer passed its cap, before or after unpacking."""


class AnswerDamaged(OutboundError):
    """The answer came packed in a way that nobody asked for, or broken."""
