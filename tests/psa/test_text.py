"""Text from the other side, made fit to be shown and stored."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.psa.autotask.text import clean_and_cut, clean_text, redact

any_text = st.text(st.characters(codec=None, categories=None), max_size=200)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Harbour  Dental\tGroup", "Harbour Dental Group"),
        ("Har\x00bour\r\nDental", "Har bour Dental"),
        ("\u202egnp.exe\u202c Ltd", "gnp.exe Ltd"),
        ("Oak\u200bwood \ufeffInc", "Oakwood Inc"),
        ("A\u2028B\u2029C\u00a0D", "A B C D"),
        ("Müller & Söhne 株式会社", "Müller & Söhne 株式会社"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner that Persian needs
        ("half \ud83d pair", "half \ufffd pair"),
        ("tag\U000e0041ged", "tagged"),
        ("   ", ""),
    ],
)
def test_control_and_direction_characters_are_removed(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@given(any_text)
def test_cleaned_text_is_one_storable_line_and_stays_as_it_is(raw: str) -> None:
    cleaned = clean_text(raw)
    assert clean_text(cleaned) == cleaned
    cleaned.encode("utf-8")
    assert not {unicodedata.category(character) for character in cleaned} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert cleaned == cleaned.strip()


@given(any_text, st.integers(min_value=1, max_value=50))
def test_cut_text_is_never_longer_than_the_limit(raw: str, limit: int) -> None:
    cut, notes = clean_and_cut(raw, limit, "name")
    assert len(cut) <= limit
    assert clean_text(raw) == cut or notes


def test_notes_say_what_was_done() -> None:
    assert clean_and_cut("Plain Name", 300, "name") == ("Plain Name", ())
    assert clean_and_cut("Plain  Name", 300, "name") == ("Plain Name", ())
    assert clean_and_cut("\u202eName", 300, "name") == ("Name", ("name cleaned of control characters",))
    assert clean_and_cut("Na\x07me", 300, "name") == ("Na me", ("name cleaned of control characters",))
    cut, notes = clean_and_cut("word " * 2000, 300, "name")
    assert len(cut) <= 300
    assert notes == ("name cut at 300 characters",)


def test_secrets_are_removed_wherever_they_occur() -> None:
    assert redact("bad key s3cr3t! for s3cr3t!", ["s3cr3t!"]) == "bad key [removed] for [removed]"
    assert redact("a b c", ["", "a"]) == "a b c"  # too short to be told from ordinary words
