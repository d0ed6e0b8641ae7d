"""A file that somebody has uploaded; the next one is uploaded in its place."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from integrations.models import ImportSource
from integrations.services.imports.parts import put_together
from integrations.services.imports.sources.base import SourceFailed, SourceFile


class KeptFile:
    """The file as it lies in the database."""

    label: ClassVar[str] = "An uploaded file"

    def __init__(self, saved: ImportSource) -> None:
        self._saved = saved

    @contextmanager
    def open(self) -> Iterator[SourceFile]:
        """Put it together on this machine. Raises SourceFailed where nothing was uploaded."""
        with put_together(self._saved.parts.all()) as stream:
            if not stream.seek(0, io.SEEK_END):
                raise SourceFailed("No file was uploaded yet. Upload one.")
            stream.seek(0)
            yield SourceFile(stream, self._saved.file_name)
