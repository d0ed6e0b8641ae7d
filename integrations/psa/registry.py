"""The known PSAs. A second one is a package beside ``autotask`` and one line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from integrations.psa.autotask.provider import Autotask
from integrations.psa.base import CompanyField, Credentials, PSAClient
from integrations.psa.fields import FilterLanguage
from integrations.psa.forms import ConnectionForm


class UnknownPSA(LookupError):
    """No PSA is registered under this key."""


class Provider(Protocol):
    """A PSA as the doors and services see it."""

    key: str
    name: str
    full_name: str

    @property
    def form_class(self) -> type[ConnectionForm]: ...

    help_template: str

    @property
    def filters(self) -> FilterLanguage: ...

    def client(self, credentials: Credentials, *, api_url: str = "") -> PSAClient: ...
    def default_fields(self) -> Sequence[CompanyField]: ...
    def company_address(self, web_url: str, remote_id: str) -> str: ...


PROVIDERS: dict[str, Provider] = {provider.key: provider for provider in (Autotask(),)}


def provider_for(key: str) -> Provider:
    """The PSA of this key. Raises UnknownPSA."""
    try:
        return PROVIDERS[key]
    except KeyError as error:
        raise UnknownPSA(key) from error
