"""The fitted model: weights of the features and of the context, and the calibration (data/weights.json).

Two logistic stages. The first scores a pair on its own features; the second adds what the rivals say. Every
weight keeps the sign its feature was given, so that evidence never counts the wrong way round.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from integrations.matching import wordlists
from integrations.matching.candidates import Longs
from integrations.matching.context import CONTEXT, context_features
from integrations.matching.features import FEATURES, WRITING
from integrations.matching.rules import Judged
from integrations.matching.vocabulary import Flags, Reals

#: What a rule forbids competes with nothing (log-odds); what one holds stays below every tier.
FORBIDDEN_CAP, HELD_CAP = -10.0, -2.4
#: A pair that a rule holds is a weak rival: it is not suggested itself (log-odds).
HELD_RIVAL_CAP = -1.0
#: A name that lacks a word of trade or branch never stands before one that is the same (log-odds).
STRUCTURAL_OMISSION_CAP = 4.0
#: Log-odds above the last knot in which two thirds of the way to the greatest confidence are gone.
BEYOND = 5.0

_WRITING_COLUMNS = [list(FEATURES).index(name) for name in WRITING]
_SAME_WORDS = list(FEATURES).index("same_words")
_ADDITION_ALONE = list(FEATURES).index("addition_alone")
_STRUCTURAL_OMISSION = list(FEATURES).index("structural_omission")


class WeightsError(ValueError):
    """data/weights.json does not fit the features of this code."""


@dataclass(frozen=True, slots=True)
class Model:
    """Fitted figures. Scores are log-odds; ``knots`` map them to a calibrated confidence."""

    version: str
    pair_weights: Reals
    pair_bias: float
    context_weights: Reals
    context_bias: float
    knots: Reals  # (K, 2): score, confidence; both ascending
    sure: float  # least confidence of the tier
    likely: float
    likely_clear: float  # the same for pairs without a sign against them (``tiers.Signs``)
    likely_own_phone: float  # the same for pairs whose telephone number no other record holds

    def pair_score(self, features: Reals, judged: Judged) -> Reals:
        """Log-odds of each pair on its own (P)."""
        return ruled(_weighted(features, self.pair_weights, self.pair_bias), judged)

    def plain_score(self, features: Reals, score: Reals) -> Reals:
        """The pair score without what the manner of writing contributes (see ``features.WRITING``).

        Rounded, so that the last digit of a sum does not decide between equals.
        """
        result: Reals = score - features[:, _WRITING_COLUMNS] @ self.pair_weights[_WRITING_COLUMNS]
        return np.round(result, 9)

    def without_feature(self, name: str, features: Reals, score: Reals) -> Reals:
        """A score of the pairs without what one feature contributes."""
        column = list(FEATURES).index(name)
        result: Reals = score - features[:, column] * self.pair_weights[column]
        return result

    def context_score(self, context: Reals) -> Reals:
        """Log-odds of each pair beside its rivals (P)."""
        result: Reals = context @ self.context_weights + self.context_bias
        return result

    def confidence(self, score: Reals) -> Reals:
        """Calibrated chance that the best candidate of an organization is right.

        Scores above the last knot are as good as certain; they come a little nearer to 1, so that whoever
        sorts by confidence still meets the better one first.
        """
        last_score, last = self.knots[-1]
        beyond = np.maximum(score - last_score, 0.0)
        known: Reals = np.interp(score, self.knots[:, 0], self.knots[:, 1])
        result: Reals = known - (1.0 - last) / 2 * np.expm1(-beyond / BEYOND)
        return result


def _weighted(features: Reals, weights: Reals, bias: float) -> Reals:
    """The weighted sum of each row, column by column: no copy of all features in double precision."""
    total, part = np.full(len(features), bias), np.empty(len(features))
    for column, weight in enumerate(weights.tolist()):
        if weight:
            total += np.multiply(features[:, column], weight, out=part, dtype=np.float64)
    return total


def ruled(score: Reals, judged: Judged) -> Reals:
    """Pair scores held below what rules leave of them as rivals."""
    score[judged.held] = np.minimum(score[judged.held], HELD_RIVAL_CAP)
    score[judged.forbidden] = np.minimum(score[judged.forbidden], FORBIDDEN_CAP)
    return score


def same_names(features: Reals) -> Flags:
    """Pairs whose names have the same words, if need be without an addition of either."""
    found: Flags = (features[:, _SAME_WORDS] > 0) & (features[:, _ADDITION_ALONE] == 0)
    return found


@dataclass(slots=True)
class Scores:
    """All scores of P pairs."""

    pair: Reals
    context: Reals  # (P, len(CONTEXT))
    final: Reals
    confidence: Reals


def limited(final: Reals, features: Reals, judged: Judged) -> Reals:
    """Final scores held below the caps of what may not be outweighed."""
    for which, cap in (
        (features[:, _STRUCTURAL_OMISSION] > 0, STRUCTURAL_OMISSION_CAP),
        (judged.held, HELD_CAP),
        (judged.forbidden, FORBIDDEN_CAP),
    ):
        final[which] = np.minimum(final[which], cap)
    return final


def beside_rivals(
    model: Model,
    rows: Longs,
    columns: Longs,
    features: Reals,
    sided: Reals,
    judged: Judged,
    *,
    several_to_one: bool,
) -> Scores:
    """Score pairs, each beside its rivals for the same organization and for the same company."""
    pair = model.pair_score(features, judged)
    plain = model.plain_score(features, pair)
    context = context_features(
        rows, columns, pair, plain, same_names(features), sided, several_to_one=several_to_one
    )
    final = limited(model.context_score(context), features, judged)
    return Scores(pair, context, final, model.confidence(final))


def model_from(figures: Mapping[str, object]) -> Model:
    """A model from the content of weights.json; raises ``WeightsError`` when features do not fit."""

    def weights(part: str, names: Mapping[str, int]) -> tuple[Reals, float]:
        found = figures[part]
        if not isinstance(found, dict) or set(found) != {*names, "bias"}:
            raise WeightsError(f"weights.json: the weights of {part!r} do not fit the features of this code")
        return np.array([float(found[name]) for name in names]), float(found["bias"])

    pair_weights, pair_bias = weights("pair", FEATURES)
    context_weights, context_bias = weights("context", CONTEXT)
    tiers = figures["tiers"]
    knots = np.array(figures["calibration"], dtype=float)
    if not isinstance(tiers, dict) or knots.ndim != 2 or (np.diff(knots[:, 0]) <= 0).any():
        raise WeightsError("weights.json: tiers or calibration are not usable")
    return Model(
        version=str(figures["version"]),
        pair_weights=pair_weights,
        pair_bias=pair_bias,
        context_weights=context_weights,
        context_bias=context_bias,
        knots=knots,
        sure=float(tiers["sure"]),
        likely=float(tiers["likely"]),
        likely_clear=float(tiers["likely_clear"]),
        likely_own_phone=float(tiers["likely_own_phone"]),
    )


@cache
def _figures() -> dict[str, object]:
    figures: dict[str, object] = json.loads((wordlists.DATA / "weights.json").read_text(encoding="utf-8"))
    return figures


#: Names the fitted weights; stored with every accepted suggestion.
MODEL_VERSION = str(_figures()["version"])


@cache
def fitted_model() -> Model:
    """The model that ships with the portal."""
    return model_from(_figures())
