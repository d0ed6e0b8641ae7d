"""The pieces in which a file lies in the database, put together again."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from integrations.models import ImportDraftPart, ImportFilePart, ImportSourcePart


@contextmanager
def put_together(
    parts: QuerySet[ImportDraftPart] | QuerySet[ImportFilePart] | QuerySet[ImportSourcePart],
) -> Iterator[BinaryIO]:
    """The file on this machine, from its beginning; gone afterwards. One piece is in memory at a time."""
    with tempfile.TemporaryFile() as spool:
        for part in parts.order_by("number").iterator(chunk_size=1):
            spool.write(zlib.decompress(bytes(part.content)))
        spool.seek(0)
        yield cast("BinaryIO", spool)
