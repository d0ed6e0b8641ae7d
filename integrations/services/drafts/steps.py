"""The steps of a file on its way in; each keeps what was chosen, so that the next request finds it.

Whatever is changed voids the check: what is imported is what was looked at.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

from django.contrib.auth.models import User
from django.core.files import File

from integrations.files.shape import ImportRefused, Shape
from integrations.models import ImportDraft, ImportReport, ImportSource, IntegrationInstance, Job
from integrations.services.audit import Actor, Batch
from integrations.services.drafts.keep import keep_draft
from integrations.services.drafts.remembered import recall_reading, remember_reading
from integrations.services.imports.background import FOREGROUND_LIMIT_BYTES
from integrations.services.imports.columns import KNOWN
from integrations.services.imports.descriptions import FileDescription, describe_file
from integrations.services.imports.duplicates import OTHER, SAME
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.parts import put_together
from integrations.services.imports.reports import ImportOptions, Reading, Report

# Stores the file with a job that a worker does; the door's, as services wake no worker.
Enqueue = Callable[
    [ImportReport.Kind, File[bytes], Actor, User, ImportOptions, IntegrationInstance | None], Job
]
WORKBOOK_SWELLS = 5  # how many times larger than text the rows of a workbook are that is as long


class NotAsSeen(Exception):
    """The file was read otherwise since somebody looked, or its import has been started."""


@dataclass(frozen=True)
class DraftStep:
    """A draft, and its file as it is read now; ``refused`` says why nothing can be described."""

    draft: ImportDraft
    reading: Reading
    description: FileDescription | None
    refused: str = ""


def describe_draft(draft: ImportDraft, reading: Reading | None = None) -> DraftStep:
    """Look at the file under what was chosen about it, or under another reading."""
    reading = Reading.from_json(draft.reading) if reading is None else reading
    try:
        with put_together(draft.parts.all()) as stream:
            return DraftStep(draft, reading, describe_file(stream, ImportReport.Kind(draft.kind), reading))
    except ImportRefused as error:
        return DraftStep(draft, reading, None, str(error))


def open_draft(
    user: User, kind: ImportReport.Kind, file: File[bytes], instance: IntegrationInstance | None = None
) -> ImportDraft:
    """Keep the file for this person, and take over how they had such a file read the last time."""
    draft = keep_draft(user, kind, file, instance)
    _recall(user, draft)
    return draft


def _recall(user: User, draft: ImportDraft) -> None:
    step = describe_draft(draft)
    if step.description is None:
        return
    names = [column.name for column in step.description.plan.columns]
    remembered = recall_reading(user, ImportReport.Kind(draft.kind), names)
    if remembered is None:
        return
    if describe_draft(draft, Reading.from_json(remembered.reading)).description is None:
        return  # laid out otherwise than the last one
    draft.reading, draft.remembered_at = remembered.reading, remembered.used_at
    draft.save(update_fields=["reading", "remembered_at"])


def start_anew(draft: ImportDraft) -> None:
    """Forget what was chosen about the file, and what is remembered is not taken over."""
    _change(draft, Reading(), remembered_at=None)


def change_shape(draft: ImportDraft, shape: Shape) -> None:
    """Read the file laid out so; columns chosen before stay as far as the file still has them."""
    reading = Reading.from_json(draft.reading)
    changed = replace(reading, shape=shape)
    step = describe_draft(draft, replace(changed, columns={}))
    if step.description is not None:
        names = {column.name for column in step.description.plan.columns}
        kept = {name: field for name, field in reading.columns.items() if name in names}
        changed = replace(changed, columns=kept)
    _change(draft, changed, remembered_at=draft.remembered_at)


def change_columns(
    draft: ImportDraft,
    profile: str,
    columns: Mapping[str, str],
    meanings: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> DraftStep:
    """Keep what the columns are; what is proposed anyway is not kept as chosen, but for what was asked.

    ``meanings`` say of words in a status that they mean "active" or "inactive".
    """
    reading = replace(Reading.from_json(draft.reading), profile=profile, columns={}, meanings=meanings)
    proposed = describe_draft(draft, reading).description
    if proposed is not None:
        plan = proposed.plan
        asked = {name for question in plan.questions for name in question.columns}
        by_ids = {column.name for column in plan.columns if column.why == KNOWN}
        taken = Counter(columns.values())
        fields = {column.name: column.field for column in plan.columns}
        chosen = {
            name: field
            for name, field in columns.items()
            # A field that is taken twice is a question, whether one of the two was proposed or both chosen.
            # What rests on the organizations of now is kept: others may be there when the file is imported.
            if name in fields
            and (field != fields[name] or name in asked | by_ids or (field and taken[field] > 1))
        }
        reading = replace(reading, columns=chosen)
    draft.overwrite = overwrite
    _change(draft, reading, remembered_at=draft.remembered_at)
    return describe_draft(draft)


def _change(draft: ImportDraft, reading: Reading, *, remembered_at: dt.datetime | None) -> None:
    draft.reading, draft.checked = reading.to_json(), None
    draft.decisions, draft.duplicates = {}, []
    draft.remembered_at = remembered_at
    draft.save(update_fields=["reading", "checked", "decisions", "duplicates", "remembered_at", "overwrite"])


def check_draft(draft: ImportDraft, actor: Actor, user: User, enqueue: Enqueue) -> None:
    """Find out what the import would do; a large file is checked in the background, and its report fills.

    Raises ImportRefused.
    """
    draft.checked = _run(draft, actor, user, _options(draft, dry_run=True), enqueue)
    draft.save(update_fields=["checked"])


def possible_duplicates(draft: ImportDraft, report: ImportReport | None) -> list[dict[str, Any]]:
    """The pairs that nobody has decided, then those that somebody has; as a report keeps them."""
    undecided = list(report.pairs) if report else []
    open_lines = {each["line"] for each in undecided}
    return undecided + [each for each in draft.duplicates if each["line"] not in open_lines]


def decide_duplicates(draft: ImportDraft, answers: Mapping[str, str]) -> None:
    """Keep what a person said of possible duplicates, by line; to be checked anew."""
    report = ImportReport.objects.filter(key=draft.checked).first() if draft.checked else None
    known = {str(each["line"]): each for each in possible_duplicates(draft, report)}
    draft.decisions = {
        line: answer for line, answer in answers.items() if line in known and answer in {SAME, OTHER}
    }
    draft.duplicates = [known[line] for line in draft.decisions]
    draft.save(update_fields=["decisions", "duplicates"])


def import_draft(
    draft: ImportDraft, actor: Actor, user: User, enqueue: Enqueue, *, keep_good: bool
) -> ImportReport:
    """Import the rows; the draft is done with, unless nothing could be written. Returns the report.

    How the file was read is remembered for the next one. Raises ImportRefused, and NotAsSeen where the check
    that ``draft`` holds is not the last one: a second press of the button, or another tab.
    """
    if not ImportDraft.objects.filter(pk=draft.pk, checked=draft.checked).update(checked=None):
        raise NotAsSeen
    step = describe_draft(draft)
    if step.description is None:
        raise ImportRefused(step.refused)
    options = replace(_options(draft, dry_run=False), keep_good=keep_good)
    report = ImportReport.objects.get(key=_run(draft, actor, user, options, enqueue))
    plan = step.description.plan
    chosen = {column.name: column.field for column in plan.columns}
    reading = replace(step.reading, profile=plan.profile, columns=chosen)
    if draft.source_id:
        ImportSource.objects.filter(pk=draft.source_id).update(reading=reading.to_json())
    remember_reading(user, plan.kind, list(chosen), reading, draft.file_name)
    if report.verdict != ImportReport.Verdict.REFUSED:
        draft.delete()
    else:
        ImportDraft.objects.filter(pk=draft.pk, checked=None).update(checked=draft.checked)
    return report


def _options(draft: ImportDraft, *, dry_run: bool) -> ImportOptions:
    return ImportOptions(
        dry_run=dry_run,
        keep_good=True,
        overwrite=draft.overwrite,
        file_name=draft.file_name,
        reading=Reading.from_json(draft.reading),
        decisions=draft.decisions,
    )


def _run(draft: ImportDraft, actor: Actor, user: User, options: ImportOptions, enqueue: Enqueue) -> uuid.UUID:
    """Import or check the file, now or by a worker; returns the key of the report."""
    kind = ImportReport.Kind(draft.kind)
    with put_together(draft.parts.all()) as stream:
        if _is_large(draft, stream):
            return enqueue(kind, File(stream, draft.file_name), actor, user, options, draft.instance).key
        work: Callable[..., Report] = import_organizations
        if kind is ImportReport.Kind.MAPPINGS:
            work = partial(import_mappings, instance=draft.instance)
        return work(Batch(actor), stream, options=options).key


def _is_large(draft: ImportDraft, stream: BinaryIO) -> bool:
    """Whether a page should not wait for it; a workbook is packed, its first bytes are not those of text."""
    packed = stream.read(4) in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"}
    stream.seek(0)
    return draft.size * (WORKBOOK_SWELLS if packed else 1) > FOREGROUND_LIMIT_BYTES
