"""All that is sealed under the key ring, in one register: who changes, restores or looks after keys asks it.

Read as stored, by table and column, so that it also holds for a database of an earlier version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.apps import apps
from django.views.decorators.debug import sensitive_variables

from integrations import crypto
from integrations.fields import EncryptedJSONField
from integrations.models import BrowserSession
from integrations.models.seeds import SEEDS

Query = Callable[[str], Iterable[tuple[Any, ...]]]


@dataclass(frozen=True)
class Place:
    """A column that holds sealed values; ``lasting`` ones are of no use without their key."""

    name: str  # what is in it, for people
    table: str
    column: str
    key: str  # the column that rows are in order by
    tokens: Callable[[Any], list[str]]
    lasting: bool = True
    where: str = ""

    @property
    def sql(self) -> str:
        """All of its values, the oldest rows first."""
        condition = f" WHERE {self.where}" if self.where else ""
        return f'SELECT "{self.column}" FROM "{self.table}"{condition} ORDER BY "{self.key}"'  # noqa: S608  # ours


def sealed_fields() -> Iterator[tuple[Any, str]]:
    """Every model that has a field of sealed values, with the field's name."""
    for model in apps.get_models():
        for each in model._meta.concrete_fields:
            if isinstance(each, EncryptedJSONField):
                yield model, each.name


def sealed_places() -> list[Place]:
    """The register."""
    places = [
        _place(model, name, f"{model._meta.verbose_name_plural}: {name}", _whole)
        for model, name in sealed_fields()
    ]
    return [
        *places,
        _place(Authenticator, "data", "second factors", _seeds),
        _place(BrowserSession, "session_data", "sign-ins that last", _whole, lasting=False),
    ]


def _place(
    model: Any, field: str, name: str, tokens: Callable[[Any], list[str]], *, lasting: bool = True
) -> Place:
    meta = model._meta
    where = "" if lasting else "expire_date > CURRENT_TIMESTAMP"
    return Place(
        str(name), meta.db_table, meta.get_field(field).column, meta.pk.column, tokens, lasting, where
    )


def _whole(value: Any) -> list[str]:
    return [value] if value else []


@sensitive_variables()
def _seeds(value: Any) -> list[str]:
    """Those of a row of the sign-in library, whose data is JSON or what JSON holds."""
    data = json.loads(value) if isinstance(value, str) else value
    found = [data[name] for name in SEEDS if name in data] if isinstance(data, dict) else []
    return [token for each in found for token in (each if isinstance(each, list) else [each])]


@dataclass(frozen=True)
class Opened:
    """How many sealed values of a place there are, and how many of them no key of this machine opens."""

    name: str
    all: int
    closed: int


@sensitive_variables()
def try_keys(query: Query, tables: Iterable[str]) -> list[Opened]:
    """Try the keys of this machine on all that is sealed in a database that has these tables."""
    there, found = set(tables), []
    for place in sealed_places():
        if place.table in there:
            tokens = [token for (value,) in query(place.sql) for token in place.tokens(value)]
            if tokens:
                found.append(Opened(place.name, len(tokens), sum(not opens(token) for token in tokens)))
    return found


@sensitive_variables()
def closed_places(query: Query, sample: int) -> list[str]:
    """The names of places of which none of the oldest values opens; a damaged one alone tells of no key."""
    closed = []
    for place in sealed_places():
        if place.lasting:
            values = query(f"{place.sql} LIMIT {sample}")
            tokens = [token for (value,) in values for token in place.tokens(value)]
            if tokens and not any(map(opens, tokens)):
                closed.append(place.name)
    return closed


@sensitive_variables()
def opens(token: str) -> bool:
    """Whether a key of this machine opens the value, wherever it belongs."""
    try:
        crypto.key_ring().decrypt(str(token).encode())
    except InvalidToken:
        return False
    return True
