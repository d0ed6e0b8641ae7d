"""A look that cannot write one alert: the others are told all the same."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations.models import Alert, IntegrationInstance
from integrations.services.alerts import watch
from integrations.tasks import wake_alerts
from tests.alerts.conftest import MailServer

pytestmark = pytest.mark.django_db


def test_an_alert_that_cannot_be_written_keeps_no_other_back(
    main: IntegrationInstance, owner: User, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    strange = Alert.objects.create(kind="of.a.later.release", cause="later:1", opened_at=timezone.now())
    IntegrationInstance.objects.update(status=IntegrationInstance.Status.REFUSED)
    assert watch() == 1
    assert Alert.objects.get(cause=f"credentials:{main.pk}").notices.count() == 1
    assert Alert.objects.get(pk=strange.pk).closed_at is None
    assert "later:1" in caplog.text


def test_what_waits_is_sent_also_where_the_look_fails(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    IntegrationInstance.objects.update(status=IntegrationInstance.Status.REFUSED)
    watch()
    Alert.objects.create(kind="organization.unmapped", cause="no PSA is named", opened_at=timezone.now())
    with pytest.raises(IndexError):
        wake_alerts()
    (call,) = DBTaskResult.objects.all()
    assert call.task_path.endswith("deliver_alerts")
