"""The pages of alerts, as owner, member, reader and stranger; channels are owners' alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations.models import (
    Alert,
    AlertChannel,
    AlertKind,
    AlertMessage,
    AlertPreference,
    AlertReader,
    AuditEvent,
    IntegrationInstance,
)
from integrations.services.alerts import ChannelSpec, create_channel, watch, work
from integrations.services.audit import Batch
from tests.alerts.conftest import MailServer, tell
from tests.alerts.test_causes import sign_in_from_two_places
from tests.read_api.conftest import OPERATOR
from tests.webhooks.test_webhooks import receiver

__all__ = ["receiver"]  # fixture
pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
PAGE, SETTINGS, MUTE = (
    reverse(f"integrations:{name}") for name in ("alerts", "alert_settings", "alert_mute")
)
CHANNELS, ADD = reverse("integrations:alert_channels"), reverse("integrations:alert_channel_add")


@pytest.fixture
def refused(main: IntegrationInstance) -> IntegrationInstance:
    """A configuration that somebody has to look after."""
    main.status = IntegrationInstance.Status.REFUSED
    main.save()
    return main


def choices(**values: str) -> dict[str, str]:
    """The form of what one is told, as usual but for these."""
    usual = {f"kind_{kind.name.lower()}": "usual" for kind in AlertKind}
    return {"digest_hour": "7", "time_zone": "Europe/Berlin", **usual, **values}


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_each_person_sees_and_chooses_their_own(
    refused: IntegrationInstance, owner: User, member: User, reader: User, stranger: User,
    client_of: Browser, mail_server: MailServer,
) -> None:  # fmt: skip
    tell()
    for person in (owner, member, reader):
        browser = client_of(person)
        page = text(browser.get(PAGE))
        assert "Main: the credentials are refused" in page
        assert ("Delivered" in page) is (person != reader)
        saved = browser.post(SETTINGS, choices(kind_credentials_refused="digest"))
        assert saved.status_code == 302
        own = AlertPreference.objects.get(user=person)
        assert (own.kind, own.how) == ("credentials.refused", "digest")
        state = AlertReader.objects.get(user=person)
        assert (state.digest_hour, state.time_zone) == (7, "Europe/Berlin")
    for address in (PAGE, SETTINGS, MUTE, CHANNELS, ADD):
        assert client_of(stranger).get(address).status_code == 404
        assert client_of(stranger).post(address).status_code == 404


def test_a_choice_is_taken_back_and_a_wrong_one_is_refused(
    main: IntegrationInstance, reader: User, client_of: Browser
) -> None:
    browser, own = client_of(reader), f"{SETTINGS}?configuration={main.pk}"
    assert "As in all configurations (not by e-mail)" in text(browser.get(own))
    browser.post(own, choices(kind_credentials_refused="at_once"))
    assert AlertPreference.objects.get().instance == main
    browser.post(own, choices())
    assert not AlertPreference.objects.exists()
    assert browser.post(SETTINGS, choices(kind_drift_found="by pigeon")).status_code == 422
    assert browser.post(SETTINGS, choices(time_zone="Mars/Olympus")).status_code == 422
    for wrong in ("999999", "x", "9" * 30):
        assert browser.get(f"{SETTINGS}?configuration={wrong}").status_code == 404


def test_muting_one_kind_shows_on_the_page_and_ends(
    refused: IntegrationInstance, owner: User, member: User, client_of: Browser
) -> None:
    watch()
    browser = client_of(owner)
    assert f"{MUTE}?kind=credentials.refused&amp;instance={refused.pk}" in text(browser.get(PAGE))
    until = timezone.now() + dt.timedelta(days=1)
    values = {"kind": "credentials.refused", "instance": refused.pk, "until": f"{until:%Y-%m-%dT%H:%M}"}
    past = {**values, "until": "2020-01-01T08:00"}
    assert browser.post(MUTE, past).status_code == 422
    assert browser.post(MUTE, {**values, "until": "2199-01-01T08:00"}).status_code == 422
    assert browser.post(MUTE, values).status_code == 302
    row = AlertPreference.objects.get(user=owner)
    assert "Muted until" in text(browser.get(PAGE))
    end = reverse("integrations:alert_unmute", args=[row.pk])
    assert client_of(member).post(end).status_code == 404  # another's
    assert browser.post(end).status_code == 302
    assert not AlertPreference.objects.exists()


def test_a_portal_without_mail_says_what_to_set(reader: User, client_of: Browser) -> None:
    page = text(client_of(reader).get(PAGE))
    assert "EMAIL_URL" in page
    assert "disabled>Send me a test" in page
    client_of(reader).post(reverse("integrations:alert_test"))
    assert not AlertMessage.objects.exists()


def test_mail_that_does_not_arrive_is_told_on_the_page(
    reader: User, client_of: Browser, mail_server: MailServer
) -> None:
    browser = client_of(reader)
    mail_server.refuses = "550 nobody here"
    browser.post(reverse("integrations:alert_test"))
    work()
    page = text(browser.get(PAGE))
    assert "No mail has reached you since" in page
    assert "The mail server does not take this e-mail address." in page
    mail_server.refuses = ""
    AlertMessage.objects.update(next_attempt_at=timezone.now())
    work()
    assert "No mail has reached you since" not in text(browser.get(PAGE))
    User.objects.filter(pk=reader.pk).update(email="")
    assert "no e-mail address" in text(client_of(User.objects.get(pk=reader.pk)).get(PAGE))


def test_nobody_reads_of_anothers_sign_in(owner: User, reader: User, client_of: Browser) -> None:
    sign_in_from_two_places(reader)
    watch()
    assert Alert.objects.count() == 1
    assert "new place" in text(client_of(reader).get(PAGE))
    assert "new place (" not in text(client_of(owner).get(PAGE))
    assert "Your account signed in" not in text(client_of(owner).get(PAGE))


def prove(browser: Client) -> None:
    """As somebody who has just typed their password."""
    browser.post(reverse("account_reauthenticate"), {"password": "a long pass phrase"})


def test_owners_keep_channels_and_nobody_sees_their_addresses(
    owner: User, member: User, reader: User, client_of: Browser, receiver: HTTPServer
) -> None:
    receiver.expect_request("/secret-room").respond_with_data("ok")
    browser = client_of(owner)
    prove(browser)
    values = {
        "name": "Service desk", "service": "teams", "url": receiver.url_for("/secret-room"),
        "kinds": ["refresh.failed"], "is_active": "on",
    }  # fmt: skip
    refused = browser.post(ADD, {**values, "url": "https://10.0.0.1/x"})
    assert refused.status_code == 422
    assert b"private or reserved" in refused.content
    made = browser.post(ADD, values)
    channel = AlertChannel.objects.get()
    assert made["Location"] == channel.get_absolute_url()
    name = [channel.pk]
    addresses = [
        CHANNELS, channel.get_absolute_url(), reverse("integrations:alert_channel_edit", args=name),
        reverse("integrations:alert_channel_delete", args=name), reverse("integrations:history"),
    ]  # fmt: skip
    for address in addresses:
        assert "secret-room" not in text(browser.get(address))
    browser.post(reverse("integrations:alert_channel_test", args=name))
    work()
    assert len(receiver.log) == 1
    assert "Delivered" in text(browser.get(channel.get_absolute_url()))
    edited = {**values, "url": "", "name": "Night shift"}
    browser.post(reverse("integrations:alert_channel_edit", args=name), edited)
    channel.refresh_from_db()
    assert channel.name == "Night shift"
    assert channel.address.reveal()["url"].endswith("/secret-room")
    for person in (member, reader):
        other = client_of(person)
        for address in [*addresses[:4], reverse("integrations:alert_channel_test", args=name)]:
            assert other.get(address).status_code == 404
            assert other.post(address).status_code == 404
    browser.post(reverse("integrations:alert_channel_delete", args=name))
    assert not AlertChannel.objects.exists()
    told = list(AuditEvent.objects.filter(target_type="alert_channel").order_by("pk"))
    assert [event.action for event in told] == [
        "alert channel added", "alert channel changed", "alert channel deleted",
    ]  # fmt: skip


def test_a_webhook_hears_when_an_alert_begins_and_is_over(
    refused: IntegrationInstance, receiver: HTTPServer
) -> None:
    import json

    from integrations.services.webhooks import outbox
    from tests.webhooks.test_webhooks import make

    receiver.expect_request("/hook").respond_with_data("")
    make(receiver.url_for("/hook"))
    watch()
    IntegrationInstance.objects.update(status=IntegrationInstance.Status.CONNECTED)
    watch()
    outbox.work()
    begun, over = (json.loads(request.data) for request, _ in receiver.log)
    assert begun["type"] == over["type"] == "alert.changed"
    (first,), (last,) = begun["changes"], over["changes"]
    assert (first["kind"], first["action"], last["action"]) == (
        "credentials.refused", "alert opened", "alert over",
    )  # fmt: skip
    assert first["alert_id"] == last["alert_id"]
    assert (first["closed_at"], last["closed_at"] is None) == (None, False)


def test_a_room_of_a_deleted_configuration_is_not_widened_by_saving_it(
    main: IntegrationInstance, owner: User, client_of: Browser
) -> None:
    kinds = [AlertKind.REFRESH_FAILED]
    spec = ChannelSpec("Desk", AlertChannel.Service.SLACK, "https://hooks.slack.com/x", kinds, main)
    channel = create_channel(Batch(OPERATOR), spec)
    IntegrationInstance.objects.filter(pk=main.pk).update(deleted_at=timezone.now())
    browser = client_of(owner)
    prove(browser)
    address = reverse("integrations:alert_channel_edit", args=[channel.pk])
    assert f'<option value="{main.pk}" selected>Main (deleted)</option>' in text(browser.get(address))
    values = {"name": "Service desk", "service": "slack", "kinds": kinds, "instance": main.pk}
    assert browser.post(address, values).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.instance) == ("Service desk", main)


def test_titles_of_what_one_may_see_no_more_are_not_listed(
    refused: IntegrationInstance, reader: User, client_of: Browser
) -> None:
    alert = Alert.objects.create(
        kind=AlertKind.ORGANIZATION_UNMAPPED, cause="unmapped:autotask:1", title="Secret Firm is new",
        opened_at=timezone.now(), closed_at=timezone.now(),
    )  # fmt: skip
    message = AlertMessage.objects.create(user=reader, is_digest=True, next_attempt_at=timezone.now())
    message.notices.create(alert=alert)
    assert "Secret Firm" in text(client_of(reader).get(PAGE))
    reader.groups.clear()
    reader.user_permissions.add(Permission.objects.get(codename="view_integrationinstance"))
    page = text(client_of(User.objects.get(pk=reader.pk)).get(PAGE))
    assert "Secret Firm" not in page
    assert "What is no longer to be seen" in page
