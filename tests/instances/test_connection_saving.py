"""Saving the connection card: what is new about the connection is checked, a name is not."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import AuditEvent, IntegrationInstance
from integrations.simulators.autotask.server import Simulator
from tests.support.simulated import SECRET, TRACKING_IDENTIFIER

Signed = Callable[[User], Client]


@pytest.fixture
def save(instance: IntegrationInstance, owner: User, client_of: Signed) -> Callable[..., str]:
    """Saves the card with these fields changed; returns the page that comes then."""
    window = client_of(owner)
    address = reverse("integrations:connection_save", args=["autotask", instance.pk])

    def saved(**changed: str) -> str:
        values = {"name": instance.name, "username": instance.username, "is_default": "on", **changed}
        fields = {f"connection-{name}": value for name, value in values.items()}
        return html.unescape(window.post(address, fields, follow=True).content.decode())

    return saved


def test_a_name_is_saved_while_autotask_is_down(
    instance: IntegrationInstance, simulator: Simulator, save: Callable[..., str]
) -> None:
    simulator.inject("dropped-before-answer")
    asked = len(simulator.requests)
    page = save(name="Northwind", description="Ours")
    assert "“Northwind” was saved. The connection did not change and was not checked." in page
    assert "Undo" in page
    checked = instance.last_checked_at
    instance.refresh_from_db()
    assert (instance.name, instance.description) == ("Northwind", "Ours")
    assert instance.last_checked_at == checked
    assert len(simulator.requests) == asked
    event = AuditEvent.objects.latest("pk")
    assert (event.action, event.actor_name) == ("instance changed", "olivia")


def test_saving_what_is_there_already_checks_it(simulator: Simulator, save: Callable[..., str]) -> None:
    save()
    asked, told = len(simulator.requests), AuditEvent.objects.count()
    assert "The connection was checked and saved." in save()
    assert len(simulator.requests) > asked
    assert AuditEvent.objects.count() == told, "nothing changed, and the history says so"


@pytest.mark.parametrize(
    "changed",
    [
        {"zone": "ww5", "secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
        {"secret": "another"},
        {"tracking_identifier": "ANOTHER"},
    ],
    ids=["platform", "secret", "tracking identifier"],
)
def test_a_name_is_not_saved_with_a_connection_that_is_refused(
    instance: IntegrationInstance, save: Callable[..., str], changed: dict[str, str]
) -> None:
    assert "Nothing was saved: the connection check stopped at" in save(name="Northwind", **changed)
    instance.refresh_from_db()
    assert instance.name == "Main"


def test_a_name_that_another_configuration_has_is_refused(
    second: IntegrationInstance, save: Callable[..., str]
) -> None:
    assert "Another configuration has this name." in save(name=second.name.upper())
