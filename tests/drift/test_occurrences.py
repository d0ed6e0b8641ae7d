"""What happened to configurations is noted once, and once when it is over."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integrations.models import IntegrationInstance, Occurrence
from integrations.services.drift import note_occurrences, occurrences_after

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
