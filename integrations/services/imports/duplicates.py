"""Rows of a file that may be a customer who is there already, or who stands above them in the file.

Only rows that would make a new organization are looked at: what ids tell is told. Names are compared as the
matcher compares them, without regard to legal forms and short forms; its confidence says how alike two are
with all that is known of them. A person decides for each pair: the same, or another. Until then a row is
taken for another one, as its id says, and the pair is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from integrations import matching
from integrations.models import Organization
from integrations.models.mappings import in_percent

SAME, OTHER, ASK = "same", "other", "ask"
DECISIONS = (SAME, OTHER, ASK)
LEFT_OUT = ""
MOST_TOLD = 50  # pairs that are scored and listed; all are counted
VALUES = ("name", "domain", "phone", "city", "state", "postal_code")


@dataclass(frozen=True)
class Twin:
    """What a row may be the same as: an organization (its primary key), or a line above."""

    name: str
    organization: int = 0
    line: int = 0


@dataclass(frozen=True)
class Pair:
    """A row that may be the same as another; ``score`` is the matcher's confidence, from 0 to 1."""

    line: int
    name: str
    twin: Twin
    score: float

    def sentence(self) -> str:
        """For the report."""
        where = f"line {self.twin.line}" if self.twin.line else "what is there"
        return f"line {self.line} “{self.name}” and “{self.twin.name}” ({where}, {in_percent(self.score)})"

    def to_json(self) -> dict[str, Any]:
        """As a report keeps it."""
        return {
            "line": self.line,
            "name": self.name,
            "other": self.twin.name,
            "organization": self.twin.organization,
            "other_line": self.twin.line,
            "score": round(self.score, 4),
        }


class DuplicateFinder:
    """Knows the names of the organizations that there are, and of the new ones above; by their hashes.

    Short in memory, for files of a hundred thousand rows.
    """

    def __init__(self) -> None:
        self._there: dict[int, tuple[int, str]] | None = None
        self._above: dict[int, tuple[int, str]] = {}
        self._found: list[tuple[int, Mapping[str, Any], Twin]] = []
        self._scored: list[Pair] | None = None
        self.count = 0

    def look(self, line: int, values: Mapping[str, Any]) -> Twin | None:
        """What the new organization of this row may be the same as; the row is known from then on."""
        name = str(values["name"])
        key = _hashed(name)
        if not key:
            return None
        if self._there is None:
            self._there = _names()
        line_above, name_above = self._above.setdefault(key, (line, name))
        if there := self._there.get(key):
            return Twin(there[1], organization=there[0])
        if line_above != line:
            return Twin(name_above, line=line_above)
        return None

    def tell(self, line: int, values: Mapping[str, Any], twin: Twin) -> None:
        """Note a pair that nobody has decided about."""
        self.count += 1
        if len(self._found) < MOST_TOLD:
            self._found.append((line, dict(values), twin))

    def pairs(self) -> list[Pair]:
        """The pairs, the likeliest first."""
        if self._scored is not None and len(self._scored) == len(self._found):
            return self._scored
        there = Organization.objects.in_bulk([twin.organization for _, _, twin in self._found])
        pairs = []
        for line, values, twin in self._found:
            known = there.get(twin.organization)
            other = known.snapshot() if known else {"name": twin.name}
            pairs.append(Pair(line, str(values["name"]), twin, _score(values, other)))
        self._scored = sorted(pairs, key=lambda pair: (-pair.score, pair.line))
        return self._scored

    def told(self) -> str:
        """The pairs in words; "" for none."""
        pairs = self.pairs()
        if not pairs:
            return ""
        shown = "; ".join(pair.sentence() for pair in pairs[:5])
        more = f"; {self.count - 5:,} more" if self.count > 5 else ""
        return f"{shown}{more}. They are taken for others, until somebody says that they are the same"


def decided_organizations(decisions: Mapping[str, str]) -> dict[str, int]:
    """The organizations whose portal keys somebody named, by the key as it was written."""
    keys: dict[uuid.UUID, str] = {}
    for decision in decisions.values():
        if decision not in DECISIONS:
            with suppress(ValueError):
                keys[uuid.UUID(decision)] = decision
    found = Organization.objects.present().filter(key__in=list(keys)).values_list("key", "pk")
    return {keys[key]: pk for key, pk in found}


def _hashed(name: str) -> int:
    """Equal for names that the matcher takes for the same; 0 for one without letters and digits."""
    key = matching.name_key(name)
    return hash(key) if key else 0


def _names() -> dict[int, tuple[int, str]]:
    """The organizations that there are, by their names: the first of each."""
    found: dict[int, tuple[int, str]] = {}
    rows = Organization.objects.present().order_by("pk").values_list("pk", "name")
    for pk, name in rows.iterator(chunk_size=2_000):
        if key := _hashed(name):
            found.setdefault(key, (pk, name))
    return found


def _score(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """The matcher's confidence that two records of one list are one customer."""
    left, right = ([str(values.get(name) or "") for name in VALUES] for values in (ours, theirs))
    name, domain, phone, city, state, postal_code = right
    company = matching.Company("1", name, domain, phone, city, state, postal_code)
    [answer] = matching.suggest([matching.Organization("1", *left)], [company])
    return answer.confidence
