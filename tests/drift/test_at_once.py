"""A decision beside a change that is under way: on PostgreSQL one waits for the other; nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from integrations.models import Company, IntegrationInstance, OrganizationMapping, RecordChange
from integrations.psa.base import CompanyPage, RemoteCompany
from integrations.services.audit import Batch
from integrations.services.companies.reading import Reading
from integrations.services.organizations.edit import change_organization
from tests.drift.test_inbox import drifted, key, open_names, press
from tests.support.simulated import actor_of

__all__ = ["drifted"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
WAITS = 0.3  # seconds after which somebody who has not come through is taken to wait


def beside(work: Callable[[], object]) -> threading.Thread:
    """Do it in a thread, with a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class Held:
    """A job that stays its own."""

    def report_progress(self, done: int, total: int | None, message: str = "") -> None: ...
    def assert_held(self) -> None: ...


def test_what_a_refresh_brings_beside_a_decision_is_dated_after_it(
    drifted: list[OrganizationMapping], main: IntegrationInstance
) -> None:
    nobody: Any = None
    reading = Reading(main, nobody, Held(), (), timezone.now())
    page = CompanyPage((RemoteCompany("1", "Ash Scrap Metal", company_type=1),), 1)
    with transaction.atomic():
        list(IntegrationInstance.objects.locked().filter(pk=main.pk))  # as a decision does first
        store = beside(lambda: reading.store(page))
        store.join(WAITS)
        decided = timezone.now()
    store.join()
    assert RecordChange.objects.get(kind=RecordChange.Kind.RENAMED).at > decided


@pytest.mark.parametrize("decision", ["keep", "ignore"])
@pytest.mark.parametrize("changed", ["the organization", "the company"])
def test_a_decision_waits_for_a_change_that_is_under_way(
    drifted: list[OrganizationMapping],
    main: IntegrationInstance,
    owner: User,
    client_of: Callable[[User], Client],
    decision: str,
    changed: str,
) -> None:
    client, ash, shown = client_of(owner), drifted[0].organization, key(drifted[0])
    pages: list[str] = []
    with transaction.atomic():
        if changed == "the organization":
            values = {name: getattr(ash, name) for name in ash.EDITABLE} | {"domain": "ash.example"}
            ash.refresh_from_db()
            change_organization(Batch(actor_of(owner)), ash, values | {"name": "Oak"}, ash.updated_at)
        else:
            Company.objects.filter(pk=drifted[0].company_id).update(is_active=False)
        waiting = beside(lambda: pages.append(press(client, decision, shown)))
        waiting.join(WAITS)
        assert waiting.is_alive()
    waiting.join()
    assert "Left as they are" in pages[0]
    assert open_names() >= {"Birch", "Cedar"}
    assert len(open_names()) == 3
