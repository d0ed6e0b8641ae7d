"""The configurations that a person may see, as nearly every page asks for them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from integrations.database.query_cache import cached_rows
from integrations.models import IntegrationInstance

LARGEST_ID = 2**63 - 1  # that a database can keep; an address may hold any number


def find_instance(user: User, psa: str, pk: int) -> IntegrationInstance | None:
    """The configuration of this PSA with this id, if it is there and the person may see it."""
    if pk > LARGEST_ID or _sees_none(user):
        return None
    found = cached_rows(_instance, (pk,), (psa,))
    return found[0] if found else None


def _instance(pk: int, psa: str) -> Any:
    return IntegrationInstance.objects.present().filter(psa=psa, pk=pk)


def listed_instances(user: User, psa: str) -> list[IntegrationInstance]:
    """Every configuration of the PSA that the person may see, by its name alone."""
    return [] if _sees_none(user) else cached_rows(_instances, (), (psa,))


def _instances(psa: str) -> Any:
    return IntegrationInstance.objects.present().filter(psa=psa).only("psa", "name", "is_default")


def _sees_none(user: User) -> bool:
    """Whoever sees any configuration sees all of them."""
    return IntegrationInstance.objects.visible_to(user).query.is_empty()
