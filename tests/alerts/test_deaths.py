"""A worker that dies between the mail server's answer and its own note: sent again, under the same id."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from integrations.models import AlertKind, AlertMessage, IntegrationInstance
from integrations.services.alerts import How, Wishes, save_wishes, watch, work
from integrations.services.alerts.mail import send_mail
from integrations.services.alerts.telling import told_by
from integrations.services.deliveries import claim_next
from tests.alerts.conftest import MailServer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("how", [How.AT_ONCE, How.DIGEST])
def test_it_is_sent_again_under_the_same_id(
    main: IntegrationInstance, owner: User, mail_server: MailServer, how: How
) -> None:
    save_wishes(owner, Wishes({AlertKind.CREDENTIALS_REFUSED: how}))
    IntegrationInstance.objects.update(status=IntegrationInstance.Status.REFUSED)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        watch()
        AlertMessage.objects.update(next_attempt_at=timezone.now())
        message = claim_next(AlertMessage.objects.order_by("pk"), timezone.now())
        assert message is not None
        notices = list(message.notices.select_related("alert"))
        send_mail(owner.email, message, told_by(message, notices, dt.UTC))  # accepted, and the worker is dead
        assert work() == 0  # its claim still holds
        clock.shift(AlertMessage.CLAIM_LASTS.total_seconds() + 1)
        assert work() == 1
        assert work() == 0
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_payload() == second.get_payload()
    row = AlertMessage.objects.get()
    assert (row.status, row.attempts, row.claim) == ("delivered", 2, None)
