"""The sign-in log keeps what it has to, lets go of what is old, and of nothing else, whoever asks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import AccountEvent, AuditEvent
from integrations.models.account_events import KEPT_AT_LEAST
from integrations.models.bases import AppendOnlyError
from integrations.services.operations import delete_expired
from integrations.services.sign_ins import log
from tests.support.processes import read_settings

pytestmark = pytest.mark.django_db
Kind = AccountEvent.Kind


def event(days: float, detail: str = "") -> AccountEvent:
    return AccountEvent.objects.create(
        kind=Kind.FAILED, detail=detail, at=timezone.now() - dt.timedelta(days=days)
    )


def test_the_workers_forget_what_is_older_than_the_setting(member: User) -> None:
    ages = (0, 1, 179, 181, 399, 399.9, 401.5, 402, 4000)
    events = {age: event(age) for age in ages}
    told = set(AccountEvent.objects.values_list("pk", flat=True)) - {each.pk for each in events.values()}
    assert delete_expired() == 3
    kept = {events[age].pk for age in ages if age < 400}
    assert set(AccountEvent.objects.values_list("pk", flat=True)) == kept | told
    audit = AuditEvent.objects.get(action="old sign-ins forgotten")
    assert (audit.actor_name, audit.after) == ("The portal", {"events": 3, "older_than_days": 400})
    assert delete_expired() == 0
    event(400.0001)  # it becomes old in the course of today
    assert delete_expired() == 0, "by whole days, so that the history tells it once a day"
    assert AuditEvent.objects.filter(action="old sign-ins forgotten").count() == 1


def test_no_call_takes_long(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SIGN_IN_LOG_DAYS = 200
    monkeypatch.setattr(log, "FORGOTTEN_AT_ONCE", 3)
    monkeypatch.setattr(log, "MOST_FORGOTTEN", 6)
    for _ in range(11):
        event(300)
    assert [delete_expired() for _ in range(3)] == [6, 5, 0]


@pytest.mark.parametrize("days", [0, 1, 179.9])
def test_nobody_is_let_through_the_door_early(days: float) -> None:
    young, old = event(days), event(300)
    moment = timezone.now() - dt.timedelta(days=days)
    with pytest.raises(AppendOnlyError):
        AccountEvent.objects.forget(moment + dt.timedelta(days=0.05), 10)
    table = AccountEvent._meta.db_table
    for statement in (f"DELETE FROM {table}", f"DELETE FROM {table} WHERE id = {young.pk}"):  # noqa: S608
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert AccountEvent.objects.filter(pk__in=[young.pk, old.pk]).count() == 2


def test_old_ones_cannot_be_changed_either() -> None:
    """Nor made old: the way out is age, and age cannot be written."""
    row = event(0, "what somebody would like to hide")
    old = event(500)
    for statement in (
        "UPDATE integrations_accountevent SET at = '2020-01-01 00:00:00+00:00'",
        f"UPDATE integrations_accountevent SET detail = 'x' WHERE id = {old.pk}",  # noqa: S608  # a number
    ):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert set(AccountEvent.objects.filter(pk__in=[row.pk, old.pk])) == {row, old}


def test_what_may_be_deleted_is_not_younger_than_what_places_are_told_by() -> None:
    assert log.PLACES_REMEMBERED <= KEPT_AT_LEAST


def test_the_page_says_how_long(superuser: User, settings: Any) -> None:
    settings.SIGN_IN_LOG_DAYS = 555
    client = Client()
    client.force_login(superuser)
    for name in ("integrations:sign_in_log", "account_log"):
        assert "kept for 555 days" in client.get(reverse(name)).content.decode()


@pytest.mark.process
def test_it_cannot_be_set_below_half_a_year() -> None:
    assert read_settings("s.SIGN_IN_LOG_DAYS").stdout.strip() == "400"
    for days in ("179", "0", "-1"):
        ended = read_settings("s.SIGN_IN_LOG_DAYS", SIGN_IN_LOG_DAYS=days)
        assert ended.returncode != 0
        assert "SIGN_IN_LOG_DAYS must lie between 180 and" in ended.stderr


@pytest.mark.large  # it migrates twice, and waits for that
@pytest.mark.django_db(transaction=True)
def test_going_back_and_forward_keeps_the_guard() -> None:
    old = event(500)
    executor = MigrationExecutor(connection)
    executor.migrate([("integrations", "0024_reads_that_fail")])
    try:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AccountEvent.objects.filter(pk=old.pk).order_by()._raw_delete(connection.alias)
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    assert AccountEvent.objects.forget(timezone.now() - KEPT_AT_LEAST, 10) == 1
