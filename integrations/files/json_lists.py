"""Which lists of objects JSON text has, and which of them is the table: found by shape.

What programs answer is seldom a bare list: the list lies under a name ("sites", "value", "results.rows"),
each row inside an element ("data[].attributes", "edges[].node"), or the rows are the values of an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from integrations.files.json_pages import Pages
from integrations.files.json_stream import MAX_DEPTH, TOO_LONG, JsonStream

EACH, VALUES = "[]", "{}"  # steps of a path, beside names: each element of a list, each value of an object
_LOOKED_AT = 50  # objects of a list whose names and parts are looked at
_ENOUGH = 1_000  # values at the top, after which nothing else can be the table
_WORD = re.compile(r"[A-Z]?[a-zß-ÿ]+|[A-Z]+(?![a-z])|\d+")
_NAME_WORDS = frozenset(
    {
        *("name", "displayname", "title", "company", "client", "customer", "organization", "organisation"),
        *("site", "tenant", "account", "firma", "kunde", "bezeichnung", "nom", "société", "societe"),
        *("nombre", "cliente", "empresa", "naam", "klant", "bedrijf"),
    }
)
_ID_WORDS = frozenset({"id", "uid", "uuid", "guid", "key", "number", "code", "nummer", "identifier"})
_NOUNS = frozenset(
    {
        *("sites", "clients", "customers", "companies", "organizations", "organisations", "tenants"),
        *("accounts", "mappings", "kunden", "firmen", "entreprises", "sociétés", "klanten", "bedrijven"),
        *("clientes", "empresas", "organizaciones"),
    }
)
_GENERAL = frozenset(
    {
        *("data", "items", "results", "result", "value", "values", "records", "rows", "list", "entries"),
        *("edges", "nodes", "content", "objects", "elements", "page", "response"),
    }
)

# Under which programs keep what an object says of itself.
_WRAPPERS = frozenset({"attributes", "node", "fields", "properties", "item", "record", "values", "data"})

Path = tuple[str, ...]


@dataclass
class ObjectList:
    """Objects that stand in one place: in a list, as values of an object, or one after another."""

    path: Path
    objects: int = 0
    others: int = 0  # values in the same place that are no objects
    sample: list[Mapping[str, Any]] = field(default_factory=list)
    within: str = ""  # the name in each object under which the row lies

    def note(self, value: object) -> None:
        """Count the value, and keep it if it is among the first objects."""
        if not isinstance(value, dict):
            self.others += 1
            return
        self.objects += 1
        if len(self.sample) < _LOOKED_AT:
            self.sample.append(value)

    @property
    def names(self) -> list[str]:
        """The names of its objects, of those that the row lies under first."""
        inner = [value[self.within] for value in self.sample if self.within]
        return list(dict.fromkeys(name for value in (*inner, *self.sample) for name in value))

    def text(self) -> str:
        """The path as people read it."""
        steps = (*self.path, EACH, self.within) if self.within else self.path
        return ".".join(steps).replace(f".{EACH}", EACH).replace(f".{VALUES}", VALUES)


class Found(NamedTuple):
    """The lists of objects in a text, the one that is most likely the table first."""

    lists: list[ObjectList]
    at_top: int  # values that follow one another
    is_list: bool  # the first of them
    pages: Pages  # what is said of rows that are not here


def find_lists(stream: JsonStream) -> Found:
    """What lists of objects there are in the text. Raises ImportRefused."""
    finder = _Finder(stream)
    is_list = stream.peek() == "["
    at_top = 0
    while stream.peek():
        finder.walk(())
        at_top += 1
        if finder.is_enough():
            break
    for found in finder.found.values():
        found.within = _within(found.sample)
    alone = at_top == 1 and not is_list
    lists = [found for found in finder.found.values() if _can_be_rows(found, alone=alone)]
    return Found(
        sorted(lists, key=lambda found: _rank(found, finder.found), reverse=True),
        at_top,
        is_list,
        finder.pages,
    )


class _Finder:
    """Walks through the text and notes the objects that it meets, by the place they stand in."""

    def __init__(self, stream: JsonStream) -> None:
        self._stream = stream
        self.found: dict[Path, ObjectList] = {}
        self.pages = Pages()

    def is_enough(self) -> bool:
        """Whether so many objects with names stand at the top that they must be the rows."""
        top = self.found.get(())
        return top is not None and top.objects >= _ENOUGH and _has(top.sample, _NAME_WORDS)

    def walk(self, path: Path) -> None:
        """Pass over the value that comes next and note what is in it."""
        if len(path) > MAX_DEPTH:
            self._stream.refuse("it is nested too deep")
        sign = self._stream.peek()
        value = self._stream.value()
        if value is not TOO_LONG:
            if not path and sign != "[":
                self._note(path, value)
            self._look(value, path)
        elif sign == "[":
            self._walk_elements(path)
        else:
            if not path:
                self._note(path, {})
            for count, name in enumerate(self._stream.members()):
                self._walk_part((*path, name), (*path, VALUES), look=count < _LOOKED_AT)

    def _walk_elements(self, path: Path) -> None:
        for count, _ in enumerate(self._stream.elements()):
            if not path and count >= _ENOUGH and self.is_enough():
                self._stream.value()
                return
            self._walk_part((*path, EACH), path, look=count < _LOOKED_AT)

    def _walk_part(self, inside: Path, place: Path, *, look: bool) -> None:
        """An element or member: noted among those of its place, and walked into where it is long."""
        if self._stream.peek() not in {"{", "["}:
            value = self._stream.value()
            self._note(place, value)
            self._look_for_pages(value, inside)
            return
        value = self._stream.value()
        if value is TOO_LONG:
            if self._stream.peek() == "{":
                self._note(place, {})
            self.walk(inside)
            return
        self._note(place, value)
        if look:
            self._look(value, inside)

    def _note(self, path: Path, value: object) -> None:
        self.found.setdefault(path, ObjectList(path)).note(value)

    def _look_for_pages(self, value: object, path: Path) -> None:
        if path and EACH not in path:
            self.pages.note(path, value)

    def _look(self, value: object, path: Path) -> None:
        """Note what is in a value that is in memory."""
        self._look_for_pages(value, path)
        if isinstance(value, list):
            for count, part in enumerate(value):
                self._note(path, part)
                if count < _LOOKED_AT:
                    self._look(part, (*path, EACH))
        elif isinstance(value, dict):
            for count, (name, part) in enumerate(value.items()):
                if not isinstance(part, list):
                    self._note((*path, VALUES), part)
                if count < _LOOKED_AT:
                    self._look(part, (*path, name))


def _can_be_rows(found: ObjectList, *, alone: bool) -> bool:
    """Whether the objects can be rows: the values of an object, and one alone, only if they look like it."""
    if not found.objects:
        return False
    if found.path and found.path[-1] == VALUES:
        return _are_alike(found)
    if not found.path and alone:
        return _has(found.sample, _NAME_WORDS) or _has(found.sample, _ID_WORDS)
    return True


def _are_alike(found: ObjectList) -> bool:
    if found.objects < 2 or found.others > found.objects / 4:
        return False
    every = [set(value) for value in found.sample]
    common = set.intersection(*every)
    return 2 * len(common) >= max(map(len, every)) > 0


def _within(sample: Sequence[Mapping[str, Any]]) -> str:
    """The name under which each object has the row, if it has no names of its own: "attributes"."""
    if not sample or _has(sample, _NAME_WORDS):
        return ""
    inner: dict[str, list[dict[str, Any]]] = {}
    for value in sample:
        for name, part in value.items():
            if isinstance(part, dict) and part:
                inner.setdefault(name, []).append(part)
    every = [name for name, parts in inner.items() if len(parts) == len(sample)]
    named = [name for name in every if _has(inner[name], _NAME_WORDS)]
    usual = [name for name in every if name.lower() in _WRAPPERS]
    return next(iter(named or usual), "")


def _has(sample: Sequence[Mapping[str, Any]], words: frozenset[str]) -> bool:
    """Whether most of the objects have a text or number under a name of one of these words."""

    def is_one(value: Mapping[str, Any]) -> bool:
        return any(
            not isinstance(part, dict | list) and words & set(_words(name)) for name, part in value.items()
        )

    return bool(sample) and 2 * sum(map(is_one, sample)) >= len(sample)


def _words(name: str) -> Iterator[str]:
    return (word.lower() for word in _WORD.findall(name[:100]))


def _rank(found: ObjectList, every: Mapping[Path, ObjectList]) -> tuple[int, ...]:
    """How likely the objects are the table: by names, by what they are called, by how many they are."""
    rows = [value[found.within] if found.within else value for value in found.sample]
    named, known = _has(rows, _NAME_WORDS), _has(rows, _ID_WORDS)
    last = next((step for step in reversed(found.path) if step not in {EACH, VALUES}), "").lower()
    noun = 2 if last in _NOUNS or not found.path else 1 if last in _GENERAL else 0
    outer = [every.get(found.path[:end]) for end in range(len(found.path))]
    # What belongs to something with a name of its own is no table: the contacts of each customer.
    own = all(each is None or not _belongs(found, each, last) for each in outer)
    return (int(own), named + (named and known), noun, found.objects, -len(found.path))


def _belongs(found: ObjectList, outer: ObjectList, last: str) -> bool:
    if not (_has(outer.sample, _NAME_WORDS) and _has(outer.sample, _ID_WORDS)) or outer.within:
        return False
    return not (outer.objects == 1 and found.objects > 1 and last in _NOUNS)
