"""Where files come from again and again: a Protocol, and the types of source that there are."""

from collections.abc import Mapping

from integrations.models import ImportSource
from integrations.services.imports.sources.base import Source, SourceFailed, SourceFile
from integrations.services.imports.sources.kept import KeptFile
from integrations.services.imports.sources.web import WebFile, check_source_url

TYPES: Mapping[str, type[Source]] = {"web": WebFile, "kept": KeptFile}

__all__ = [
    "TYPES", "KeptFile", "Source", "SourceFailed", "SourceFile", "WebFile", "check_source_url", "source_of",
]  # fmt: skip


def source_of(saved: ImportSource) -> Source:
    """The source that a saved one names. Raises SourceFailed for a type that is not there (any more)."""
    if saved.type not in TYPES:
        raise SourceFailed(f"The portal has no sources of the type “{saved.type}”. Delete this one.")
    return TYPES[saved.type](saved)
