"""Reports of imports are kept as long as the setting says, and what they changed can still be undone."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.models import AuditEvent, ImportReport, ImportReportPart, Organization
from integrations.services.audit import Batch
from integrations.services.history import undo as undoing
from integrations.services.imports.organizations import import_organizations
from integrations.services.operations.cleanup import delete_expired
from tests.support.simulated import actor_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def reports(member: User) -> list[ImportReport]:
    """Of today, of a month ago, and of more than a year ago."""
    made = []
    for age in (0, 31, 400):
        content = f"name\nFirm {age}\n".encode()
        key = import_organizations(Batch(actor_of(member)), io.BytesIO(content)).key
        ImportReport.objects.filter(key=key).update(at=timezone.now() - dt.timedelta(days=age))
        made.append(ImportReport.objects.get(key=key))
    return made


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("forget_import_reports", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_workers_forget_what_is_older_than_the_setting(
    reports: list[ImportReport], member: User, settings: Any
) -> None:
    settings.IMPORT_REPORT_DAYS = 0
    assert delete_expired() == 0
    settings.IMPORT_REPORT_DAYS = 365
    assert delete_expired() == 1
    assert set(ImportReport.objects.all()) == set(reports[:2])
    assert ImportReportPart.objects.count() == 2
    told = AuditEvent.objects.get(action="import reports forgotten")
    assert (told.actor_name, told.after) == ("The portal", {"reports": 1, "older_than_days": 365})
    assert reports[2].batch is not None
    assert undoing.undo_batch(actor_of(member), reports[2].batch).restored == 1
    assert not Organization.objects.present().filter(name="Firm 400").exists()


def test_the_command(reports: list[ImportReport], settings: Any) -> None:
    assert run("--older-than", "30", "--dry-run") == ("2 reports would be deleted.\n", "")
    assert ImportReport.objects.count() == 3
    assert run("--older-than", "30") == ("2 reports deleted.\n", "")
    assert list(ImportReport.objects.all()) == reports[:1]
    assert run()[0] == "0 reports deleted.\n"
    settings.IMPORT_REPORT_DAYS = 0
    assert "kept for ever" in run()[1]
    with pytest.raises(CommandError) as refused:
        run("--older-than", "0")
    assert refused.value.returncode == 2
