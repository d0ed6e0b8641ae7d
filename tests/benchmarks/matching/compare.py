"""The matcher beside other ways to match names, in one run on the same lists.

    python3 -m venv /tmp/compare && /tmp/compare/bin/pip install -r requirements-benchmarks.txt
    python3 -m venv /tmp/emm && /tmp/emm/bin/pip install emm==2.1.11
    /tmp/compare/bin/python tests/benchmarks/matching/compare.py --emm /tmp/emm/bin/python

Each method gives its best company an organization with a score; a method that is not installed is left out.
emm is trained on the pairs of TRAINED_ON.
Figures are precision / recall / recall at 99 % precision / false suggestions.
"""

import argparse
import importlib
import importlib.util
import json
import subprocess
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
TRAINED_ON = ("sec_nasdaq", "pudl_utilities", "fodors_zagats", "chicago_ece")
# For each organization the position of its best company (-1 none) and the score.
Answers = list[tuple[int, float]]
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


def _emm(python: str) -> Method:
    """emm in its own environment: trained once, all lists asked at once."""
    training = []
    for name in TRAINED_ON:
        for left, right, truth in lists_of(DATA / name):
            theirs = {row["id"]: row["name"] for row in right}
            training += [(row["name"], theirs[each]) for row in left for each in truth.get(row["id"], ())]
    lists = [lists for name in SHOWN for lists in lists_of(DATA / name)]
    tenants = [(_names(left), _names(right)) for left, right, _ in lists]
    script = Path(__file__).with_name("emm_answers.py")
    done = subprocess.run(
        [python, str(script)],
        input=json.dumps({"training": training, "tenants": tenants}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    answers = {(tuple(one), tuple(two)): each for (one, two), each in zip(tenants, told, strict=True)}
    return lambda left, right: answers[tuple(_names(left)), tuple(_names(right))]


def _names(rows: list[Row]) -> list[str]:
    return [row["name"] for row in rows]


def _matcher(left: list[Row], right: list[Row]) -> Answers:
    positions = {row["id"]: position for position, row in enumerate(right)}
    answers = []
    for answer in suggest([organization_of(row) for row in left], [company_of(row) for row in right]):
        best = positions.get(answer.best_candidate or "", -1)
        # the tier decides what is shown; within both halves the confidence orders
        answers.append((best, answer.confidence / 2 + (0.5 if answer.is_suggested else 0.0)))
    return answers


def _methods(emm: str) -> list[tuple[str, Method, tuple[float, ...]]]:
    methods: list[tuple[str, Method, tuple[float, ...]]] = [
        ("rapidfuzz token_sort_ratio", _by_scorer(fuzz.token_sort_ratio, utils.default_process), (90,)),
    ]
    if importlib.util.find_spec("cleanco"):
        clean = _by_scorer(fuzz.token_sort_ratio, _without_legal_form)
        methods.append(("cleanco + token_sort_ratio", clean, (90,)))
    if importlib.util.find_spec("string_grouper"):
        methods.append(("string_grouper", _string_grouper, (0.8,)))
    if emm:
        methods.append(("emm, trained", _emm(emm), (0.5, 0.9)))
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
    parser = argparse.ArgumentParser(description="Compare ways to match names.")
    parser.add_argument(
        "--emm", default="", metavar="PYTHON", help="the interpreter that emm is installed for"
    )
    emm = parser.parse_args().emm
    sys.stdout.write(f"{'':30} {' | '.join(f'{name:29}' for name in SHOWN)}\n")
    for label, method, thresholds in _methods(emm):
        found = [_best(method, name) for name in SHOWN]
        for threshold in thresholds:
            cells = [str(measure(best, threshold)) for best in found]
            sys.stdout.write(f"{label:26} {threshold:3} {' | '.join(f'{cell:29}' for cell in cells)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
