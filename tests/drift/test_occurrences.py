"""What happened to configurations is noted once, and once when it is over."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import IntegrationInstance, Job, Occurrence
from integrations.services.drift import note_occurrences, occurrences_after
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
Kind, Status = Occurrence.Kind, IntegrationInstance.Status


def test_a_refusal_is_noted_once_and_its_end_once_under_the_same_cause(
    main: IntegrationInstance, other: IntegrationInstance
) -> None:
    assert note_occurrences(timezone.now()) == 0
    for status, kind in (
        (Status.REFUSED, Kind.CREDENTIALS_REFUSED),
        (Status.CONNECTED, Kind.CREDENTIALS_ACCEPTED),
    ):
        main.status = status
        main.save()
        assert [note_occurrences(timezone.now()), note_occurrences(timezone.now())] == [1, 0], kind
    told = list(occurrences_after(0))
    assert [(each.instance, each.kind, each.cause) for each in told] == [
        (main, Kind.CREDENTIALS_REFUSED, "credentials"),
        (main, Kind.CREDENTIALS_ACCEPTED, "credentials"),
    ]
    assert "Main" in told[0].text
    assert [each.pk for each in occurrences_after(told[0].pk)] == [told[1].pk]


def test_what_a_read_brought_that_broke_off_is_told_at_once_and_once(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    map_to(owner, refreshed, make_organization("Abbott"), 101)
    tenant.companies.change(101, {"companyName": "Quite Another"})
    simulator.inject("truncated-json", path="query/next")
    for _ in range(2):
        assert refresh(refreshed, full=True).state == Job.State.FAILED
        (told,) = Occurrence.objects.filter(kind=Kind.DRIFT_FOUND)
        assert told.text.startswith("1 mapping of Main should be looked at, by what was read.")
    simulator.clear()
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert Occurrence.objects.filter(kind=Kind.DRIFT_FOUND).count() == 1
