"""An event in a form that nobody here writes is told as such, and hides no other one and no page."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from integrations.models import AuditEvent, Organization
from integrations.services.history import DifferenceRenderer
from integrations.services.history.browse import KINDS
from integrations.services.history.differences import Difference
from tests.support.properties import examples

pytestmark = pytest.mark.django_db
TARGETS = [
    "mapping",
    "review",
    "organization",
    "instance",
    "token",
    "webhook",
    "user",
    "portal",
    "source",
    "x",
]
NAMES = ["company", "instance", "instances", "filters", "secrets_set", "removed", "reasons", "confidence",
         "company_name", "confirmed_name", "source", "status", "merged_into", "rights", "name"]  # fmt: skip
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
states = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), values, max_size=5) | values
ODD: list[Any] = [{"nothing": 1}, {"company": "many"}, ["a list"], 7, {"filters": 3}, {"secrets_set": [1]},
                  {"company": 2**70, "instance": {}}, {"confidence": "high", "company": 1}]  # fmt: skip


def event(target: str, before: Any, after: Any, target_id: str = "1") -> AuditEvent:
    return AuditEvent(
        actor_name="somebody", origin="a hand", action="odd change", target_type=target,
        target_id=target_id, target_name="Odd thing", before=before, after=after,
    )  # fmt: skip


@given(st.sampled_from(TARGETS), states, states)
@example("mapping", {"company": 1}, {"company": 2})
@example("instance", None, {"secrets_set": {"secret": "yesterday"}})
@examples(100, HealthCheck.function_scoped_fixture)
def test_whatever_an_event_holds_is_told_without_an_error(target: str, before: Any, after: Any) -> None:
    odd, good = event(target, before, after), event("organization", {"city": "Lima"}, {"city": "Troy"})
    words = DifferenceRenderer([odd, good])
    assert all(isinstance(each, Difference) for each in words.differences(odd))
    assert words.differences(good) == [Difference("City", "Lima", "Troy")]


@pytest.mark.exhaustive
@pytest.mark.parametrize("target", TARGETS)
def test_every_page_of_the_history_shows_an_odd_event_beside_others(
    owner: User, client_of: Callable[[User], Client], target: str
) -> None:
    acme = Organization.objects.create(name="Acme")
    batch = uuid.uuid4()
    rows = [event(target, before, after, str(acme.pk)) for before in ODD for after in (None, *ODD)]
    for row in rows:
        row.batch = batch
    AuditEvent.objects.bulk_create(rows)
    AuditEvent.objects.bulk_create([event("organization", {"city": "Lima"}, {"city": "Troy"}, str(acme.pk))])
    client = client_of(owner)
    for address in (
        reverse("integrations:history"),
        f"{reverse('integrations:history')}?organization={acme.pk}",
        *(f"{reverse('integrations:history')}?what={kind}" for kind in KINDS),
        reverse("integrations:history_batch", args=[batch]),
        reverse("integrations:organization", args=[acme.pk]),
        reverse("integrations:organizations"),
    ):
        response = client.get(address)
        assert response.status_code == 200, address
    assert "Troy" in client.get(reverse("integrations:history")).content.decode()


def test_it_says_that_it_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    odd = event("mapping", None, {"instance": 1})
    [told] = DifferenceRenderer([odd]).differences(odd)
    assert "does not know" in told.after
    assert "cannot be told in words" in caplog.text


def test_an_alert_is_told_in_words_and_not_in_codes() -> None:
    told = {"kind": "drift.found", "text": "Look.", "path": "/drift/refreshes/4/", "closed_at": None}
    opened = event("alert", None, told)
    shown = {each.label: each.after for each in DifferenceRenderer([opened]).differences(opened)}
    assert shown == {"Kind": "A refresh found mappings to look at", "Text": "Look."}
