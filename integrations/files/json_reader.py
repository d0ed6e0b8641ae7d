"""JSON text inside a cell of a file."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

_NOT_KEPT = re.compile("[\0\ud800-\udfff]")  # PostgreSQL refuses NUL, and no page can show half a character


def json_value(text: str) -> Any:
    """The value of JSON text inside a cell: one that every database can keep and every page can show.

    Raises ValueError for other text, numbers without end, NUL and lone surrogates among them; RecursionError.
    """
    value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    open_parts = [value]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            open_parts += [*part, *part.values()]
        elif isinstance(part, list):
            open_parts += part
        elif isinstance(part, str) and _NOT_KEPT.search(part):
            raise ValueError("holds a NUL or half of a character")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number
