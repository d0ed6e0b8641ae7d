"""Programs with tokens, and rows for them to read: two instances, mapped and unmapped organizations."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from integrations.models import (
    ApiToken,
    Company,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    Right,
)
from integrations.models.audit import Action
from integrations.services.audit import Actor, Batch, mapping_change
from integrations.services.read_api.tokens import TokenSpec, create_token

OPERATOR = Actor("An operator", "command test")


@dataclass
class Program:
    """Another program with its token."""

    token: ApiToken
    plain: str = field(repr=False)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> HttpResponse:
        """Ask the API."""
        return Client().get(  # type: ignore[return-value]
            f"/api/v1/{path}", query, headers={"Authorization": f"Bearer {self.plain}", **(headers or {})}
        )

    def read(self, path: str, **query: Any) -> dict[str, Any]:
        """The answer, which must be a good one."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.content
        found: dict[str, Any] = json.loads(response.content)
        return found

    def refused(self, path: str, status: int, **query: Any) -> dict[str, Any]:
        """The problem, which must have this status."""
        return problem_of(self.get(path, **query), status)


TITLES = {
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip


def problem_of(response: Any, status: int) -> dict[str, Any]:
    """The problem that an answer tells, in the one shape that all have."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(response.content)
    assert found["status"] == status
    assert (found["title"], response.reason_phrase) == (TITLES[status], TITLES[status])
    assert found["code"]
    assert found["detail"]
    return found


Programs = Callable[..., Program]


@pytest.fixture
def program(db: None) -> Programs:
    """Makes a program; without rights it has all of them."""

    def make(*rights: Right, instances: tuple[IntegrationInstance, ...] = (), **wish: Any) -> Program:
        values = {"name": "billing", "rights": rights or tuple(Right), "instances": instances} | wish
        return Program(*create_token(Batch(OPERATOR), TokenSpec(**values)))

    return make


def make_instance(name: str, **values: Any) -> IntegrationInstance:
    """A configuration as if it had been connected."""
    values = {
        "psa": "autotask",
        "username": f"api@{name.lower()}.example",
        "credentials": {"secret": f"{name}-very-secret", "tracking_identifier": f"{name}-TRACKING"},
    } | values
    return IntegrationInstance.objects.create(name=name, **values)


def make_company(instance: IntegrationInstance, remote_id: str, name: str, **values: Any) -> Company:
    return Company.objects.create(
        instance=instance, remote_id=remote_id, name=name, seen_at=timezone.now(), **values
    )


def map_to(organization: Organization, company: Company) -> OrganizationMapping:
    """Map as a person would: with its entry in the history."""
    mapping = OrganizationMapping.objects.filter(
        organization=organization, psa=company.instance.psa
    ).first() or OrganizationMapping(organization=organization, psa=company.instance.psa, version=0)
    before = mapping.snapshot() if mapping.pk else None
    mapping.instance, mapping.company, mapping.removed_at = company.instance, company, None
    mapping.confirmed_at, mapping.confirmed_name = timezone.now(), company.name
    mapping.version += 1
    mapping.save()
    Batch(OPERATOR).record([mapping_change(Action.MAPPING_CREATED, mapping, before)])
    return mapping


def unmap(mapping: OrganizationMapping) -> None:
    before = mapping.snapshot()
    mapping.removed_at, mapping.version = timezone.now(), mapping.version + 1
    mapping.save()
    Batch(OPERATOR).record([mapping_change(Action.MAPPING_REMOVED, mapping, before)])


@dataclass
class World:
    """What there is to read."""

    main: IntegrationInstance
    other: IntegrationInstance
    acme: Organization  # mapped in main
    birch: Organization  # mapped in other
    cedar: Organization  # not mapped
    acme_company: Company
    birch_company: Company


@pytest.fixture
def sample_rows(db: None) -> World:
    main, other = make_instance("Main", is_default=True), make_instance("Other")
    acme = Organization.objects.create(name="Acme Dental", external_id="A-1", domain="acme.example")
    birch = Organization.objects.create(name="Birch Legal", external_id="B-2", domain="birch.example")
    cedar = Organization.objects.create(name="Cedar Bakery", external_id="C-3", domain="cedar.example")
    acme_company = make_company(main, "101", "ACME DENTAL LLC")
    birch_company = make_company(other, "7", "Birch Legal PLLC")
    map_to(acme, acme_company)
    map_to(birch, birch_company)
    return World(main, other, acme, birch, cedar, acme_company, birch_company)
