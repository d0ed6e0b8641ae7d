"""Pairs of records under comparison: what is still open of each, and the values found so far."""

from dataclasses import dataclass

import numpy as np

from integrations.matching.alignment import Alignment, any_of
from integrations.matching.candidates import Longs
from integrations.matching.evidence import Counts
from integrations.matching.tables import Table
from integrations.matching.vocabulary import Flags, Ids, Reals, Vocabulary


def all_of(flags: Flags) -> Flags:
    """Rows (P, W) with every flag set."""
    result: Flags = np.logical_not(any_of(np.logical_not(flags)))
    return result


def among(words: Ids, pool: Ids) -> Flags:
    """For each word (P, W) whether it is in its row's pool (P, C)."""
    hits = np.zeros(words.shape, bool)
    for column in range(pool.shape[1]):
        hits |= words == pool[:, column, None]
    hits &= words >= 0
    return hits


@dataclass(slots=True)
class Pairs:
    """P pairs of records under comparison: their chosen forms, the alignment, and what is still open."""

    left: Table
    rows: Longs
    left_form: Longs
    right: Table
    columns: Longs
    right_form: Longs
    vocabulary: Vocabulary
    counts: Counts
    alignment: Alignment
    additions_conflict: Flags
    left_open: Flags
    right_open: Flags
    total: Reals
    values: dict[str, Reals]

    def any_open(self, kind: Flags) -> tuple[Flags, Flags]:
        """Pairs of which the left, or the right, has an open word of that kind (by word id)."""
        left: Flags = any_of(self.left_open & kind[self.alignment.left])
        right: Flags = any_of(self.right_open & kind[self.alignment.right])
        return left, right

    def explain(self, left: Flags, right: Flags) -> None:
        """Take words out of what is open, because something explains them."""
        a = self.alignment
        self.left_open &= ~left
        self.right_open &= ~right
        weight = (a.left_weight * left).sum(1) + (a.right_weight * right).sum(1)
        self.total = np.maximum(self.total - weight, 1e-9)
