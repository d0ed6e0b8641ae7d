"""History cannot be changed behind the portal's back: the database itself refuses, after all migrations."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from integrations.models import AccountEvent, AuditEvent
from integrations.models.audit import Action
from integrations.models.bases import AppendOnlyError
from integrations.services.audit import Batch, Change
from tests.support.simulated import actor_of, table_contents


@pytest.fixture
def recorded(owner: User) -> AuditEvent:
    """A change that somebody would like to be forgotten."""
    Batch(actor_of(owner)).record(
        [Change(Action.MAPPING_CREATED, "mapping", "1", "Acme", None, {"company": 1})]
    )
    return AuditEvent.objects.get()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE integrations_auditevent SET actor_name = 'somebody else'",
        "UPDATE integrations_auditevent SET at = '2020-01-01 00:00:00+00:00' WHERE target_name = 'Acme'",
        "DELETE FROM integrations_auditevent",
        "DELETE FROM integrations_auditevent WHERE target_name = 'Acme'",
        "TRUNCATE integrations_auditevent",
        "UPDATE integrations_accountevent SET address = '192.0.2.1'",
        "DELETE FROM integrations_accountevent",
        "TRUNCATE integrations_accountevent",
    ],
)
def test_the_database_refuses(recorded: AuditEvent, statement: str) -> None:
    if statement.startswith("TRUNCATE") and connection.vendor == "sqlite":
        table = statement.removeprefix("TRUNCATE ")
        statement = f"DELETE FROM {table} WHERE 1"  # noqa: S608  # SQLite's own way of truncating
    before = table_contents(AuditEvent, AccountEvent)
    assert all(before.values())
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert table_contents(AuditEvent, AccountEvent) == before


def test_the_models_refuse_too(recorded: AuditEvent) -> None:
    for model in (AuditEvent, AccountEvent):
        row = model.objects.latest("pk")
        for change in (
            row.save,
            row.delete,
            model.objects.all().delete,
            lambda m=model: m.objects.update(at=None),
        ):
            with pytest.raises(AppendOnlyError):
                change()


def test_rows_are_still_added_and_people_can_go(recorded: AuditEvent, owner: User) -> None:
    """Deleting an account leaves what it did, with its name."""
    Batch(actor_of(owner)).record(
        [Change(Action.MAPPING_REMOVED, "mapping", "1", "Acme", {"company": 1}, None)]
    )
    name = recorded.actor_name
    owner.delete()
    assert list(AuditEvent.objects.order_by("pk").values_list("actor_name", flat=True)) == [name, name]


@pytest.mark.django_db(transaction=True)
def test_the_suite_can_empty_the_tables(recorded: AuditEvent) -> None:
    """It lifts the guard for that moment; the tests here that run after this one need it back."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all()._raw_delete(connection.alias)
