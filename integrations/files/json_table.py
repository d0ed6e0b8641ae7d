"""Tables in JSON: the objects of one list are rows, their names columns; what is nested has dotted names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from integrations.files.header import unlike
from integrations.files.json_lists import EACH, VALUES, Found, ObjectList, Path, find_lists
from integrations.files.json_stream import TOO_LONG, JsonStream
from integrations.files.lines import Lines
from integrations.files.shape import MAX_COLUMNS, MAX_LINE, MAX_NAME, ImportRefused, Shape, Table, TableRow
from integrations.files.text import cell_text, clean_text, number_text

LOOKED_AT = 1_000  # objects whose names become columns
_HELD = 4_000_000  # characters of their texts
_NESTED = 5  # objects within one another whose names become columns
_CHOICES = 20
_SURROGATE = re.compile("[\ud800-\udfff]")
AT_TOP, AT_TOP_LIST = ".", "[]"  # what people call rows that lie in no list, and in one without a name
KEY = "key"  # the column for the name that an object's value stands under


class _Object(NamedTuple):
    """A value where rows stand, what is wrong with it, and the name that it stands under."""

    value: Any
    problem: str
    key: str = ""


def read_json(lines: Lines, encoding: str, wanted: Shape) -> Table:
    """The table in the text, read twice: to find its lists, then row by row. Raises ImportRefused."""
    found = find_lists(JsonStream(lines.chunks()))
    lines.rewind()
    names = _names(found)
    chosen = _chosen(names, wanted.envelope)
    if chosen is None:
        raise ImportRefused(_no_list(JsonStream(lines.chunks())))
    objects = _objects(JsonStream(lines.chunks()), names[chosen].path)
    within = names[chosen].within
    first, depth = _first(objects, within)
    columns = _columns(first, within, depth)
    late: list[str] = []
    one_a_line = not names[chosen].path and not found.is_list and found.at_top > 1
    return Table(
        Shape("jsonl" if one_a_line else "json", encoding, envelope=chosen),
        tuple(columns.values()),
        _rows(chain(first, objects), columns, _Flattener(within, depth), late),
        notes=tuple(found.pages.notes(names[chosen].objects)),
        envelopes=tuple(names)[:_CHOICES],
        late_columns=late,
    )


def _names(found: Found) -> dict[str, ObjectList]:
    """The lists by what people call them; what stands at the top needs no name if it is the first choice."""
    names: dict[str, ObjectList] = {}
    for each in found.lists:
        name = each.text() or ("" if not names else AT_TOP_LIST if found.is_list else AT_TOP)
        names.setdefault(name, each)
    return names


def _chosen(names: Mapping[str, ObjectList], wanted: str) -> str | None:
    """The wanted list, else the first, None without any. Raises ImportRefused for one that is not there."""
    if wanted in names:
        return wanted
    if wanted in {AT_TOP, AT_TOP_LIST} and "" in names:
        return ""
    if wanted and names:
        shown = ", ".join(f"“{name or AT_TOP_LIST}”" for name in names)
        raise ImportRefused(f"The file has no list “{wanted[:60]}”. Choose one of: {shown}.")
    return next(iter(names), None)


def _no_list(stream: JsonStream) -> str:
    """What the file holds, as it is no list of objects."""
    sign = stream.peek()
    if not sign:
        return "The file is empty."
    if sign == "[":
        return "The file holds a list without objects in it, so it has no rows with names."
    names = []
    for name in stream.members() if sign == "{" else ():
        names.append(clean_text(name)[:MAX_NAME])
        stream.skip()
    shown = f" At its top are these names: {', '.join(names[:_CHOICES])}." if names else ""
    return f"The file holds no list of objects that could be rows.{shown} Is this the answer that you wanted?"


def _objects(stream: JsonStream, path: Path) -> Iterator[_Object]:
    while stream.peek():
        yield from _walk(stream, path, "")


def _walk(stream: JsonStream, path: Path, key: str) -> Iterator[_Object]:
    """The values at the end of the path; all others are passed over."""
    sign = stream.peek()
    if not path:
        if sign != "[":
            yield _object(stream, key)
        else:
            for _ in stream.elements():
                yield _object(stream, "")
        return
    step, rest = path[0], path[1:]
    if step == EACH and sign == "[":
        for _ in stream.elements():
            yield from _walk(stream, rest, "")
    elif step == VALUES and sign == "{":
        for name in stream.members():
            yield _object(stream, name)
    elif sign == "{":
        for name in stream.members():
            if name == step:
                yield from _walk(stream, rest, "")
            else:
                stream.skip()
    else:
        stream.skip()


def _object(stream: JsonStream, key: str) -> _Object:
    value = stream.value()
    if value is TOO_LONG:
        stream.refuse(f"an object has more than {MAX_LINE:,} characters")
    return _Object(value, stream.problem if isinstance(value, dict) else "is no JSON object", key)


class _Flattener(NamedTuple):
    """How an object becomes texts by name."""

    within: str  # the name that the row lies under, whose names need nothing in front
    depth: int  # of objects within one another that are taken apart

    def texts(self, each: _Object) -> dict[str, str]:
        """The object's values by dotted names; nothing for what is no object."""
        value = each.value
        if not isinstance(value, dict):
            return {}
        texts: dict[str, str] = {}
        inner = value.get(self.within) if self.within else None
        if isinstance(inner, dict):
            self._add(texts, inner, "", self.depth)
            value = {
                name if name not in inner else f"outer.{name}": part
                for name, part in value.items()
                if name != self.within
            }
        self._add(texts, value, "", self.depth)
        if each.key:
            texts[KEY if KEY not in texts else f"outer.{KEY}"] = each.key
        return texts

    def _add(self, texts: dict[str, str], value: dict[str, Any], before: str, depth: int) -> None:
        for name, part in value.items():
            if isinstance(part, dict) and part and depth:
                self._add(texts, part, f"{before}{name}.", depth - 1)
            else:
                texts.setdefault(
                    f"{before}{name}", number_text(part) if isinstance(part, float) else cell_text(part)
                )


