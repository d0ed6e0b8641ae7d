"""Fit the matcher's weights on labelled sets, and report on the part each fit has not seen.

    .venv/bin/python tests/benchmarks/matching/fit.py            # cross-validated figures only
    .venv/bin/python tests/benchmarks/matching/fit.py --leave-one-source-out
    .venv/bin/python tests/benchmarks/matching/fit.py --write    # and write the matcher's weights.json

Two logistic regressions with weights bound to the sign of their feature: pairs on their own, then beside
their rivals, where cases that nobody can tell count as wrong. The calibration is a smooth curve over the
cross-validated scores of the best candidates of the sets with clean labels.
"""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching.context import CONTEXT, context_features
from integrations.matching.features import FEATURES, UNWEIGHED, WRITING
from integrations.matching.model import limited, ruled, same_names
from tests.benchmarks.matching.labelled import DATA, FOLDS, HARD, Tenant, load

Reals = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.signedinteger[Any]]

WEIGHTS = Path(__file__).resolve().parents[3] / "integrations" / "matching" / "data" / "weights.json"
#: What each set weighs in the fit; sets with wrong or place-level labels less.
SETS = {
    "msp_name": 1.0,
    "msp_evid": 1.0,
    "msp_small": 1.0,
    "fodors_zagats": 1.0,
    "uk_federated_neg": 1.0,
    "sec_nasdaq": 0.5,
    "pudl_utilities": 0.5,
    "chicago_ece": 0.5,
    "overture": 0.1,
    "nyse_sec": 0.5,
    "sp500_sec": 0.5,
    "uk_local_authorities": 1.0,
    HARD: 0.2,
}
GENERATED = ("msp_name", "msp_evid", "msp_small")
#: Sets whose labels are clean enough to calibrate on.
CALIBRATED_ON = (
    *GENERATED,
    "fodors_zagats",
    "uk_federated_neg",
    "sec_nasdaq",
    "pudl_utilities",
    "nyse_sec",
    "sp500_sec",
    "uk_local_authorities",
)
#: The calibration curve: where it bends, its ends (log-odds), its knots, and how near to 0 and 1 it comes.
#: Of eleven choices of bends this one predicts best what the other four fifths have not seen.
BENDS = (-4.0, -2.0, 0.0, 2.0)
LOWEST_SCORE, HIGHEST_SCORE, KNOTS = -12.0, 9.0, 64
LEAST_CONFIDENCE = 1e-4
RIDGE = 1e-4
#: Least confidence of the tiers, chosen on the cross-validated scores.
TIERS = {"sure": 0.92, "likely": 0.82, "likely_clear": 0.75, "likely_own_phone": 0.58}

_WRITING = [list(FEATURES).index(name) for name in WRITING]


@dataclass(slots=True)
class Fit:
    """Weights of both stages, the bias last."""

    pair: Reals
    context: Reals


def _logistic(x: Reals, y: Reals, weight: Reals, signs: Mapping[str, int]) -> Reals:
    """Weighted logistic regression with a ridge and signs as bounds; returns weights and bias."""
    from scipy.optimize import minimize  # takes a while, which the tests that read this need not wait

    total = weight.sum()

    def loss(b: Reals) -> tuple[float, Reals]:
        z = x @ b[:-1] + b[-1]
        value = (weight * (np.logaddexp(0, z) - y * z)).sum() / total
        slope = weight * (1 / (1 + np.exp(-np.clip(z, -30, 30))) - y) / total
        ridge = RIDGE * b[:-1]
        return value + float(ridge @ b[:-1]) / 2, np.append(x.T @ slope + ridge, slope.sum())

    limits = {1: (0, None), -1: (None, 0), 0: (None, None)}
    bounds = [(0, 0) if name in UNWEIGHED else limits[sign] for name, sign in signs.items()] + [(None, None)]
    found = minimize(
        loss,
        np.zeros(x.shape[1] + 1),
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"maxiter": 800, "maxfun": 1200},
    )
    result: Reals = found.x
    return result


def _pair_score(tenant: Tenant, fit: Fit) -> Reals:
    result: Reals = tenant.prepared.features @ fit.pair[:-1] + fit.pair[-1]
    return ruled(result, tenant.judged)


def _context(tenant: Tenant, fit: Fit) -> Reals:
    prepared = tenant.prepared
    score = _pair_score(tenant, fit)
    plain = score - prepared.features[:, _WRITING] @ fit.pair[_WRITING]
    return context_features(
        prepared.rows,
        prepared.columns,
        score,
        plain,
        same_names(prepared.features),
        prepared.sided,
    )


