"""The words by which a file says who is active, and how each is understood; it can be said otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from integrations.services.imports.cells import ACTIVE, INACTIVE, CellReader
from integrations.services.imports.columns import STATUS_FIELDS, ColumnPlan


@dataclass(frozen=True)
class StatusWord:
    """A value of a column that says who is active; ``found`` is "active", "inactive" or, not known, ""."""

    column: str
    word: str
    found: str


def status_words(plan: ColumnPlan) -> list[StatusWord]:
    """Each value once that the columns show, of those that say who is active or are asked about."""
    asked = {
        name: question.field
        for question in plan.questions
        if question.field in STATUS_FIELDS
        for name in question.columns
    }
    return list(_words(plan, asked))


def _words(plan: ColumnPlan, asked: dict[str, str]) -> Iterator[StatusWord]:
    reader, seen = CellReader(), set()
    for column in plan.columns:
        field = column.field if column.field in STATUS_FIELDS else asked.get(column.name, "")
        for word in column.samples if field else ():
            if word not in seen:
                seen.add(word)
                is_active = reader.meaning_of(field, word)
                found = "" if is_active is None else ACTIVE if is_active else INACTIVE
                yield StatusWord(column.name, word, found)
