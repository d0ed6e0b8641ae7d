"""Importing a large uploaded file in the background: kept, checked to its end, written in one transaction.

A page must not wait for a hundred thousand rows. The file is kept in the database, where a worker of any
machine finds it. The worker first goes through all of it without writing or locking, which shows how far it
is; only when it may be written it goes through once more, in one transaction that also checks that the job is
still its own. A worker that is killed leaves nothing written, and the next one begins anew.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from django.contrib.auth.models import User
from django.core.files import File

from integrations.database.transactions import transaction_required
from integrations.files.shape import ImportRefused
from integrations.models import ImportFilePart, ImportReport, IntegrationInstance, Job
from integrations.services.audit import Actor, Batch
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.parts import put_together
from integrations.services.imports.reports import (
    NOBODY_ASKS,
    ImportOptions,
    Report,
    open_report,
    store_report,
)
from integrations.services.jobs.run import JobCancelled, JobRun

FOREGROUND_LIMIT_BYTES = 500_000  # bytes; a page can wait for smaller files
PART = 1_000_000  # bytes
NOTHING_WRITTEN = "Nothing was written."


@transaction_required
def enqueue_upload(
    kind: ImportReport.Kind,
    file: File[bytes],
    actor: Actor,
    user: User,
    options: ImportOptions,
    instance: IntegrationInstance | None,
) -> Job:
    """Keep the file with a job for it and a report that the job will fill."""
    job = Job.objects.create(
        kind=Job.Kind.IMPORT_FILE,
        instance=instance,
        created_by=user,
        started_by=user.get_username(),
        options={**options.to_json(), "kind": kind.value},
    )
    lines = 0
    for number, piece in enumerate(file.chunks(PART)):
        lines += piece.count(b"\n")
        ImportFilePart.objects.create(job=job, number=number, content=zlib.compress(piece))
    Job.objects.filter(pk=job.pk).update(total=lines)
    open_report(job, kind, actor, file_name=options.file_name)
    return job


def import_file(run: JobRun) -> ImportReport:
    """Do the job. Raises JobCancelled, JobLost; then nothing was written."""
    kept = ImportReport.objects.select_related("instance").get(key=run.job.key)
    if kept.verdict != ImportReport.Verdict.RUNNING:
        return kept  # done by a worker that was killed before it could say so
    try:
        with put_together(run.job.file_parts.all()) as stream:
            user = run.job.asker
            if user is None:
                kept.end(ImportReport.Verdict.STOPPED, f"{NOBODY_ASKS} {NOTHING_WRITTEN}")
            else:
                _import(run, kept, Actor(kept.actor_name, kept.origin, user), stream)
    except ImportRefused as error:
        kept.end(ImportReport.Verdict.REFUSED, f"{error} {NOTHING_WRITTEN}")
    except JobCancelled:
        kept.end(ImportReport.Verdict.STOPPED, f"Cancelled. {NOTHING_WRITTEN}")
        run.job.file_parts.all().delete()
        run.finish(Job.State.CANCELLED, message=kept.sentence)
        raise
    run.job.file_parts.all().delete()
    return kept


def _import(run: JobRun, kept: ImportReport, actor: Actor, stream: BinaryIO) -> None:
    wanted = ImportOptions.from_json(run.job.options)
    lines = run.job.total or 0

    def tell(done: int, _: None) -> None:
        run.report_progress(done, max(done, lines), "Checking rows")

    read: Callable[..., Report] = partial(import_organizations, Batch(actor), stream)
    if kept.kind == ImportReport.Kind.MAPPINGS:
        read = partial(import_mappings, Batch(actor), stream, instance=kept.instance)
    checked = read(options=replace(wanted, dry_run=True), keep=lambda report: None, progress=tell)
    rows, keep = len(checked.rows), partial(store_report, into=kept, before_commit=run.assert_held)
    if wanted.dry_run or (checked.failed and not wanted.keep_good):
        checked.options = wanted
        run.report_progress(rows, rows)
        keep(checked)
        return
    del checked  # its rows are not needed while those of the second time come in
    stream.seek(0)
    run.report_progress(0, rows, "Writing rows")
    read(options=wanted, keep=keep, progress=lambda done, _: run.note_progress(done))
