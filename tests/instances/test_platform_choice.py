"""Another platform than the user name's: the page says so and offers the right one to owners."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import IntegrationInstance, Job
from integrations.services.audit import Batch
from integrations.services.instances.check import check_connection
from integrations.simulators.autotask.server import Simulator
from tests.support.simulated import (
    SECRET,
    TRACKING_IDENTIFIER,
    USERNAME,
    actor_of,
    connect,
    refresh,
    table_contents,
)

Signed = Callable[[User], Client]

ADD = "/integrations/autotask/add/"
VALUES = {
    "connection-name": "Main",
    "connection-username": USERNAME,
    "connection-secret": SECRET,
    "connection-tracking_identifier": TRACKING_IDENTIFIER,
}
WRONG = "ww5"


def right_zone(simulator: Simulator) -> str:
    """The platform that belongs to the user name."""
    return simulator.base_url.removeprefix("http://")


def pressed(simulator: Simulator) -> dict[str, object]:
    """What a browser sends for the button: the list's value, then the button's; the last one counts."""
    return {**VALUES, "connection-zone": [WRONG, right_zone(simulator)]}


def test_the_right_platform_is_one_button_for_an_owner(
    simulator: Simulator, owner: User, client_of: Signed
) -> None:
    window = client_of(owner)
    page = html.unescape(window.post(ADD, {**VALUES, "connection-zone": WRONG}).content.decode())
    assert "Nothing was saved: the connection check stopped at “Platform matches the zone”." in page
    assert "belongs to" in page
    assert f"Choose Simulator at {right_zone(simulator)} and save" in page
    assert page.count("Type it again: a secret is never sent back to the page.") == 2
    assert SECRET not in page
    assert TRACKING_IDENTIFIER not in page
    assert not IntegrationInstance.objects.exists()
    assert {request.route.rpartition("/")[2] for request in simulator.requests} == {"zoneinformation"}

    window.post(ADD, pressed(simulator))
    instance = IntegrationInstance.objects.get()
    assert instance.zone == right_zone(simulator)
    assert "and save" not in window.get(instance.get_absolute_url()).content.decode()


def test_a_stored_configuration_keeps_its_platform_until_the_button_is_pressed(
    simulator: Simulator, instance: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    window, address = (
        client_of(owner),
        reverse("integrations:connection_save", args=["autotask", instance.pk]),
    )
    page = html.unescape(window.post(address, {**VALUES, "connection-zone": WRONG}).content.decode())
    assert f"Choose Simulator at {right_zone(simulator)} and save" in page
    instance.refresh_from_db()
    assert instance.zone == ""
    window.post(address, pressed(simulator))
    instance.refresh_from_db()
    assert instance.zone == right_zone(simulator)


@pytest.mark.parametrize("who", ["member", "reader", "stranger"])
def test_nobody_else_gets_the_button_or_may_press_it(
    simulator: Simulator,
    instance: IntegrationInstance,
    client_of: Signed,
    who: str,
    request: pytest.FixtureRequest,
) -> None:
    window = client_of(request.getfixturevalue(who))
    before = table_contents(IntegrationInstance)
    simulator.requests.clear()
    save = reverse("integrations:connection_save", args=["autotask", instance.pk])
    for address in (ADD, save):
        for values in ({**VALUES, "connection-zone": WRONG}, pressed(simulator)):
            answer = window.post(address, values)
            assert answer.status_code == 404
            assert "and save" not in answer.content.decode()
    page = window.get(instance.get_absolute_url())
    assert page.status_code == (404 if who == "stranger" else 200)
    assert "connection-zone" not in page.content.decode()
    assert table_contents(IntegrationInstance) == before
    assert not list(simulator.requests)


def test_a_chosen_platform_survives_a_move(simulator: Simulator, owner: User, settings: Any) -> None:
    """A refresh follows Autotask to the new zone; the check of the next day passes there."""
    instance = connect(owner, zone=right_zone(simulator))
    there = simulator.add_zone(5)
    settings.AUTOTASK_EXTRA_HOSTS.append(there.base_url.removeprefix("http://"))
    simulator.inject("zone-moved", zone=5, tenant=USERNAME)
    assert refresh(instance).state == Job.State.DONE
    instance.refresh_from_db()
    assert instance.api_url == there.api_url
    report = check_connection(Batch(actor_of(owner)), instance)
    assert report.passed, [step.sentence for step in report.steps if step.state == "failed"]
    assert report.platform == there.base_url.removeprefix("http://")
