"""Sentences that close with somebody's name."""

from __future__ import annotations

import re

_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?=\s|$)")


def one_stop(text: str) -> str:
    """The text with one full stop where a name brings its own: "… to Hale Inc." and not "… to Hale Inc..".

    Three dots, and dots within a word, stay.
    """
    return _TWO_STOPS.sub(".", text)
