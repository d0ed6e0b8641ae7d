"""A look that cannot write one alert: the others are told all the same."""

from __future__ import annotations

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations.models import Alert, IntegrationInstance, Occurrence, Organization
from integrations.services.alerts import watch
from integrations.tasks import wake_alerts
from tests.alerts.conftest import MailServer

REFUSED, CONNECTED = IntegrationInstance.Status.REFUSED, IntegrationInstance.Status.CONNECTED
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


def set_status(instance: IntegrationInstance, status: str) -> None:
    IntegrationInstance.objects.filter(pk=instance.pk).update(status=status)


def test_what_comes_and_goes_each_minute_is_told_now_and_then(main: IntegrationInstance) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(15):
            for status in (REFUSED, CONNECTED):
                set_status(main, status)
                watch()
                clock.shift(60)
        assert Alert.objects.count() == 2  # in half an hour
        set_status(main, REFUSED)
        clock.shift(11 * 60)
        watch()
        assert Alert.objects.filter(closed_at=None).count() == 1  # and it is told that it stands


def test_what_comes_and_goes_all_day_is_told_more_and_more_seldom(main: IntegrationInstance) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for half_hours in range(96):  # two days
            for status in (REFUSED, CONNECTED):
                set_status(main, status)
                watch()
                clock.shift(15 * 60)
            assert Alert.objects.count() <= 4 + half_hours // 4
        set_status(main, REFUSED)
        for _ in range(9):  # it is told that it stands, within two hours
            watch()
            clock.shift(15 * 60)
        assert Alert.objects.filter(closed_at=None).count() == 1
        set_status(main, CONNECTED)
        watch()
        clock.shift(25 * 3600)  # after a quiet day it is news again
        for status in (REFUSED, CONNECTED):
            set_status(main, status)
            watch()
        clock.shift(11 * 60)
        set_status(main, REFUSED)
        watch()
        assert Alert.objects.filter(closed_at=None).count() == 1


def test_new_organizations_are_over_without_a_configuration_to_map_them_in(
    main: IntegrationInstance,
) -> None:
    IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Organization.objects.create(name="New Firm")
        clock.shift(11 * 60)
        watch()
        assert Alert.objects.get().closed_at is None
        IntegrationInstance.objects.update(deleted_at=timezone.now())
        watch()
    assert Alert.objects.get().closed_at is not None


def test_an_organization_that_is_restored_is_told_anew(main: IntegrationInstance) -> None:
    IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Organization.objects.create(name="New Firm")
        clock.shift(11 * 60)
        for deleted_at in (None, timezone.now(), None):
            Organization.objects.update(deleted_at=deleted_at)
            assert watch() == 1
    turns = [(alert.turn, alert.closed_at is None) for alert in Alert.objects.order_by("pk")]
    assert turns == [(1, False), (2, True)]


def test_a_name_of_which_nothing_is_to_be_seen_begins_no_title(main: IntegrationInstance) -> None:
    values = {"name": "\u200b", "status": REFUSED}
    IntegrationInstance.objects.filter(pk=main.pk).update(**values)
    details = {"total": 1}
    Occurrence.objects.create(instance=main, kind="drift.found", cause="refresh:1", text="x", details=details)
    watch()
    assert set(Alert.objects.values_list("title", "path")) == {
        (f"Number {main.pk}: the credentials are refused", main.get_absolute_url()),
        (f"Number {main.pk}: the refresh found mappings to look at", f"/drift/?instance={main.pk}"),
    }
