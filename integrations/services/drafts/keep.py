"""Keeping an uploaded file while somebody looks at it: in the database, so that any machine finds it."""

from __future__ import annotations

import datetime as dt
import zlib

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from integrations.models import ImportDraft, ImportDraftPart, ImportReport, ImportSource, IntegrationInstance

PART = 1_000_000  # bytes
FILES_KEPT = 5  # of one person
BYTES_KEPT = 100_000_000  # of one person, before they are compressed
DAYS_KEPT = 2


def keep_draft(
    user: User,
    kind: ImportReport.Kind,
    file: File[bytes],
    instance: IntegrationInstance | None = None,
    *,
    source: ImportSource | None = None,
) -> ImportDraft:
    """Keep the file for this person. Their oldest ones go where it would be too many or too much.

    One of a saved source is read as the source says.
    """
    with transaction.atomic():
        draft = ImportDraft.objects.create(
            owner=user,
            kind=kind,
            instance=instance,
            source=source,
            reading=source.reading if source else {},
            file_name=(file.name or "")[:200],
        )
        for number, piece in enumerate(file.chunks(PART)):
            draft.size += len(piece)
            ImportDraftPart.objects.create(draft=draft, number=number, content=zlib.compress(piece))
        draft.save(update_fields=["size"])
        total = 0
        for count, each in enumerate(ImportDraft.objects.filter(owner=user).order_by("-pk"), start=1):
            total += each.size
            if each != draft and (count > FILES_KEPT or total > BYTES_KEPT):
                each.delete()
    return draft


def discard_draft(draft: ImportDraft) -> None:
    """Forget the file. Nothing of it was imported."""
    draft.delete()


def forget_drafts() -> int:
    """Delete the files that nobody has imported for days; returns how many."""
    before = timezone.now() - dt.timedelta(days=DAYS_KEPT)
    return ImportDraft.objects.filter(made_at__lt=before).delete()[1].get("integrations.ImportDraft", 0)
