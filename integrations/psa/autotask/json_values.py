"""JSON from the other side: bytes to values of the expected type, or ``UnexpectedAnswer``.

Names are compared without regard to case, because Autotask's own interface descriptions disagree about it.
"""

from __future__ import annotations

import json
from typing import NoReturn

from integrations.psa.autotask.text import clean_and_cut
from integrations.psa.base import UnexpectedAnswer
from integrations.psa.fields import MAX_NUMBER, option_value

MAX_ID = MAX_NUMBER
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a decimal number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def unexpected(what: str) -> NoReturn:
    """Raise ``UnexpectedAnswer`` with the page's standard sentence and ``what`` for the log."""
    raise UnexpectedAnswer(
        "Autotask's answer was not what its interface describes, so nothing of it was used. Try again in a "
        "few minutes; if it stays, check the chosen Platform.",
        what,
    )


def read_json(body: bytes, *, max_depth: int = 24) -> object:
    """Parse ``body``; refuses anything but UTF-8 JSON nested at most ``max_depth`` deep."""
    if not body.strip():
        unexpected("empty body")
    try:
        data: object = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = type(error).__name__
    else:
        if _depth(data, max_depth) > max_depth:
            unexpected(f"JSON nested deeper than {max_depth}")
        return data
    looks = "HTML" if body.lstrip()[:1] == b"<" else "not JSON"
    return unexpected(f"body is {looks} ({reason}, {len(body)} bytes)")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(data: object, limit: int) -> int:
    """Nesting depth of ``data``, counted no further than ``limit`` + 1."""
    depth, level = 0, [data]
    while level and depth <= limit:
        below: list[object] = []
        found = False
        for value in level:
            if isinstance(value, dict):
                found = True
                below += [item for item in value.values() if isinstance(item, dict | list)]
            elif isinstance(value, list):
                found = True
                below += [item for item in value if isinstance(item, dict | list)]
        depth += found
        level = below
    return depth


def as_object(data: object, what: str) -> dict[str, object]:
    """``data`` when it is an object."""
    if not isinstance(data, dict):
        unexpected(f"{what} is {kind_name(data)}, not an object")
    return data


def as_list(data: object, what: str, limit: int) -> list[object]:
    """``data`` when it is a list of at most ``limit`` entries."""
    if not isinstance(data, list):
        unexpected(f"{what} is {kind_name(data)}, not a list")
    if len(data) > limit:
        unexpected(f"{what} has {len(data)} entries, more than {limit}")
    return data


def get(data: dict[str, object], name: str) -> object:
    """The value of ``name``, whatever its case; None when it is absent."""
    if name in data:
        return data[name]
    wanted = name.lower()
    for key, value in data.items():
        if key.lower() == wanted:
            return value
    return None


def has(data: dict[str, object], name: str) -> bool:
    """Whether ``name`` is there, whatever its case."""
    return name in data or name.lower() in {key.lower() for key in data}


def kind_name(value: object) -> str:
    """What a JSON value is, in words for people: such sentences stand on pages, too."""
    return _KINDS.get(type(value), "something else")


def as_whole(value: object, what: str, *, lowest: int = 0, highest: int = MAX_ID) -> int:
    """``value`` when it is a whole number within bounds (true and false are none)."""
    if isinstance(value, bool) or not isinstance(value, int):
        unexpected(f"{what} is {kind_name(value)}, not a whole number")
    if not lowest <= value <= highest:
        unexpected(f"{what} is out of range")
    return value


def as_text(value: object, what: str, limit: int) -> str:
    """``value`` when it is text, cleaned and cut; null is empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        unexpected(f"{what} is {kind_name(value)}, not text")
    return clean_and_cut(value, limit, what)[0]


def picklist_number(text: str) -> int | str:
    """Metadata gives values as text ("7"), rows as integers (7): an integer wherever it is one."""
    return option_value(clean_and_cut(text, 200, "picklist value")[0])
