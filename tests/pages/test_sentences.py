"""Sentences that close with a name."""

from __future__ import annotations

import pytest

from portal.sentences import one_stop


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("It stays mapped to Hale Inc..", "It stays mapped to Hale Inc."),
        ("Mapped to Ortiz L.L.C.. Undo it in History.", "Mapped to Ortiz L.L.C. Undo it in History."),
        ("Still reading...", "Still reading..."),
        ("Read ../notes first.", "Read ../notes first."),
    ],
)
def test_a_name_with_its_own_full_stop_ends_a_sentence(said: str, read: str) -> None:
    assert one_stop(said) == read
