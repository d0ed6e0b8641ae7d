"""Properties draw the same examples everywhere, and new ones only where somebody explores."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import run_python
from tests.support.properties import examples

ROOT = Path(__file__).resolve().parents[1]
COUNT = 20
DRAW = f"""
import json
import tests.support.properties
from hypothesis import given, seed, settings, strategies
if %(seed)r:
    settings.load_profile("explore")
from tests.support.properties import examples
drawn = []
@examples({COUNT})
@given(strategies.lists(strategies.integers()))
def draw(numbers):
    drawn.append(numbers)
(seed(%(seed)r)(draw) if %(seed)r else draw)()
print(json.dumps(drawn))
"""


def drawn(seed: int = 0, **values: str) -> list[list[int]]:
    """What a property draws in a process of its own with these variables; with a seed it explores."""
    done = run_python(DRAW % {"seed": seed}, **values)
    assert done.returncode == 0, done.stderr
    numbers: list[list[int]] = json.loads(done.stdout)
    return numbers


@pytest.mark.process
def test_the_same_examples_are_drawn_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)  # by which hypothesis would tell
    here = drawn()
    assert len(here) == COUNT
    assert drawn(CI="true") == here


@pytest.mark.process
def test_exploring_draws_new_ones_ten_times_as_many_and_the_same_for_the_same_seed() -> None:
    first, again, other = drawn(seed=1), drawn(seed=1, CI="true"), drawn(seed=2)
    assert len(first) == len(other) == 10 * COUNT
    assert again == first
    assert other != first


def test_a_failure_tells_its_example_and_how_to_repeat_it() -> None:
    @examples(COUNT)
    @given(st.just(7))
    def property_(number: int) -> None:
        assert number != 7

    with pytest.raises(AssertionError) as failure:
        property_()
    told = str(failure.value.__notes__)
    assert "number=7" in told
    assert "@reproduce_failure(" in told


def test_no_property_says_by_itself_how_much_it_draws() -> None:
    """Or it would draw no more where more is asked for."""
    for path in (ROOT / "tests").rglob("*.py"):
        if path.relative_to(ROOT).as_posix() == "tests/support/properties.py":
            continue
        text = path.read_text(encoding="utf-8")
        if "hypothesis" not in text or "settings" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "hypothesis":
                assert "settings" not in {alias.name for alias in node.names}, path
            if isinstance(node, ast.Attribute) and node.attr == "settings":
                assert not (isinstance(node.value, ast.Name) and node.value.id == "hypothesis"), path
