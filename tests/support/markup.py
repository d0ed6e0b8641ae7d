"""A page as a tree of elements, for tests that ask what stands in what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Element:
    """An element of a page, with what it holds in order: text and elements."""

    tag: str
    values: dict[str, str]
    parent: Element | None = None
    inside: list[Element | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        """The attribute; "" where there is none, and where it has no value."""
        return self.values.get(name, "")

    def all(self, *tags: str, where: Callable[[Element], bool] | None = None) -> Iterator[Element]:
        """The elements in it with one of these tags (any, when none is named), in the page's order."""
        for each in self.inside:
            if isinstance(each, Element):
                if (not tags or each.tag in tags) and (where is None or where(each)):
                    yield each
                yield from each.all(*tags, where=where)

    def first(self, *tags: str, where: Callable[[Element], bool] | None = None) -> Element | None:
        """The first of them."""
        return next(self.all(*tags, where=where), None)

    def above(self) -> Iterator[Element]:
        """What it stands in, from the nearest."""
        if self.parent is not None:
            yield self.parent
            yield from self.parent.above()

    def text(self, *without: str) -> str:
        """Its text in single spaces, but for what elements with these tags hold."""
        return " ".join("".join(self._pieces(frozenset(without))).split())

    def _pieces(self, without: frozenset[str]) -> Iterator[str]:
        for each in self.inside:
            if isinstance(each, str):
                yield each
            elif each.tag not in without:
                yield " "
                yield from each._pieces(without)
                yield " "

    def classes(self) -> list[str]:
        """Its classes."""
        return self["class"].split()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.place = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, self.place)
        self.place.inside.append(made)
        if tag not in VOID:
            self.place = made

    def handle_endtag(self, tag: str) -> None:
        opened = next((each for each in (self.place, *self.place.above()) if each.tag == tag), None)
        if opened is not None and opened.parent is not None:
            self.place = opened.parent

    def handle_data(self, data: str) -> None:
        self.place.inside.append(data)


def tree_of(page: str) -> Element:
    """The page as a tree; whatever was left open ends with what it stands in."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    return builder.root
