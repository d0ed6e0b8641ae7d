"""Text as people paste it: one line, the same however it was typed, and not changed by being read again."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from integrations.files.text import clean_text, name_key

# Letters, accents of their own, what nobody sees, blanks, and vowels that are written as parts.
PASTED = st.text(
    st.sampled_from("eEç\u0301\u0308\u00ad\u200b\ufeff\u2060 \u3000\t\0\u2028-ßİK\u1100\u1161\u11a8"),
    max_size=12,
)


@given(PASTED)
def test_text_is_composed_and_reading_it_again_changes_nothing(text: str) -> None:
    read = clean_text(text)
    assert unicodedata.is_normalized("NFC", read)
    assert clean_text(read) == read


@given(PASTED)
def test_a_name_has_one_key_however_its_letters_were_typed(name: str) -> None:
    assert name_key(clean_text(name)) == name_key(name)
    assert name_key(unicodedata.normalize("NFD", name)) == name_key(name)


def test_names_that_look_the_same_have_one_key() -> None:
    assert len({name_key(name) for name in ("Café", "Cafe\u0301", "Cafe\u00ad\u0301", " CAF\u200bÉ ")}) == 1
    assert name_key("Café") != name_key("Cafe")
