"""Every address of the app's pages, found in the URL configuration, so that a new one is tested too."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse


@dataclass(frozen=True)
class Page:
    """One address: its name, its parameters and the view behind it."""

    name: str
    route: str
    view: Callable[..., Any]

    @property
    def rights(self) -> frozenset[str]:
        """What ``views.common.needs`` demands; empty for an unguarded view."""
        return getattr(self.view, "rights", frozenset())

    @property
    def parameters(self) -> dict[str, str]:
        """The names in the route, each with its kind: int, uuid or slug."""
        parts = [part.split(">")[0] for part in self.route.split("<")[1:]]
        return {part.split(":")[-1]: part.split(":")[0] for part in parts}

    @property
    def is_of_an_instance(self) -> bool:
        """Whether its ``pk`` is that of a configuration."""
        return self.route.startswith("integrations/")

    def address(self, values: Mapping[str, object]) -> str:
        """Its address with these values for its parameters, and for others with what stands for nothing."""
        kwargs = {name: values.get(name, NOTHING[kind][0]) for name, kind in self.parameters.items()}
        return reverse(f"integrations:{self.name}", kwargs=kwargs)


# What no row and no PSA is called, by the kind of the parameter.
NOTHING: Mapping[str, list[object]] = {
    "int": [0, 10**30],
    "uuid": [uuid.UUID(int=0)],
    "slug": ["no-such-thing"],
    "str": ["no-such-thing"],
}


def pages() -> list[Page]:
    """The app's pages; the API, the sign-in and the admin have addresses and tests of their own."""
    return [
        Page(pattern.name or "", route, pattern.callback)
        for namespace, route, pattern in _patterns(get_resolver().url_patterns)
        if namespace == "integrations"
    ]


def account_routes() -> dict[str, str]:
    """The routes of sign-in, second factor and single sign-on, each with its name."""
    return {
        route: pattern.name or ""
        for _, route, pattern in _patterns(get_resolver().url_patterns)
        if route.startswith("accounts/")
    }


def _patterns(
    found: list[URLPattern | URLResolver], namespace: str = "", prefix: str = ""
) -> Iterator[tuple[str, str, URLPattern]]:
    for each in found:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns, each.namespace or namespace, route)
        else:
            yield namespace, route, each