def _first(objects: Iterator[_Object], within: str) -> tuple[list[_Object], int]:
    """The first objects, and how deep they are taken apart: not at all if that made too many columns."""
    first: list[_Object] = []
    flattener, names, held = _Flattener(within, _NESTED), set[str](), 0
    for each in objects:
        first.append(each)
        texts = flattener.texts(each)
        names |= texts.keys()
        held += sum(map(len, texts.values()))
        if len(first) >= LOOKED_AT or held > _HELD:
            break
    return first, _NESTED if len(names) <= MAX_COLUMNS else 0


def _columns(first: list[_Object], within: str, depth: int) -> dict[str, str]:
    """What the columns are called, by the names in the objects. Raises ImportRefused for too many."""
    flattener = _Flattener(within, depth)
    names = dict.fromkeys(name for each in first for name in flattener.texts(each))
    if len(names) > MAX_COLUMNS:
        raise ImportRefused(
            f"The first {len(first):,} objects have {len(names):,} names; {MAX_COLUMNS} are allowed. "
            "Leave out what is not needed and try again."
        )
    columns: dict[str, str] = {}
    for name in names:
        columns[name] = unlike(clean_text(name)[:MAX_NAME] or "no name", list(columns.values()))
    return columns


def _rows(
    objects: Iterator[_Object], columns: Mapping[str, str], flattener: _Flattener, late: list[str]
) -> Iterator[TableRow]:
    known = set(columns)
    for number, each in enumerate(objects, start=1):
        texts = flattener.texts(each)
        if not texts.keys() <= known:
            late += [clean_text(name)[:MAX_NAME] for name in texts if name not in known][
                : MAX_COLUMNS - len(late)
            ]
            known |= texts.keys()
        cells = tuple([texts.get(name, "") for name in columns])
        problem = each.problem
        if not problem and any(map(_SURROGATE.search, cells)):
            problem = "holds half of a character (a lone surrogate)"
        yield TableRow(number, cells, problem, is_exact=True)
