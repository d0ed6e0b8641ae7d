"""Cells that a spreadsheet would run leave as text and come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.files.formulas import escape_formula, is_formula, unescape_formula
from tests.support.properties import examples

BEGINNINGS = st.sampled_from(
    ["", "'", "''", "=", "+", "-", "@", "\t", "\r", "\n", " =", "'=", "'\t", "＝", "'＋"]
)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "  =1", "＝1", "＠x"])
def test_what_a_spreadsheet_runs_is_made_text(text: str) -> None:
    assert is_formula(text)
    assert escape_formula(text) == f"'{text}"
    assert not is_formula(escape_formula(text))


@pytest.mark.parametrize("text", ["", "Acme", "A=B", "'tis", "O'Dell", "1-800", "'"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert not is_formula(text)
    assert escape_formula(text) == text
    assert unescape_formula(text) == text


@examples(300)
@given(BEGINNINGS, st.text(max_size=20))
@example("''", "=x")
@example("'", "'=x")
def test_export_and_import_give_the_same_text(beginning: str, rest: str) -> None:
    text = beginning + rest
    assert unescape_formula(escape_formula(text)) == text
    assert not is_formula(escape_formula(text))
