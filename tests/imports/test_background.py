"""Large uploads are imported in the background: with progress, and whole or not at all whatever happens."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from integrations import tasks
from integrations.models import (
    AuditEvent,
    ImportFilePart,
    ImportReport,
    Job,
    Organization,
    OrganizationMapping,
)
from integrations.services.history import undo as undoing
from integrations.services.imports import background as file_import
from integrations.services.imports.background import FOREGROUND_LIMIT_BYTES
from integrations.services.jobs import run as jobs
from integrations.services.operations.cleanup import delete_expired
from tests.support.rows import make_company, make_instance
from tests.support.simulated import actor_of

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
UPLOAD = "/organizations/upload/"
ROWS = 3_000


def large_file(extra: str = "", rows: int = ROWS) -> SimpleUploadedFile:
    """More than a page waits for: each row has a long note, which is no column of ours."""
    lines = "".join(f"Firm {number},E{number},{'Chillicothe-' * 14}\n" for number in range(rows))
    content = f"name,external_id,note\n{lines}{extra}".encode()
    assert len(content) > FOREGROUND_LIMIT_BYTES or rows < ROWS
    return SimpleUploadedFile("firms.csv", content)


def upload(client: Client, extra: str = "", **values: str) -> Job:
    """Upload, and the job that was made for it."""
    response: Any = client.post(UPLOAD, {"file": large_file(extra), "rows": "all", **values})
    job = Job.objects.latest("pk")
    assert response.headers["Location"] == f"/imports/{job.key}/"
    return job


def work(job: Job) -> ImportReport:
    """What a worker does when it is woken."""
    tasks.do_job(job.key)
    job.refresh_from_db()
    return ImportReport.objects.get(key=job.key)


@pytest.mark.large
def test_a_large_upload_is_a_job_whose_report_fills(
    member: User, reader: User, stranger: User, client_of: ClientOf
) -> None:
    job = upload(client_of(member))
    page = f"/imports/{job.key}/"
    waiting = client_of(reader).get(page).content.decode()
    assert "Waiting for a worker" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    assert f'max="{ROWS + 1}"' in waiting
    assert client_of(stranger).get(page).status_code == 404
    assert "firms.csv" in client_of(reader).get("/jobs/").content.decode()
    assert not Organization.objects.exists()

    report = work(job)

    assert (job.state, report.verdict, report.counts["imported"]) == ("done", "written", ROWS)
    assert (report.actor_name, report.origin, report.file_name) == ("marcus", "127.0.0.1", "firms.csv")
    assert not ImportFilePart.objects.exists()
    done = client_of(member).get(page).content.decode()
    assert "All rows were written." in done
    assert "Undo the import" in done
    assert "hx-trigger" not in done
    assert report.batch is not None
    assert undoing.undo_batch(actor_of(member), report.batch).restored == ROWS
    assert not Organization.objects.present().exists()


def test_a_small_upload_is_answered_at_once(member: User, client_of: ClientOf) -> None:
    file = large_file(rows=2)
    page: Any = client_of(member).post(UPLOAD, {"file": file, "rows": "all"}, follow=True)
    assert "All rows were written." in page.content.decode()
    assert not Job.objects.exists()


@pytest.mark.large
@pytest.mark.parametrize(
    ("extra", "values", "verdict", "failed", "written"),
    [
        ("", {"check": "1"}, "checked", 0, 0),
        ("=bad,,\n", {}, "refused", 1, 0),
        ("=bad,,\n", {"rows": "good"}, "written", 1, ROWS),
        ('"never closed', {"rows": "good"}, "refused", 0, 0),
    ],
)
def test_what_was_asked_for_is_done(
    member: User,
    client_of: ClientOf,
    extra: str,
    values: dict[str, str],
    verdict: str,
    failed: int,
    written: int,
) -> None:
    job = upload(client_of(member), extra, **values)
    report = work(job)
    assert (job.state, report.verdict, report.counts["failed"]) == ("done", verdict, failed)
    assert Organization.objects.count() == AuditEvent.objects.count() == written
    assert report.sentence
    assert not ImportFilePart.objects.exists()
    assert client_of(member).get(f"/imports/{job.key}/").status_code == 200


@pytest.mark.large
def test_mappings_too(member: User, client_of: ClientOf) -> None:
    main = make_instance()
    make_company(main, 101, "Abbott")
    Organization.objects.bulk_create(Organization(name=f"Firm {n}", external_id=f"E{n}") for n in range(ROWS))
    filler = "x" * 170
    lines = "".join(f"E{number},101,{filler}\n" for number in range(ROWS))
    file = SimpleUploadedFile("maps.csv", f"external_id,company_id,note\n{lines}".encode())
    address = f"/integrations/autotask/{main.pk}/mappings/upload/"
    client_of(member).post(address, {"file": file, "rows": "all"})
    job = Job.objects.get()
    report = work(job)
    assert (job.instance, report.instance, report.counts["imported"]) == (main, main, ROWS)
    assert OrganizationMapping.objects.filter(confirmed_by=member).count() == ROWS


@pytest.mark.large
def test_cancelled_while_it_runs_nothing_is_written(member: User, client_of: ClientOf) -> None:
    job = upload(client_of(member))
    Job.objects.update(cancel_requested=True)
    report = work(job)
    assert (job.state, report.verdict) == ("cancelled", "stopped")
    assert report.sentence == "Cancelled. Nothing was written."
    assert not Organization.objects.exists()
    assert not ImportFilePart.objects.exists()


@pytest.mark.large
def test_a_waiting_one_can_be_cancelled_on_its_page(member: User, client_of: ClientOf) -> None:
    job = upload(client_of(member))
    client_of(member).post(f"/jobs/{job.pk}/cancel/")
    assert work(job).verdict == "running"
    page = client_of(member).get(f"/imports/{job.key}/").content.decode()
    assert "Nothing was written; upload the file again." in page
    delete_expired()
    assert not ImportFilePart.objects.exists()


@pytest.mark.large
def test_a_worker_that_was_overtaken_writes_nothing(member: User, client_of: ClientOf) -> None:
    """One that was thought dead comes back in the middle: the job and its file are another's."""
    job = upload(client_of(member))
    late = jobs.claim(job.key)
    assert late is not None
    Job.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    quick = jobs.claim(job.key)
    assert quick is not None
    with pytest.raises(jobs.JobLost):
        file_import.import_file(late)
    assert ImportFilePart.objects.exists()
    assert file_import.import_file(quick).verdict == "written"
    assert file_import.import_file(late).verdict == "written", "there is nothing left to do"
    assert Organization.objects.count() == ROWS


@pytest.mark.large
def test_the_lease_is_checked_where_it_is_written(
    member: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = upload(client_of(member))
    run = jobs.claim(job.key)
    assert run is not None
    tell = jobs.JobRun.report_progress

    def overtaken(self: jobs.JobRun, done: int, total: int | None, message: str = "") -> None:
        tell(self, done, total, message)
        if message == "Writing rows":
            Job.objects.update(lease_token=uuid.uuid4())

    monkeypatch.setattr(jobs.JobRun, "report_progress", overtaken)
    with pytest.raises(jobs.JobLost):
        file_import.import_file(run)
    assert not Organization.objects.exists()
    assert not AuditEvent.objects.exists()
