"""The whole matcher, tiers and all, on organizations that its weights have not seen.

    .venv/bin/python tests/benchmarks/matching/held_out.py

For every fifth of the organizations the weights and the calibration are fitted on the other four. Printed are
precision, recall and recall at 99 % precision of what is suggested, the share of best candidates that are
right, false suggestions among organizations without counterpart, suggestions where nobody can tell, and
precision and recall of the tier *sure*.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching.context import CONTEXT
from integrations.matching.features import FEATURES
from integrations.matching.model import Model, model_from
from integrations.matching.records import Tier
from integrations.matching.scoring import ScoredPairs, score_pairs
from tests.benchmarks.matching.evaluate import judged
from tests.benchmarks.matching.fit import (
    CALIBRATED_ON,
    SETS,
    TIERS,
    Fit,
    Reals,
    final_score,
    fit_on,
    knots_from,
)
from tests.benchmarks.matching.labelled import FOLDS, Tenant, load

SUGGESTED = (Tier.SURE, Tier.LIKELY)


@dataclass(slots=True)
class Answered:
    """What one organization was answered."""

    tenant: str
    row: int
    confidence: float
    tier: Tier
    has: bool
    ambiguous: bool
    right: bool
    any_candidate: bool


@dataclass(slots=True)
class Measured:
    """Figures of one set; the same measures as the scorer of the labelled data."""

    answers: list[Answered] = field(default_factory=list)

    def shown(self, tiers: tuple[Tier, ...]) -> tuple[float, float, int]:
        """Precision, recall and number of wrong ones of what these tiers hold."""
        shown = [a for a in self.counted() if a.tier in tiers]
        hits = sum(a.right for a in shown)
        return hits / max(len(shown), 1), hits / self.matchable(), len(shown) - hits

    def matchable(self) -> int:
        """Organizations that can be matched; at least 1."""
        return max(sum(a.has and not a.ambiguous for a in self.answers), 1)

    def counted(self) -> list[Answered]:
        """A right guess where nobody could know is luck and not counted."""
        return [a for a in self.answers if not (a.ambiguous and a.right)]

    def recall_at_99(self) -> float:
        """The best recall at 99 % precision over the order of confidence."""
        curve = sorted((a for a in self.counted() if a.any_candidate), key=lambda a: -a.confidence)
        hits = np.cumsum([a.right for a in curve])
        last = np.array(
            [n + 1 == len(curve) or curve[n + 1].confidence < a.confidence for n, a in enumerate(curve)]
        )
        enough = (hits / np.arange(1, len(curve) + 1) >= 0.99) & last
        return float(hits[enough].max(initial=0)) / self.matchable()

    def __str__(self) -> str:
        precision, recall, wrong = self.shown(SUGGESTED)
        sure_precision, sure_recall, sure_wrong = self.shown((Tier.SURE,))
        without = [a for a in self.answers if not a.has]
        false = sum(a.tier in SUGGESTED for a in without)
        unclear = sum(a.tier in SUGGESTED for a in self.answers if a.ambiguous)
        top = sum(a.right for a in self.counted()) / self.matchable()
        return (
            f"P {precision:.4f} R {recall:.4f} wrong {wrong:3d} R@99P {self.recall_at_99():.3f} top {top:.3f}"
            f" false {false}/{len(without)} unclear {unclear}"
            f" | sure P {sure_precision:.4f} R {sure_recall:.4f} wrong {sure_wrong}"
        )


def model_of(fit: Fit, knots: list[list[float]]) -> Model:
    """A model from fitted weights and knots."""
    return model_from(
        {
            "version": "held out",
            "pair": dict(zip([*FEATURES, "bias"], fit.pair.tolist(), strict=True)),
            "context": dict(zip([*CONTEXT, "bias"], fit.context.tolist(), strict=True)),
            "calibration": knots,
            "tiers": TIERS,
        }
    )


def answers_of(tenant: Tenant, weighed: ScoredPairs, fold: int) -> list[Answered]:
    """The answers for the counted organizations of one fold."""
    answers = []
    for row in np.flatnonzero(tenant.known & (tenant.fold == fold)).tolist():
        pair = int(weighed.answer[row])
        tier = weighed.tier[pair] if pair >= 0 else Tier.NONE
        if tier in SUGGESTED and not weighed.free[row]:
            tier = Tier.AMBIGUOUS
        if pair >= 0 and tier not in SUGGESTED:
            pair = int(weighed.order[weighed.first[row]])
        confidence = float(weighed.scores.confidence[pair]) if pair >= 0 else 0.0
        right = bool(pair >= 0 and tenant.same[pair])
        has, ambiguous = bool(tenant.has[row]), bool(tenant.ambiguous[row])
        answers.append(Answered(tenant.name, row, confidence, tier, has, ambiguous, right, pair >= 0))
    return answers


def held_out(tenants: list[Tenant]) -> dict[str, Measured]:
    """By set, what the matcher answers for organizations that its weights have not seen."""
    fits = [fit_on(tenants, fold) for fold in range(FOLDS)]
    scores: list[Reals] = [np.zeros(len(tenant.same)) for tenant in tenants]
    for fold, fit in enumerate(fits):
        for tenant, score in zip(tenants, scores, strict=True):
            held = tenant.fold[tenant.prepared.rows] == fold
            score[held] = final_score(tenant, fit)[held]
    basis = judged(tenants, scores, CALIBRATED_ON, best_only=True)
    measured = {name: Measured() for name in SETS}
    for fold, fit in enumerate(fits):
        seen = basis.fold != fold
        model = model_of(fit, knots_from(basis.score[seen], basis.right[seen].astype(float)))
        for tenant in tenants:
            weighed = score_pairs(tenant.prepared, set(), several_to_one=False, model=model)
            measured[tenant.name].answers.extend(answers_of(tenant, weighed, fold))
    return measured


def main() -> None:
    """Print one row a set."""
    for name, measured in held_out(load(list(SETS))).items():
        sys.stdout.write(f"{name:17} {measured}\n")


if __name__ == "__main__":
    main()
