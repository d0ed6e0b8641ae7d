"""Making, changing and deleting saved sources; nothing that came from one is touched."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from integrations.models import ImportReport, ImportSource, IntegrationInstance
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change, State
from integrations.services.saved_sources.kept_file import keep_parts


@dataclass(frozen=True)
class SourceSpec:
    """What a person wants of a source. ``url`` "" keeps the address that is stored; a ``file`` has none.

    ``profile`` is the tool that the file is from, "" to find out.
    """

    name: str
    kind: ImportReport.Kind
    instance: IntegrationInstance | None = None
    url: str = field(default="", repr=False)
    profile: str = ""
    refresh_every_hours: int = 0


def create_source(batch: Batch, spec: SourceSpec, file: File[bytes] | None = None) -> ImportSource:
    """Keep a source with its address, or with a file; it was not looked at yet. Audited."""
    with transaction.atomic():
        source = ImportSource(kind=spec.kind, instance=spec.instance, created_by=batch.actor.account)
        source.type = "kept" if file else "web"
        _apply(source, spec)
        source.save()
        if file:
            source.file_name = (file.name or "")[:200]
            source.save(update_fields=["file_name"])
            keep_parts(source, file)
        batch.record([source_event(Action.SOURCE_ADDED, source, None, source.snapshot())])
    return source


def change_source(batch: Batch, source: ImportSource, spec: SourceSpec) -> bool:
    """Change name, address, tool or schedule; False when nothing differs. Audited."""
    with transaction.atomic():
        source = ImportSource.objects.select_for_update(of=("self",)).get(pk=source.pk)
        before, reading = source.snapshot(), source.reading
        _apply(source, spec)
        moved = bool(spec.url)
        if source.snapshot() == before and source.reading == reading and not moved:
            return False
        source.save()
        after = source.snapshot() | ({"address": "entered anew"} if moved else {})
        batch.record([source_event(Action.SOURCE_CHANGED, source, before, after)])
    return True


def delete_source(batch: Batch, source: ImportSource) -> None:
    """Forget the source with its file and what was found. What was imported from it stays. Audited."""
    with transaction.atomic():
        batch.record([source_event(Action.SOURCE_DELETED, source, source.snapshot(), None)])
        source.delete()


def _apply(source: ImportSource, spec: SourceSpec) -> None:
    source.name = spec.name
    if spec.url and source.type == "web":
        source.move_to(spec.url)
    reading = {name: value for name, value in source.reading.items() if name != "profile"}
    source.reading = reading | ({"profile": spec.profile} if spec.profile else {})
    hours = spec.refresh_every_hours if source.type == "web" else 0
    if hours != source.refresh_every_hours or (hours and source.next_refresh_at is None):
        source.next_refresh_at = timezone.now() + dt.timedelta(hours=hours) if hours else None
    source.refresh_every_hours = hours


def source_event(action: Action, source: ImportSource, before: State, after: State) -> Change:
    """The event that tells what was done to a source."""
    return Change(action, "source", str(source.pk), source.name, before, after, source.instance)
