"""What a file holds, and what changed in it since the last time: new, renamed, left."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from integrations.files.shape import SAMPLE, ImportRefused
from integrations.files.table import open_table
from integrations.files.text import clean_text, name_key
from integrations.models import ImportReport
from integrations.services.imports.columns import propose_columns
from integrations.services.imports.reports import Reading

CHANGES_KEPT = 200  # of each kind, by name
# By what a row is found again, the best first; without any of them by its name.
IDS = ("portal_key", "external_id", "source_id", "tenant_id", "autotask_company_id", "organization_id")
# What is said of it: for mappings, where it leads.
TOLD = {
    ImportReport.Kind.ORGANIZATIONS: ("name",),
    ImportReport.Kind.MAPPINGS: ("name", "organization_name", "company_id", "company_name"),
}
LONGEST = 200  # characters of what is kept of a row

Entries = dict[str, str]  # what each row says, by its id


@dataclass(frozen=True)
class FileChanges:
    """What differs between two looks at a file."""

    new: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    left: tuple[str, ...]

    @property
    def count(self) -> int:
        """How much differs."""
        return len(self.new) + len(self.renamed) + len(self.left)

    def to_json(self) -> dict[str, list[object]]:
        """As a run keeps it: the first of each kind."""
        return {
            "new": list(self.new[:CHANGES_KEPT]),
            "renamed": [list(pair) for pair in self.renamed[:CHANGES_KEPT]],
            "left": list(self.left[:CHANGES_KEPT]),
        }


def read_entries(stream: BinaryIO, kind: ImportReport.Kind, reading: Reading) -> Entries:
    """The rows of the file: what each says, by its id. Raises ImportRefused."""
    with open_table(stream, reading.shape) as table:
        sample = list(islice(table.rows, SAMPLE))
        plan = propose_columns(
            kind,
            table.columns,
            [row.cells for row in sample],
            profile=reading.profile,
            chosen=reading.columns,
            meanings=reading.meanings,
        )
        if plan.problems:
            raise ImportRefused(" ".join(plan.problems))
        places = {column.field: place for place, column in enumerate(plan.columns) if column.field}
        ids = [places[field] for field in IDS if field in places]
        told = [places[field] for field in TOLD[kind] if field in places]
        entries: Entries = {}
        for row in chain(sample, table.rows):
            text = clean_text(" → ".join(filter(None, (row.cells[place] for place in told))))[:LONGEST]
            found = next((row.cells[place].strip() for place in ids if row.cells[place].strip()), "")
            if found or text:
                named = next((row.cells[place] for place in told if row.cells[place].strip()), "")
                entries[f"id {found}" if found else f"name {name_key(named)}"] = text
    if not entries:
        raise ImportRefused("The file has no rows.")
    return entries


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> FileChanges:
    """What is new, said otherwise, or not there any more; in the order of the files."""
    return FileChanges(
        tuple(text for key, text in after.items() if key not in before),
        tuple((before[key], text) for key, text in after.items() if before.get(key, text) != text),
        tuple(text for key, text in before.items() if key not in after),
    )


def packed(entries: Mapping[str, str]) -> bytes:
    """As a source keeps them."""
    return zlib.compress(json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode())


def unpacked(content: bytes | memoryview | Iterable[int]) -> Entries:
    """The other way round; nothing where the source was never looked at."""
    raw = bytes(content)
    return dict(json.loads(zlib.decompress(raw))) if raw else {}
