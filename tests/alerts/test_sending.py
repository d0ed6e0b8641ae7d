"""The queue of messages when servers, rooms, rows and clocks misbehave."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations.models import (
    AlertChannel,
    AlertKind,
    AlertMessage,
    IntegrationInstance,
    Occurrence,
    Organization,
)
from integrations.services.alerts import (
    ChannelSpec,
    How,
    Wishes,
    change_channel,
    mute,
    save_wishes,
    watch,
    work,
)
from integrations.services.audit import Batch
from tests.alerts.conftest import MailServer, tell
from tests.alerts.test_forms_of_messages import make_channel, refuse
from tests.read_api.conftest import OPERATOR
from tests.webhooks.test_webhooks import receiver

__all__ = ["receiver"]  # fixture
pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def mend(instance: IntegrationInstance) -> None:
    values = {"status": IntegrationInstance.Status.CONNECTED}
    IntegrationInstance.objects.filter(pk=instance.pk).update(**values)


def test_what_failed_until_it_was_over_is_not_told_after_its_end(
    main: IntegrationInstance, owner: User, mail_server: MailServer, receiver: HTTPServer
) -> None:
    receiver.expect_ordered_request("/room").respond_with_data("no", 503)
    receiver.expect_ordered_request("/room").respond_with_data("ok")
    make_channel(receiver.url_for("/room"))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mail_server.fails = "451 later"
        refuse(main)
        tell()
        AlertMessage.objects.update(next_attempt_at=timezone.now() + 5 * HOUR)
        mail_server.fails = ""
        mend(main)
        clock.shift(HOUR)
        tell()
        clock.shift(6 * HOUR)
        tell()
    assert mail_server.subjects == ["[Portal] Over: Main: the credentials are refused"]
    assert ["Over: Main" in request.data.decode() for request, _ in receiver.log] == [False, True]
    assert AlertMessage.objects.filter(error="Not sent: it was over by then.").count() == 2


@pytest.mark.parametrize("how", [None, How.NEVER])
def test_what_failed_before_follows_the_wishes_too(
    main: IntegrationInstance, owner: User, mail_server: MailServer, how: How | None
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mail_server.fails = "451 later"
        refuse(main)
        tell()
        key = AlertMessage.objects.get().key
        save_wishes(owner, Wishes({AlertKind.REFRESH_FAILED: How.DIGEST}))
        assert AlertMessage.objects.get().key == key  # nothing else was said of it: the same mail again
        if how is None:
            mute(owner, main, None, timezone.now() + 48 * HOUR)
        else:
            save_wishes(owner, Wishes({AlertKind.CREDENTIALS_REFUSED: how}))
        mail_server.fails = ""
        clock.shift(HOUR)
        tell()
        assert mail_server.mails == []
        clock.shift(48 * HOUR)
        tell()
        assert len(mail_server.mails) == (how is None)


@pytest.mark.parametrize("ends", [True, False])
def test_what_waited_for_the_end_of_a_mute_is_one_mail(
    main: IntegrationInstance, owner: User, mail_server: MailServer, ends: bool
) -> None:
    save_wishes(owner, Wishes({AlertKind.DRIFT_FOUND: How.AT_ONCE}))
    kind = Occurrence.Kind.DRIFT_FOUND
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mute(owner, None, None, timezone.now() + 30 * 24 * HOUR)
        for day in range(3):
            Occurrence.objects.create(instance=main, kind=kind, cause=f"refresh:{day}", at=timezone.now())
            watch()
            clock.shift(24 * HOUR)
        assert work() == 0
        if ends:
            clock.shift(30 * 24 * HOUR)
        else:
            mute(owner, None, None, None)
        tell()
    assert mail_server.subjects == ["[Portal] 3 alerts from the portal"]


def paths(receiver: HTTPServer) -> list[str]:
    return [request.path for request, _ in receiver.log]


def change(channel: AlertChannel, **values: Any) -> None:
    """Change the room, which keeps all that is not named."""
    kept = {
        "name": channel.name,
        "service": AlertChannel.Service(channel.service),
        "url": "",
        "kinds": [AlertKind(kind) for kind in channel.kinds],
    }
    change_channel(Batch(OPERATOR), channel, ChannelSpec(**{**kept, **values}))
    channel.refresh_from_db()


def test_a_room_that_is_resumed_is_told_what_stands_and_nothing_that_is_over(
    main: IntegrationInstance, other: IntegrationInstance, receiver: HTTPServer
) -> None:
    receiver.expect_request("/room").respond_with_data("ok")
    channel = make_channel(receiver.url_for("/room"))
    refuse(main)
    refuse(other, "Other")
    watch()
    change(channel, is_active=False)
    mend(main)
    tell()
    assert paths(receiver) == []
    change(channel, is_active=True)
    tell()
    (body,) = [request.data.decode() for request, _ in receiver.log]
    assert "Other: the credentials are refused" in body


@pytest.mark.parametrize("narrowed", ["kinds", "configuration", "address"])
def test_a_room_that_was_changed_gets_what_it_is_told_now(
    main: IntegrationInstance, other: IntegrationInstance, receiver: HTTPServer, narrowed: str
) -> None:
    for path in ("/old", "/new"):
        receiver.expect_request(path).respond_with_data("ok")
    channel = make_channel(receiver.url_for("/old"))
    refuse(main)
    tell()
    refuse(other, "Other")
    mend(main)
    watch()  # that Main is over, and that Other begins
    moves: dict[str, Any] = {
        "kinds": {"kinds": [AlertKind.KEY_ENDING]},
        "configuration": {"instance": main},
        "address": {"url": receiver.url_for("/new")},
    }
    change(channel, **moves[narrowed])
    work()
    assert paths(receiver) == {
        "kinds": ["/old"],
        "configuration": ["/old", "/old"],
        "address": ["/old", "/new"],
    }[narrowed]  # fmt: skip
    assert ("Other" in receiver.log[-1][0].data.decode()) is (narrowed == "address")


def test_a_room_of_one_configuration_hears_what_belongs_to_none(
    main: IntegrationInstance, other: IntegrationInstance, receiver: HTTPServer
) -> None:
    receiver.expect_request("/room").respond_with_data("ok")
    make_channel(receiver.url_for("/room"), instance=main)
    IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
    refuse(other, "Other")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Organization.objects.create(name="New Firm")
        clock.shift(HOUR)
        tell()
    (body,) = [request.data.decode() for request, _ in receiver.log]
    assert "New Firm is new and has no mapping" in body
