"""The queue of messages when servers, rooms, rows and clocks misbehave."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations.models import AlertMessage, IntegrationInstance
from tests.alerts.conftest import MailServer, tell
from tests.alerts.test_forms_of_messages import make_channel, refuse
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
