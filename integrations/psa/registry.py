"""The known PSAs. A second one is a package beside ``autotask`` and one line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from integrations.psa.autotask.provider import Autotask
from integrations.psa.base import CompanyField, Credentials, FilterCondition, FilterValue, PSAClient
from integrations.psa.forms import ConnectionForm


class UnknownPSA(LookupError):
    """No PSA is registered under this key."""


class Operation(Protocol):
    """One way to compare a field: its key in the PSA's language, its words, and how many values it takes."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def takes(self) -> Any: ...


class FilterLanguage(Protocol):
    """What a PSA's companies can be filtered by."""

    def operations_for(self, field: CompanyField) -> Sequence[Operation]: ...
    def parse_value(self, field: CompanyField, operation: str, raw: str) -> FilterValue: ...
    def describe(self, condition: FilterCondition, fields: Sequence[CompanyField]) -> str: ...


class Provider(Protocol):
    """A PSA as the doors and services see it."""

    key: str
    name: str
    full_name: str
    @property
    def form_class(self) -> type[ConnectionForm]: ...
    help_template: str
    filters: Any

    def client(self, credentials: Credentials, *, api_url: str = "") -> PSAClient: ...
    def default_fields(self) -> Sequence[CompanyField]: ...


PROVIDERS: dict[str, Provider] = {provider.key: provider for provider in (Autotask(),)}


def provider_for(key: str) -> Provider:
    """The PSA of this key. Raises UnknownPSA."""
    try:
        return PROVIDERS[key]
    except KeyError as error:
        raise UnknownPSA(key) from error
