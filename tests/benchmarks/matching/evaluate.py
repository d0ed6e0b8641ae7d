"""Measures over best candidates, the calibration table, and the figures on invented tenants no fit has seen.

.venv/bin/python tests/benchmarks/matching/evaluate.py
"""

import argparse
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching import Tier, suggest
from tests.benchmarks.matching.fit import (
    CALIBRATED_ON,
    GENERATED,
    SETS,
    Best,
    Flags,
    Ids,
    Reals,
    cross_validated,
    knots_from,
    ranked,
)
from tests.benchmarks.matching.labelled import DATA, FOLDS, Tenant, load
from tests.benchmarks.matching.synthetic import tenant

FEWEST_IN_A_DECILE = 100
MOST_ASTRAY = 0.02
UNSEEN_SEEDS = (101, 102, 103, 104)


@dataclass(frozen=True, slots=True)
class Measures:
    """Precision, recall, recall at 99 % precision, and the share of false suggestions."""

    precision: float
    recall: float
    recall_at_99: float
    false_share: float

    def __str__(self) -> str:
        figures = (self.precision, self.recall, self.recall_at_99, self.false_share)
        return " / ".join(f"{figure:.3f}" for figure in figures)


def measure(best: Best, threshold: float) -> Measures:
    """Measures when all best candidates from ``threshold`` on are suggested.

    A right guess where nobody could know is not counted.
    """
    counted = ~(best.has & best.ambiguous & best.right)
    matchable = max(int((best.has & ~best.ambiguous).sum()), 1)
    order = np.argsort(-best.score[counted], kind="stable")
    hits = np.cumsum(best.right[counted][order])
    enough = hits / np.arange(1, len(hits) + 1) >= 0.99
    shown = (best.score >= threshold) & counted
    right = int((shown & best.right).sum())
    without = ~best.has
    return Measures(
        right / max(int(shown.sum()), 1),
        right / matchable,
        float(hits[enough].max(initial=0)) / matchable,
        float((best.score >= threshold)[without].mean()) if without.any() else 0.0,
    )


@dataclass(slots=True)
class Judged:
    """Scores of pairs, whether each is right, and the fold of its organization."""

    score: Reals
    right: Flags
    fold: Ids


def judged(
    tenants: list[Tenant],
    scores: list[Reals],
    names: Collection[str],
    *,
    best_only: bool,
    untold: bool = True,
) -> Judged:
    """All pairs of the named sets, or each organization's best.

    A right guess where nobody could know is left out. Without ``untold`` so is all that such organizations
    have: of two twins nobody can tell, the wrong one alone says nothing about a confidence both share.
    """
    parts = []
    for one, score in zip(tenants, scores, strict=True):
        if one.name not in names:
            continue
        rows = one.prepared.rows
        ambiguous = one.ambiguous[rows]
        use = one.known[rows] & ~(one.same & ambiguous)
        if not untold:
            use &= ~ambiguous
        if best_only:
            best = np.zeros(len(rows), bool)
            best[ranked(rows, score)] = True
            use &= best
        parts.append((score[use], (one.same & ~ambiguous)[use], one.fold[rows][use]))
    return Judged(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def calibration_table(basis: Judged, shown: Judged) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right ones and number, by decile of confidence.

    The curve for every fifth of the organizations comes from the other four fifths of ``basis``.
    """
    confidence: Reals = np.zeros(len(shown.score))
    for fold in range(FOLDS):
        seen, held = basis.fold != fold, shown.fold == fold
        knots = np.array(knots_from(basis.score[seen], basis.right[seen].astype(float)))
        confidence[held] = np.interp(shown.score[held], knots[:, 0], knots[:, 1])
    rows = []
    for decile in range(10):
        inside = (confidence >= decile / 10) & ((confidence < (decile + 1) / 10) | (decile == 9))
        if inside.any():
            share = float(shown.right[inside].mean())
            rows.append((float(confidence[inside].mean()), share, int(inside.sum())))
    return rows


def print_calibration(tenants: list[Tenant], scores: list[Reals]) -> None:
    """The tables of the generated sets, of all sets with clean labels, and of all sets."""
    basis = judged(tenants, scores, CALIBRATED_ON, best_only=True)
    real = tuple(name for name in CALIBRATED_ON if name not in GENERATED)
    for label, names in (("generated", GENERATED), ("real, clean labels", real), ("all", tuple(SETS))):
        for best_only, untold in ((True, True), (False, True), (False, False)):
            kind = "best candidates" if best_only else "all candidate pairs"
            kind += "" if untold else ", without organizations nobody can tell"
            sys.stdout.write(f"{label} sets, {kind}: confidence, share right, number\n")
            shown = judged(tenants, scores, names, best_only=best_only, untold=untold)
            for confidence, right, count in calibration_table(basis, shown):
                note = "" if abs(confidence - right) <= MOST_ASTRAY else "  more than 2 points"
                note = note if count >= FEWEST_IN_A_DECILE else "  (few)"
                sys.stdout.write(f"{confidence:10.3f} {right:6.3f} {count:6d}{note}\n")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description="Calibration, and the figures on invented tenants.")
    parser.add_argument("--data", type=Path, default=DATA)
    tenants = load(list(SETS), parser.parse_args().data)
    scores = cross_validated(tenants)
    print_calibration(tenants, scores)
    sys.stdout.write("invented tenants, 500 organizations, 1200 companies, 30 % evidence\n")
    for seed in UNSEEN_SEEDS:
        lists = tenant(500, 1200, seed)
        answers = suggest(lists.organizations, lists.companies)
        for tiers in ((Tier.SURE,), (Tier.SURE, Tier.LIKELY)):
            shown = [a for a in answers if a.tier in tiers]
            right_ones = sum(lists.truth.get(a.organization_id) == a.company_id for a in shown)
            precision, recall = right_ones / max(len(shown), 1), right_ones / len(lists.truth)
            text = f"seed {seed} {'+'.join(tiers):11} precision {precision:.4f} recall {recall:.3f}"
            sys.stdout.write(f"{text} wrong {len(shown) - right_ones}\n")


if __name__ == "__main__":
    main()
