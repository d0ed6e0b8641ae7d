"""Measures over best candidates, the calibration table, and the figures on invented tenants no fit has seen.

.venv/bin/python tests/benchmarks/matching/evaluate.py
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching import Tier, suggest
from tests.benchmarks.matching.fit import (
    CALIBRATED_ON,
    SETS,
    Best,
    Reals,
    best_candidates,
    cross_validated,
    knots_from,
)
from tests.benchmarks.matching.labelled import FOLDS, load
from tests.benchmarks.matching.synthetic import tenant

FEWEST_IN_A_DECILE = 100
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


def calibration_table(parts: list[Best], seed: int = 7) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right ones and number, by decile of confidence.

    The calibration of every fifth of the organizations comes from the other four fifths.
    """
    score = np.concatenate([part.score for part in parts])
    right = np.concatenate([part.right & ~part.ambiguous for part in parts])
    lucky = np.concatenate([part.right & part.ambiguous for part in parts])
    real = (score > -90) & ~lucky
    score, right = score[real], right[real]
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(score))
    confidence: Reals = np.zeros(len(score))
    for one in range(FOLDS):
        knots = np.array(knots_from(score[fold != one], right[fold != one].astype(float)))
        confidence[fold == one] = np.interp(score[fold == one], knots[:, 0], knots[:, 1])
    rows = []
    for decile in range(10):
        inside = (confidence >= decile / 10) & ((confidence < (decile + 1) / 10) | (decile == 9))
        if inside.any():
            rows.append((float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return rows


def main() -> None:
    """Print all tables."""
    tenants = load(list(SETS))
    scores = cross_validated(tenants)
    parts = [best_candidates(tenants, scores, name) for name in CALIBRATED_ON]
    sys.stdout.write("confidence  right  organizations\n")
    for confidence, right, count in calibration_table(parts):
        small = "" if count >= FEWEST_IN_A_DECILE else "  (few)"
        sys.stdout.write(f"{confidence:10.3f} {right:6.3f} {count:6d}{small}\n")
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
