"""Looking at a saved source anew: by hand or by schedule. Nothing is imported or deleted by itself.

The file is fetched outside of any transaction; then one short transaction keeps it, with what changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import BinaryIO, cast

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.files.shape import ImportRefused
from integrations.models import ImportDraft, ImportReport, ImportSource, ImportSourceRun, Job
from integrations.models.audit import Action
from integrations.models.bases import known_time
from integrations.services.audit import Actor, Batch
from integrations.services.drafts.keep import keep_draft
from integrations.services.imports.reports import Reading
from integrations.services.imports.sources import KeptFile, SourceFailed, source_of
from integrations.services.jobs.run import JobRun
from integrations.services.saved_sources.changes import (
    Entries,
    FileChanges,
    changes_between,
    packed,
    read_entries,
    unpacked,
)
from integrations.services.saved_sources.edit import source_event
from integrations.services.saved_sources.kept_file import keep_parts

RUNS_KEPT = 50  # of one source
SCHEDULE = "schedule"


@transaction_required
def open_refresh(source: ImportSource, user: User | None, origin: str = "") -> tuple[Job, bool]:
    """The open refresh of the source, and whether it was made now. ``origin`` says what started it."""
    # The row's lock lets one at a time look whether there is one.
    ImportSource.objects.select_for_update(of=("self",)).get(pk=source.pk)
    standing = Job.objects.open().filter(kind=Job.Kind.REFRESH_SOURCE, options__source=source.pk).first()
    if standing is not None:
        return standing, False
    options = {"source": source.pk, "file_name": source.name, "kind": source.kind}
    job = Job.objects.create(
        kind=Job.Kind.REFRESH_SOURCE,
        created_by=user,
        started_by=user.get_username() if user else origin,
        options=options,
    )
    return job, True


def start_due_sources(now: dt.datetime, start: Callable[[ImportSource], object]) -> int:
    """Call ``start`` for each source whose time has come and that no other worker took; returns how many."""
    started = 0
    planned = ImportSource.objects.filter(refresh_every_hours__gt=0).exclude(next_refresh_at=None)
    for source in planned.defer("entries").order_by("next_refresh_at"):
        interval = dt.timedelta(hours=source.refresh_every_hours)
        following = now + interval
        # What lies further ahead than its interval was planned by a clock that was wrong.
        at = source.next_refresh_at
        if at and at > now and known_time(at - interval, now):
            continue
        same = ImportSource.objects.filter(pk=source.pk, next_refresh_at=source.next_refresh_at)
        with transaction.atomic():
            if same.update(next_refresh_at=following):
                start(source)
                started += 1
    return started


def refresh_source(run: JobRun) -> str:
    """Do the job; what was found, in words. Raises SourceFailed when the file cannot be had or read."""
    source = ImportSource.objects.select_related("instance").filter(pk=run.job.options["source"]).first()
    if source is None:
        raise SourceFailed("The source was deleted.")
    user = run.job.created_by
    if user is not None and not source.is_for(user):
        raise SourceFailed("While it waited, the account that asked lost the right to it.")
    actor = (
        Actor.person(user, "background job") if user else Actor(run.job.starter or SCHEDULE, "saved source")
    )
    run.report_progress(0, None, "Fetching the file")
    return _look(source, actor, before_commit=run.assert_held)


def replace_file(source: ImportSource, actor: Actor, file: File[bytes]) -> str:
    """Put the next uploaded file in the place of the last one, and look at it. Raises SourceFailed."""
    kind, reading = ImportReport.Kind(source.kind), Reading.from_json(source.reading)
    file.seek(0)
    try:
        entries = read_entries(cast("BinaryIO", file.file), kind, reading)
    except ImportRefused as error:
        raise SourceFailed(f"{error} The file before it was kept.") from error
    file.seek(0)
    return _keep(source, actor, entries, file, (file.name or "")[:200], lambda: None)


def _look(source: ImportSource, actor: Actor, *, before_commit: Callable[[], object]) -> str:
    reading, kind = Reading.from_json(source.reading), ImportReport.Kind(source.kind)
    try:
        with source_of(source).open() as found:
            entries = read_entries(found.stream, kind, reading)
            found.stream.seek(0)
            file = File(found.stream, found.name) if source.type != "kept" else None
            return _keep(source, actor, entries, file, found.name, before_commit)
    except (SourceFailed, ImportRefused) as error:
        with transaction.atomic():
            before_commit()
            _tell(source, actor, error=str(error))
            same = ImportSource.objects.filter(pk=source.pk)
            since = source.failing_since or timezone.now()
            same.update(last_error=str(error), failing_since=since)
        raise SourceFailed(str(error)) from error


def _keep(
    source: ImportSource,
    actor: Actor,
    entries: Entries,
    file: File[bytes] | None,
    name: str,
    before_commit: Callable[[], object],
) -> str:
    """Keep the file and what it holds, with the differences to the last time."""
    with transaction.atomic():
        before_commit()
        source = ImportSource.objects.select_for_update(of=("self",)).get(pk=source.pk)
        before = unpacked(source.entries)
        changes = changes_between(before, entries)
        if file is not None:
            keep_parts(source, file)
        source.entries, source.file_name = packed(entries), name or source.file_name
        source.last_refreshed_at, source.last_error, source.failing_since = timezone.now(), "", None
        source.save(
            update_fields=["entries", "file_name", "last_refreshed_at", "last_error", "failing_since"]
        )
        run = _tell(source, actor, rows=len(entries), changes=changes, is_first=not before)
        if changes.count:
            told = {"rows": run.rows, "new": run.new, "renamed": run.renamed, "left": run.left}
            Batch(actor).record([source_event(Action.SOURCE_REFRESHED, source, None, told)])
    return run_sentence(run)


def _tell(
    source: ImportSource,
    actor: Actor,
    *,
    rows: int = 0,
    changes: FileChanges | None = None,
    is_first: bool = False,
    error: str = "",
) -> ImportSourceRun:
    """Note the refresh; of many the oldest are forgotten."""
    run = ImportSourceRun(
        source=source,
        actor=actor.account,
        actor_name=actor.name[:200],
        rows=rows,
        is_first=is_first and not error,
        error=error,
    )
    if changes is not None and not is_first:
        run.new, run.renamed, run.left = len(changes.new), len(changes.renamed), len(changes.left)
        run.changes = changes.to_json()
    run.save()
    old = list(source.runs.order_by("-pk").values_list("pk", flat=True)[RUNS_KEPT:])
    ImportSourceRun.objects.filter(pk__in=old).delete()
    return run


def run_sentence(run: ImportSourceRun) -> str:
    """What a refresh found, in words."""
    if run.is_first:
        return f"{run.rows:,} rows. It is the first look; the next one shows what changed."
    if not (run.new or run.renamed or run.left):
        return f"{run.rows:,} rows. Nothing changed since the last time."
    return (
        f"{run.rows:,} rows: {run.new:,} new, {run.renamed:,} renamed, {run.left:,} left since the last time."
    )


def draft_of_source(user: User, source: ImportSource) -> ImportDraft:
    """The file as the last refresh found it, on its way in for this person. Raises SourceFailed."""
    with KeptFile(source).open() as found:
        file = File(found.stream, source.file_name or source.name)
        return keep_draft(user, ImportReport.Kind(source.kind), file, source.instance, source=source)
