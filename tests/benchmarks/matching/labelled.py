"""Read labelled sets: organizations, companies and which of them are the same.

A set is a folder with ``left.csv`` (organizations), ``right.csv`` (companies) and ``truth.csv``
(left_id,right_id). The column ``known`` is 0 where it is not known whether an organization has a counterpart,
``cls`` names the kind of case (``ambiguous``: nobody could tell), ``rep`` the tenant of a set of several.
"""

import csv
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching.preparation import Prepared, company_record, organization_record, prepare
from integrations.matching.records import Company, Organization
from integrations.matching.rules import Judged, judge
from integrations.matching.view import View
from tests.benchmarks.matching.hard_cases import hard_sets

DATA = Path(__file__).resolve().parents[4] / "shared" / "matching" / "data"
FOLDS = 5
#: The name of the set that is invented here, not read.
HARD = "hard"

Row = dict[str, str]


@dataclass(slots=True)
class Tenant:
    """One tenant of one set, prepared: P candidate pairs of N organizations."""

    name: str
    organizations: list[Row]
    companies: list[Row]
    prepared: Prepared
    judged: Judged
    truth: dict[str, set[str]]
    same: npt.NDArray[np.bool_]  # (P) the pair is labelled the same
    ambiguous: npt.NDArray[np.bool_]  # (N)
    has: npt.NDArray[np.bool_]  # (N) has a counterpart
    known: npt.NDArray[np.bool_]  # (N)
    fold: npt.NDArray[np.int64]  # (N) part for cross-validation


def rows_of(path: Path) -> list[Row]:
    """The rows of one CSV."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def organization_of(row: Row) -> Organization:
    """An organization from a row of a labelled set."""
    return Organization(
        row["id"], row["name"], row["web"], row["phone"], row["city"], row["state"], row["postcode"]
    )


def company_of(row: Row) -> Company:
    """A company from a row of a labelled set."""
    return Company(
        row["id"], row["name"], row["web"], row["phone"], row["city"], row["state"], row["postcode"]
    )


def lists_of(folder: Path) -> Iterator[tuple[list[Row], list[Row], dict[str, set[str]]]]:
    """The tenants of one set as rows: organizations, companies, truth."""
    left, right = rows_of(folder / "left.csv"), rows_of(folder / "right.csv")
    truth: dict[str, set[str]] = {}
    for row in rows_of(folder / "truth.csv"):
        truth.setdefault(row["left_id"], set()).add(row["right_id"])
    tenants = sorted({row.get("rep", "") for row in left})
    for tenant in tenants:
        several = len(tenants) > 1
        yield (
            [row for row in left if not several or row["rep"] == tenant],
            [row for row in right if not several or row["rep"] == tenant],
            truth,
        )


def tenant_of(name: str, left: list[Row], right: list[Row], truth: dict[str, set[str]]) -> Tenant:
    """Prepare one tenant: candidates and features, labels, folds. Marked companies are left out as in use."""
    ours = sorted(left, key=lambda row: row["id"])
    theirs = sorted(right, key=lambda row: row["id"])
    records = [company_record(company_of(row)) for row in theirs]
    offered = [position for position, record in enumerate(records) if not record.name.is_marked_inactive]
    theirs = [theirs[position] for position in offered]
    prepared = prepare(
        [organization_record(organization_of(row)) for row in ours],
        [records[position] for position in offered],
    )
    pairs = zip(prepared.rows.tolist(), prepared.columns.tolist(), strict=True)
    return Tenant(
        name=name,
        organizations=ours,
        companies=theirs,
        prepared=prepared,
        judged=judge(View(prepared.features)),
        truth=truth,
        same=np.array([theirs[j]["id"] in truth.get(ours[i]["id"], ()) for i, j in pairs], bool),
        ambiguous=np.array([row.get("cls") == "ambiguous" for row in ours]),
        has=np.array([row["id"] in truth for row in ours]),
        known=np.array([row.get("known", "1") == "1" or row["id"] in truth for row in ours]),
        fold=np.array([zlib.crc32((name + row["id"] + row["name"]).encode()) % FOLDS for row in ours]),
    )


def load(names: list[str], data: Path = DATA) -> list[Tenant]:
    """All tenants of the named sets."""
    return [
        tenant_of(name, *lists)
        for name in names
        for lists in (hard_sets() if name == HARD else lists_of(data / name))
    ]
