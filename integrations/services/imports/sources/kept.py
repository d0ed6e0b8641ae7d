"""A file that somebody has uploaded; the next one is uploaded in its place."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, ClassVar, cast

from integrations.models import ImportSource
from integrations.services.imports.sources.base import SourceFailed, SourceFile


class KeptFile:
    """The file as it lies in the database."""

    label: ClassVar[str] = "An uploaded file"

    def __init__(self, saved: ImportSource) -> None:
        self._saved = saved

    @contextmanager
    def open(self) -> Iterator[SourceFile]:
        """Put it together on this machine. Raises SourceFailed where nothing was uploaded."""
        parts = self._saved.parts.order_by("number")
        with tempfile.TemporaryFile() as spool:
            for part in parts.iterator(chunk_size=1):
                spool.write(zlib.decompress(bytes(part.content)))
            if not spool.tell():
                raise SourceFailed("No file was uploaded yet. Upload one.")
            spool.seek(0)
            yield SourceFile(cast("BinaryIO", spool), self._saved.file_name)
