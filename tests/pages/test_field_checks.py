"""A field that was left is checked by the server: its own errors, nothing stored, no secret sent back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AuditEvent, IntegrationInstance
from integrations.simulators.autotask.server import Simulator

Signed = Callable[[User], Client]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("connection-name", "", "Enter the name."),
        ("connection-name", "Main", ""),
        ("connection-secret", "********", "masked value"),
        ("connection-secret", "", ""),
        ("connection-zone", "atlantis", "not one of the available choices"),
    ],
)
def test_a_field_of_the_connection_is_judged_alone(
    instance: IntegrationInstance,
    owner: User,
    client_of: Signed,
    simulator: Simulator,
    name: str,
    value: str,
    words: str,
) -> None:
    events, asked = AuditEvent.objects.count(), len(simulator.requests)
    address = reverse("integrations:connection_check", args=[instance.psa, instance.pk])
    values = {"connection-username": instance.username, "check": name, name: value}
    answer = client_of(owner).post(address, values).content.decode()
    assert (words in answer) if words else (answer == "")
    assert "*****" not in answer
    assert (AuditEvent.objects.count(), len(simulator.requests)) == (events, asked)


def test_another_user_name_demands_the_secret_while_it_is_typed(
    instance: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    address = reverse("integrations:connection_check", args=[instance.psa, instance.pk])
    values = {"connection-username": "other@example.com", "check": "connection-secret"}
    assert "Enter it again" in client_of(owner).post(address, values).content.decode()


def test_a_new_configuration_is_judged_the_same_way(owner: User, client_of: Signed) -> None:
    address = reverse("integrations:instance_check", args=["autotask"])
    client = client_of(owner)
    answer = client.post(address, {"check": "connection-username", "connection-username": ""})
    assert "Enter the API Username." in answer.content.decode()
    assert client.post(address, {"check": "nonsense"}).status_code == 404


@pytest.mark.parametrize(("name", "words"), [("MAIN", "Another configuration has this name"), ("Mainz", "")])
def test_a_name_in_use_is_told_before_anything_is_sent(
    instance: IntegrationInstance,
    owner: User,
    client_of: Signed,
    simulator: Simulator,
    name: str,
    words: str,
) -> None:
    asked = len(simulator.requests)
    address = reverse("integrations:instance_check", args=["autotask"])
    answer = client_of(owner).post(address, {"check": "connection-name", "connection-name": f" {name} "})
    assert (words in answer.content.decode()) if words else (answer.content == b"")
    assert len(simulator.requests) == asked


def test_a_deleted_configuration_keeps_its_name_from_nobody(
    instance: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    IntegrationInstance.objects.filter(pk=instance.pk).update(deleted_at=timezone.now())
    address = reverse("integrations:instance_check", args=["autotask"])
    answer = client_of(owner).post(address, {"check": "connection-name", "connection-name": instance.name})
    assert answer.content == b""


def test_a_value_of_the_filter_is_judged_by_its_field(
    refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    address = reverse("integrations:filters_check", args=[refreshed.psa, refreshed.pk])
    values = {
        "filters-TOTAL_FORMS": "1", "filters-INITIAL_FORMS": "0", "filters-0-field": "companyType",
        "filters-0-operation": "eq", "filters-0-value": "Custom", "check": "filters-0-value",
    }  # fmt: skip
    client = client_of(member)
    assert "the value must be an integer" in client.post(address, values).content.decode()
    assert client.post(address, {**values, "filters-0-value": "1"}).content == b""
    assert client.post(address, {**values, "check": "filters-9-value"}).status_code == 404
    assert not refreshed.filters.exists()


def test_the_stored_secrets_are_told_by_day_and_name_only(
    instance: IntegrationInstance, owner: User, client_of: Signed
) -> None:
    client = client_of(owner)
    client.cookies["timezone"] = "Pacific/Kiritimati"
    for facts in instance.secrets_set.values():
        facts["at"] = "2026-07-01T12:30:00+00:00"
    instance.save()
    page = client.get(instance.get_absolute_url()).content.decode()
    told = 'set on <time datetime="2026-07-02T02:30:00+14:00">2026-07-02</time> by '
    assert page.count(told + instance.secrets_set["secret"]["by"]) == 2
    assert page.count(">Replace<") == 2


def test_a_refused_filter_names_each_error_with_its_row_first(
    refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    address = reverse("integrations:filters_save", args=[refreshed.psa, refreshed.pk])
    values = {
        "filters-TOTAL_FORMS": "2", "filters-INITIAL_FORMS": "0",
        "filters-0-field": "companyType", "filters-0-operation": "eq", "filters-0-value": "1",
        "filters-1-field": "companyType", "filters-1-operation": "eq", "filters-1-value": "x",
    }  # fmt: skip
    page = client_of(member).post(address, values).content.decode()
    assert page.count('class="error-summary" role="alert" tabindex="-1" autofocus') == 1
    assert '<a href="#id_filters-1-value">Row 2, Value: ' in page
    assert not refreshed.filters.exists()


def test_a_refused_secret_is_asked_for_again_with_steps_to_follow(
    instance: IntegrationInstance, owner: User, client_of: Signed, simulator: Simulator
) -> None:
    """The field that was opened stays open, the other one shut; what to do next is a list."""
    address = reverse("integrations:connection_save", args=[instance.psa, instance.pk])
    values = {
        "connection-name": instance.name,
        "connection-username": instance.username,
        "connection-secret": "Wrong-Secret-4711",
    }
    page = client_of(owner).post(address, values).content.decode()
    assert page.count("One of these was not accepted.") == 4  # at the name and the secret, and in the summary
    assert page.count('<details class="replace" open>') == page.count("Type it again") == 1
    assert page.count('<details class="replace">') == 1
    steps = page.split('<ol class="check-next">')[1].split("</ol>")[0]
    assert steps.count("<li>") == 4
    assert "Wrong-Secret-4711" not in page
