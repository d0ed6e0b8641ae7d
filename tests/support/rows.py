"""Rows made directly, for tests in which no Autotask is asked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.services.audit import Batch
from integrations.services.mapping import proposals
from integrations.services.mapping import save as mappings
from integrations.services.mapping.seen import row_keys
from tests.support.simulated import actor_of


def make_instance(name: str = "Main", **values: Any) -> IntegrationInstance:
    """A connected configuration that nobody connects with."""
    instance = IntegrationInstance(
        psa="autotask",
        name=name,
        username=f"{name.lower()}@example.com",
        status=IntegrationInstance.Status.CONNECTED,
        **values,
    )
    instance.credentials = {"secret": "never sent", "tracking_identifier": "never sent either"}
    instance.save()
    return instance


def make_company(instance: IntegrationInstance, remote_id: int, name: str, **values: Any) -> Company:
    """The copy of a company."""
    return Company.objects.create(
        instance=instance, remote_id=str(remote_id), name=name, seen_at=timezone.now(), **values
    )


def make_mapping(
    organization: Organization, company: Company, user: User | None = None, **values: Any
) -> OrganizationMapping:
    """A mapping in force."""
    return OrganizationMapping.objects.create(
        organization=organization,
        psa=company.instance.psa,
        instance=company.instance,
        company=company,
        confirmed_by=user,
        confirmed_at=timezone.now(),
        **values,
    )


def seen_of(organization: Organization) -> str:
    """What the review shows of the mapping of the organization now, as its form tells it; "" of none."""
    mappings = OrganizationMapping.objects.present().filter(organization=organization).with_names()
    return "".join(row_keys(mappings).values())


def choose(user: User, organization: Organization, company: Company, *, moves: bool = False) -> None:
    """Note what this person wants; nothing is saved."""
    proposals.choose_company(user, company.instance, organization, company, moves=moves)


def save(user: User, instance: IntegrationInstance, *, ticked: Collection[int] = ()) -> mappings.SaveOutcome:
    """Press Save Mappings, on a page that showed the rows of these organizations ticked."""
    return mappings.save_mappings(Batch(actor_of(user)), user, instance, ticked=ticked)
