"""The measurement of what each idea contributes can still take each of them away."""

from __future__ import annotations

import inspect

import pytest

from tests.benchmarks.matching.ablation import ROWS

PATCHES = [pytest.param(*patch, id=label) for label, patch, _ in ROWS if patch]


@pytest.mark.parametrize(("place", "name", "instead"), PATCHES)
def test_what_is_put_in_place_of_an_idea_is_called_as_the_idea_is(
    place: object, name: str, instead: object
) -> None:
    idea = getattr(place, name)
    assert callable(idea) == callable(instead)
    if inspect.isfunction(idea) and inspect.isfunction(instead):
        taken = list(inspect.signature(instead).parameters.values())
        if all(each.kind is each.POSITIONAL_OR_KEYWORD for each in taken):
            assert len(taken) == len(inspect.signature(idea).parameters)
