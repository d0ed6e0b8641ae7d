"""Parameters that are many of a kind: the first show most mistakes, and `make test` tries the others too."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def first_few(values: Iterable[object], number: int = 1) -> list[object]:
    """The values (tuples for several parameters), of which `make unit` tries the first ``number`` alone."""
    several = list(values)
    return [*several[:number], *(_exhaustive(value) for value in several[number:])]


def _exhaustive(value: object) -> object:
    parts = value if isinstance(value, tuple) else (value,)
    return pytest.param(*parts, marks=pytest.mark.exhaustive)
