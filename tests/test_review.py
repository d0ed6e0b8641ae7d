"""Review mode: what both names share is marked, in whatever spelling."""

from __future__ import annotations

import pytest

from integrations.services.review import shared_words


@pytest.mark.parametrize(
    ("ours", "theirs", "shared", "other_shared"),
    [
        (
            "Tidewater Freight and Storage", "TIDEWATER Freight & Storage, L.L.C.",
            ["Tidewater", "Freight", "and", "Storage"], ["TIDEWATER", "Freight", "&", "Storage,"],
        ),
        ("Café Zoë", "Cafe Zoe Inc.", ["Café", "Zoë"], ["Cafe", "Zoe"]),
        ("O'Neil's Pub", "ONeils Tavern", ["O'Neil's"], ["ONeils"]),
        ("Abbott", "Birchwood", [], []),
        ("- Abbott -", "- Birchwood", [], []),
    ],
)  # fmt: skip
def test_words_of_both_names_are_marked(
    ours: str, theirs: str, shared: list[str], other_shared: list[str]
) -> None:
    first, second = shared_words(ours, theirs)
    assert [word for word, agrees in first if agrees] == shared
    assert [word for word, agrees in second if agrees] == other_shared
    assert " ".join(word for word, _ in first) == ours
    assert " ".join(word for word, _ in second) == theirs