def final_score(tenant: Tenant, fit: Fit) -> Reals:
    """Log-odds of every pair beside its rivals."""
    score: Reals = _context(tenant, fit) @ fit.context[:-1] + fit.context[-1]
    return limited(score, tenant.prepared.features, tenant.judged)


def fit_on(tenants: list[Tenant], without_fold: int | None = None) -> Fit:
    """Fit both stages on all organizations, or on those outside one fold."""
    used = []
    for tenant in tenants:
        rows = tenant.prepared.rows
        use = tenant.known[rows]
        if without_fold is not None:
            use = use & (tenant.fold[rows] != without_fold)
        used.append(use)
    weight = [np.full(int(use.sum()), SETS[t.name]) for t, use in zip(tenants, used, strict=True)]
    told = [~t.ambiguous[t.prepared.rows][use] for t, use in zip(tenants, used, strict=True)]
    x = [t.prepared.features[use][tell] for t, use, tell in zip(tenants, used, told, strict=True)]
    y = [t.same[use][tell] for t, use, tell in zip(tenants, used, told, strict=True)]
    w = [one[tell] for one, tell in zip(weight, told, strict=True)]
    pair = _logistic(np.vstack(x).astype(float), np.concatenate(y).astype(float), np.concatenate(w), FEATURES)
    fit = Fit(pair, np.zeros(0))
    x = [_context(t, fit)[use] for t, use in zip(tenants, used, strict=True)]
    y = [t.same[use] & tell for t, use, tell in zip(tenants, used, told, strict=True)]
    context = _logistic(np.vstack(x), np.concatenate(y).astype(float), np.concatenate(weight), CONTEXT)
    return Fit(pair, context)


def cross_validated(tenants: list[Tenant]) -> list[Reals]:
    """For each tenant the final score of every pair by the fit that has not seen its organization."""
    scores: list[Reals] = [np.zeros(len(t.same)) for t in tenants]
    for fold in range(FOLDS):
        fit = fit_on(tenants, fold)
        for tenant, score in zip(tenants, scores, strict=True):
            held = tenant.fold[tenant.prepared.rows] == fold
            score[held] = final_score(tenant, fit)[held]
    return scores


def source_of(name: str) -> str:
    """What a set comes from: the generated ones are one source."""
    return "generated" if name in (*GENERATED, HARD) else name


def left_out(tenants: list[Tenant]) -> list[Reals]:
    """For each tenant the final score of every pair by the fit that has seen nothing of its source."""
    fits = {
        source: fit_on([t for t in tenants if source_of(t.name) != source])
        for source in dict.fromkeys(source_of(t.name) for t in tenants)
    }
    return [final_score(tenant, fits[source_of(tenant.name)]) for tenant in tenants]


def ranked(rows: Ids, score: Reals) -> Ids:
    """Positions of the pairs that are the best of their organization; equals by position."""
    order = np.lexsort((-np.round(score, 6), rows))
    if not len(order):
        return order
    result: Ids = order[np.append(True, rows[order][1:] != rows[order][:-1])]
    return result


@dataclass(slots=True)
class Best:
    """The best candidate of each counted organization of one set."""

    score: Reals
    right: Flags
    has: Flags
    ambiguous: Flags


