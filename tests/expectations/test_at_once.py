"""Several workers look at once, and an edit meets a refresh that ends: one waits for the other."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from integrations.models import AuditEvent, Expectation, IntegrationInstance, Occurrence
from integrations.services.expectations import note_expectations
from tests.drift.test_at_once import beside
from tests.expectations.test_kinds import expect
from tests.support.simulated import make_organization

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
WAITS = 0.3  # seconds after which somebody who has not come through is taken to wait


def test_what_several_workers_see_at_once_is_told_once(main: IntegrationInstance, owner: User) -> None:
    IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
    make_organization("Firm")
    expect(owner, main, unmapped=("warn", 0, 0))
    with transaction.atomic():
        list(
            IntegrationInstance.objects.locked().filter(pk=main.pk)
        )  # so that both have looked before one writes
        workers = [beside(lambda: note_expectations(timezone.now())) for _ in range(3)]
        for worker in workers:
            worker.join(WAITS)
            assert worker.is_alive()
    for worker in workers:
        worker.join()
    assert Occurrence.objects.count() == 1
    assert AuditEvent.objects.filter(target_type="expectation").count() == 1


def test_an_edit_waits_for_a_refresh_that_ends_and_the_look_after_it_knows_both(
    main: IntegrationInstance, owner: User
) -> None:
    IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
    with transaction.atomic():
        row = IntegrationInstance.objects.locked().get(pk=main.pk)  # as a refresh does when it ends
        edit = beside(lambda: expect(owner, main, fewer=("warn", 10)))
        edit.join(WAITS)
        assert edit.is_alive()
        row.offered_before, row.offered_lost = 100, 20
        row.save(update_fields=["offered_before", "offered_lost"])
    edit.join()
    note_expectations(timezone.now())
    noted = Expectation.objects.get(kind="fewer")
    assert (noted.effect, noted.limit, noted.state) == ("warn", 10, "warns")
