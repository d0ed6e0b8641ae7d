"""The matcher beside other ways to match names, in one run on the same lists.

    python3 -m venv /tmp/compare && /tmp/compare/bin/pip install -r requirements-benchmarks.txt
    /tmp/compare/bin/python tests/benchmarks/matching/compare.py

Each method gives its best company an organization with a score; a method that is not installed is left out.
Figures are precision / recall / recall at 99 % precision / false suggestions.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz, process, utils

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching import suggest
from tests.benchmarks.matching.evaluate import measure
from tests.benchmarks.matching.fit import Best
from tests.benchmarks.matching.labelled import DATA, Row, company_of, lists_of, organization_of

SHOWN = ("msp_name", "msp_evid", "msp_small", "overture", "uk_federated_neg")
Answers = list[
    tuple[int, float]
]  # for each organization the position of its best company (-1 none), its score
Method = Callable[[list[Row], list[Row]], Answers]


def _by_scorer(scorer: Callable[..., float], clean: Callable[[str], str]) -> Method:
    def method(left: list[Row], right: list[Row]) -> Answers:
        names = [clean(row["name"]) for row in right]
        answers: Answers = []
        for row in left:
            found = process.extractOne(clean(row["name"]), names, scorer=scorer)
            answers.append((found[2], float(found[1])) if found else (-1, 0.0))
        return answers

    return method


def _without_legal_form(name: str) -> str:
    basename = importlib.import_module("cleanco").basename
    return str(utils.default_process(basename(name)))


def _string_grouper(left: list[Row], right: list[Row]) -> Answers:
    series = importlib.import_module("pandas").Series
    matches = importlib.import_module("string_grouper").match_strings(
        series([row["name"] for row in right]),
        series([row["name"] for row in left]),
        min_similarity=0.3,
        max_n_matches=1_000,
        number_of_processes=1,
    )
    answers: Answers = [(-1, 0.0)] * len(left)
    for company, alike, organization in zip(
        matches["left_index"], matches["similarity"], matches["right_index"], strict=True
    ):
        if alike > answers[organization][1]:
            answers[organization] = (int(company), float(alike))
    return answers


def _matcher(left: list[Row], right: list[Row]) -> Answers:
    positions = {row["id"]: position for position, row in enumerate(right)}
    answers = []
    for answer in suggest([organization_of(row) for row in left], [company_of(row) for row in right]):
        best = positions.get(answer.best_candidate or "", -1)
        # the tier decides what is shown; within both halves the confidence orders
        answers.append((best, answer.confidence / 2 + (0.5 if answer.is_suggested else 0.0)))
    return answers


def _methods() -> list[tuple[str, Method, tuple[float, ...]]]:
    methods: list[tuple[str, Method, tuple[float, ...]]] = [
        ("rapidfuzz token_sort_ratio", _by_scorer(fuzz.token_sort_ratio, utils.default_process), (90,)),
    ]
    if importlib.util.find_spec("cleanco"):
        clean = _by_scorer(fuzz.token_sort_ratio, _without_legal_form)
        methods.append(("cleanco + token_sort_ratio", clean, (90,)))
    if importlib.util.find_spec("string_grouper"):
        methods.append(("string_grouper", _string_grouper, (0.8,)))
    methods.append(("this matcher", _matcher, (0.5,)))
    methods.append(("rapidfuzz WRatio", _by_scorer(fuzz.WRatio, utils.default_process), (85, 90)))
    return methods


def _best(method: Method, name: str) -> Best:
    score, right, has, ambiguous = [], [], [], []
    for left, theirs, truth in lists_of(DATA / name):
        for row, (company, value) in zip(left, method(left, theirs), strict=True):
            score.append(value if company >= 0 else -99.0)
            right.append(company >= 0 and theirs[company]["id"] in truth.get(row["id"], ()))
            has.append(row["id"] in truth)
            ambiguous.append(row.get("cls") == "ambiguous")
    return Best(np.array(score), np.array(right), np.array(has), np.array(ambiguous))


def main() -> None:
    """Print one row a method."""
    sys.stdout.write(f"{'':30} {' | '.join(f'{name:29}' for name in SHOWN)}\n")
    for label, method, thresholds in _methods():
        found = [_best(method, name) for name in SHOWN]
        for threshold in thresholds:
            cells = [str(measure(best, threshold)) for best in found]
            sys.stdout.write(f"{label:26} {threshold:3} {' | '.join(f'{cell:29}' for cell in cells)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
