"""The seam: what the portal asks of a source. A product's API can be one, giving its list as JSON."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Protocol

from integrations.models import ImportSource


class SourceFailed(Exception):
    """The file could not be had. The text is for people: what happened and what to do next, no secret."""


@dataclass(frozen=True)
class SourceFile:
    """A file as a source gives it: a seekable stream that the source closes, and what it is called."""

    stream: BinaryIO
    name: str


class Source(Protocol):
    """One type of source; made for a saved one. ``label`` is its type in words."""

    label: ClassVar[str]

    def __init__(self, saved: ImportSource) -> None: ...

    def open(self) -> AbstractContextManager[SourceFile]:
        """Get the file as it is now; never called within a transaction. Raises SourceFailed."""
        ...
