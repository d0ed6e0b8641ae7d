"""The file of a saved source, as it was last found."""

from __future__ import annotations

import zlib

from django.core.files import File

from integrations.database.transactions import transaction_required
from integrations.models import ImportSource, ImportSourcePart

PART = 1_000_000  # bytes


@transaction_required
def keep_parts(source: ImportSource, file: File[bytes]) -> None:
    """Keep the file in the place of the one before."""
    source.parts.all().delete()
    for number, piece in enumerate(file.chunks(PART)):
        ImportSourcePart.objects.create(source=source, number=number, content=zlib.compress(piece))
