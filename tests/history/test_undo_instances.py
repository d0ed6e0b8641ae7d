"""Undo of imported configurations: they come back as they were, and what cannot is said."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import AuditEvent, CompanyFilter, ImportReport, IntegrationInstance
from integrations.services.audit import Batch
from integrations.services.exports.configurations import export_configurations
from integrations.services.history import undo as undoing
from integrations.services.imports.configurations import import_configurations
from tests.support.rows import make_company, make_mapping
from tests.support.simulated import (
    SECRET,
    SECRETS,
    TRACKING_IDENTIFIER,
    USERNAME,
    actor_of,
    make_organization,
)

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
ROWS = [
    {
        "name": "Main",
        "username": "main@example.com",
        "description": "Ohio",
        "refresh_every_hours": 6,
        "check_daily": False,
        "filters": [["companyType", "eq", 1]],
    },
    {
        "name": "Second",
        "username": "b@example.com",
        "is_default": True,
        "filters": [["isActive", "eq", True]],
    },
]


def run(user: User, rows: Any, secrets: Any = None) -> uuid.UUID:
    """Import; the batch."""
    report = import_configurations(
        Batch(actor_of(user)), io.BytesIO(json.dumps(rows).encode()), secrets or {}
    )
    kept = ImportReport.objects.get(key=report.key)
    assert kept.batch is not None, list(report.rows)
    return kept.batch


def state() -> list[Any]:
    """The configurations as an export has them."""
    return list(export_configurations(IntegrationInstance.objects.present().order_by("name")))


def left(outcome: undoing.UndoOutcome) -> list[tuple[str, str]]:
    return [(row.name, row.reason) for row in outcome.rows_left]


def test_undo_takes_an_import_of_configurations_back(main: IntegrationInstance, owner: User) -> None:
    before = state()
    batch = run(owner, ROWS)
    after = state()
    assert [row["is_default"] for row in after] == [False, True]
    assert AuditEvent.objects.exclude(batch=batch).count() == 0, "one batch for everything"

    rehearsed = undoing.undo_batch(actor_of(owner), batch, dry_run=True)
    assert state() == after
    done = undoing.undo_batch(actor_of(owner), batch)

    assert state() == before
    assert (done.restored, left(done)) == (rehearsed.restored, [])
    assert not CompanyFilter.objects.filter(instance=main).exists()
    assert IntegrationInstance.objects.get(name="Second").deleted_at is not None

    again = undoing.undo_batch(actor_of(owner), done.batch)
    assert (again.restored, left(again)) == (done.restored, [])
    assert [{**row, "is_default": False} for row in state()] == [
        {**row, "is_default": False} for row in after
    ]


def test_what_was_mapped_or_changed_since_is_left(main: IntegrationInstance, owner: User) -> None:
    batch = run(owner, ROWS)
    second = IntegrationInstance.objects.get(name="Second")
    make_mapping(make_organization("Acme"), make_company(second, 101, "Acme"), owner)
    IntegrationInstance.objects.filter(pk=main.pk).update(description="Michigan")
    done = undoing.undo_batch(actor_of(owner), batch)
    assert ("Second", "organizations were mapped in it since") in left(done)
    assert ("Main", "changed again since") in left(done)
    main.refresh_from_db()
    assert (main.description, main.refresh_every_hours) == ("Michigan", 24)
    assert IntegrationInstance.objects.present().count() == 2


def test_replaced_credentials_do_not_come_back(simulator: object, owner: User) -> None:
    given = {"Main": {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER}}
    run(owner, [{"name": "Main", "username": USERNAME}], given)
    batch = run(owner, [{"name": "Main", "username": USERNAME, "refresh_every_hours": 3}], given)
    done = undoing.undo_batch(actor_of(owner), batch)
    assert left(done) == [("Main", "its credentials were replaced, and the old ones are not kept")]
    instance = IntegrationInstance.objects.get()
    assert (instance.refresh_every_hours, instance.status) == (24, "connected")
    assert not any(secret in str(list(AuditEvent.objects.values())) for secret in SECRETS)


def test_only_who_may_change_configurations_may_undo_it(
    main: IntegrationInstance, owner: User, member: User, client_of: ClientOf
) -> None:
    before = state()
    batch = run(owner, ROWS)
    key = ImportReport.objects.get().key
    assert "Undo the import" not in client_of(member).get(f"/imports/{key}/").content.decode()
    assert client_of(member).post(f"/undo/{batch}/").status_code == 404
    assert state() != before
    assert "Undo the import" in client_of(owner).get(f"/imports/{key}/").content.decode()
    page: Any = client_of(owner).post(f"/undo/{batch}/", {"history": "1"}, follow=True)
    assert "put back as before" in page.content.decode()
    assert state() == before
