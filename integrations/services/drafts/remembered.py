"""How files of the same columns were read the last time: remembered for a person, offered again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.utils import timezone

from integrations.files.column_words import header_key
from integrations.models import ImportReport, RememberedReading
from integrations.services.imports.reports import Reading

READINGS_KEPT = 100  # of one person


def file_shape(kind: ImportReport.Kind, columns: Sequence[str]) -> str:
    """The same for files of the same kind and columns, in whatever order and letter case."""
    keys = sorted(header_key(name) for name in columns)
    return hashlib.sha256("\n".join([kind, *keys]).encode()).hexdigest()


def remember_reading(
    user: User, kind: ImportReport.Kind, columns: Sequence[str], reading: Reading, file_name: str
) -> None:
    """Note how the file was read; of many the oldest are forgotten."""
    RememberedReading.objects.update_or_create(
        user=user,
        kind=kind,
        shape=file_shape(kind, columns),
        defaults={"reading": reading.to_json(), "file_name": file_name[:200], "used_at": timezone.now()},
    )
    own = RememberedReading.objects.filter(user=user)
    own.filter(pk__in=list(own.order_by("-used_at").values_list("pk", flat=True)[READINGS_KEPT:])).delete()


def recall_reading(user: User, kind: ImportReport.Kind, columns: Sequence[str]) -> RememberedReading | None:
    """What was remembered of such files; None where this person has imported none."""
    return RememberedReading.objects.filter(user=user, kind=kind, shape=file_shape(kind, columns)).first()