def best_candidates(tenants: list[Tenant], scores: list[Reals], name: str) -> Best:
    """Best candidates of one set; an organization without any candidate scores -99."""
    parts = []
    for tenant, score in zip(tenants, scores, strict=True):
        if tenant.name != name:
            continue
        rows = tenant.prepared.rows
        first = ranked(rows, score)
        top = np.full(len(tenant.has), -99.0)
        right = np.zeros(len(tenant.has), bool)
        top[rows[first]], right[rows[first]] = score[first], tenant.same[first]
        known = tenant.known
        parts.append((top[known], right[known], tenant.has[known], tenant.ambiguous[known]))
    return Best(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def report(tenants: list[Tenant], scores: list[Reals], thresholds: tuple[float, ...]) -> None:
    """Precision, recall and false suggestions at each threshold (log-odds), and recall at 99 % precision."""
    for name in SETS:
        best = best_candidates(tenants, scores, name)
        counted = ~(best.has & best.ambiguous & best.right)
        matchable = max(int((best.has & ~best.ambiguous).sum()), 1)
        without = max(int((~best.has).sum()), 1)
        order = np.argsort(-best.score[counted], kind="stable")
        right = np.cumsum(best.right[counted][order])
        enough = right / np.arange(1, len(right) + 1) >= 0.99
        text = f"{name:17} R@99P {right[enough].max(initial=0) / matchable:.3f}"
        for threshold in thresholds:
            shown = best.score >= threshold
            hits = int((shown & counted & best.right).sum())
            wrong = int((shown & counted).sum()) - hits
            precision = hits / (hits + wrong) if hits + wrong else 0.0
            false = int((shown & ~best.has).sum()) / without
            unclear = int((shown & best.ambiguous).sum())
            text += f" | {threshold:.1f}: P {precision:.4f} R {hits / matchable:.3f}"
            text += f" wrong {wrong:3d} FSR {false:.4f} amb {unclear}/{int(best.ambiguous.sum())}"
        sys.stdout.write(text + "\n")


def _hinges(score: Reals) -> Reals:
    """The score, and how far it is above each bend (P, 1 + bends)."""
    held = np.clip(score, LOWEST_SCORE, HIGHEST_SCORE)
    return np.column_stack([held, *(np.maximum(held - bend, 0.0) for bend in BENDS)])


def knots_from(score: Reals, right: Reals) -> list[list[float]]:
    """Knots (score, confidence) of a logistic curve that bends at ``BENDS``; both columns ascend.

    A smooth curve with six figures does not follow the accidents of a few hundred doubtful pairs, as the
    steps of an isotonic regression do.
    """
    from scipy.optimize import minimize  # takes a while, which the tests that read this need not wait

    x = _hinges(score)

    def loss(b: Reals) -> tuple[float, Reals]:
        z = x @ b[:-1] + b[-1]
        slope = 1 / (1 + np.exp(-np.clip(z, -40, 40))) - right
        ridge = RIDGE * b[:-1]
        value = float((np.logaddexp(0, z) - right * z).mean() + ridge @ b[:-1])
        return value, np.append(x.T @ slope / len(right) + 2 * ridge, slope.mean())

    start = np.zeros(x.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    at = np.linspace(LOWEST_SCORE, HIGHEST_SCORE, KNOTS)
    share = 1 / (1 + np.exp(-np.clip(_hinges(at) @ found[:-1] + found[-1], -40, 40)))
    share = np.maximum.accumulate(np.clip(share, LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE))
    share += np.arange(KNOTS) * 1e-7  # ascending, so that the order of the scores is kept where it is flat
    return [[round(float(one), 4), round(float(two), 7)] for one, two in zip(at, share, strict=True)]


def calibration(tenants: list[Tenant], scores: list[Reals]) -> list[list[float]]:
    """Knots from the cross-validated best candidates of the sets with clean labels."""
    parts = [best_candidates(tenants, scores, name) for name in CALIBRATED_ON]
    score = np.concatenate([part.score for part in parts])
    right = np.concatenate([part.right & ~part.ambiguous for part in parts])
    lucky = np.concatenate([part.right & part.ambiguous for part in parts])
    real = (score > -90) & ~lucky
    return knots_from(score[real], right[real].astype(float))


def main() -> None:
    """Cross-validate, report, and with ``--write`` write the weights."""
    parser = argparse.ArgumentParser(description="Fit the matcher's weights.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--leave-one-source-out", action="store_true", help="report on each source unseen")
    parser.add_argument("--thresholds", default="0,0.5,1,1.5,2,2.5,3")
    arguments = parser.parse_args()
    tenants = load(list(SETS), arguments.data)
    thresholds = tuple(float(text) for text in arguments.thresholds.split(","))
    scores = cross_validated(tenants)
    report(tenants, scores, thresholds)
    if arguments.leave_one_source_out:
        sys.stdout.write("each set by the fit that has seen nothing of its source\n")
        report(tenants, left_out(tenants), thresholds)
    knots = calibration(tenants, scores)
    if not arguments.write:
        return
    fit = fit_on(tenants)
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    figures = {
        "version": f"6-{today}",
        "fitted": {
            "date": today,
            "command": "tests/benchmarks/matching/fit.py --write",
            "data": {t: sum(len(x.has) for x in tenants if x.name == t) for t in SETS},
            "note": "organizations by labelled set; tests/benchmarks/matching/labelled.py says what a set is",
        },
        "pair": dict(zip([*FEATURES, "bias"], np.round(fit.pair, 4).tolist(), strict=True)),
        "context": dict(zip([*CONTEXT, "bias"], np.round(fit.context, 4).tolist(), strict=True)),
        "calibration": knots,
        "tiers": TIERS,
    }
    WEIGHTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
