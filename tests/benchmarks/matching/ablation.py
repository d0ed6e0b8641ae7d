"""What each idea contributes: every row is re-fitted and cross-validated without it.

    .venv/bin/python tests/benchmarks/matching/ablation.py

Figures are precision / recall / recall at 99 % precision / false suggestions at log-odds 1.5, by set.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching import alignment, marks, names, preparation, vocabulary, words
from integrations.matching.context import CONTEXT, context_features
from integrations.matching.features import FEATURES, SIDED
from integrations.matching.rules import judge
from integrations.matching.view import View
from tests.benchmarks.matching import fit
from tests.benchmarks.matching.evaluate import measure
from tests.benchmarks.matching.labelled import DATA, Tenant, load

SHOWN = ("msp_name", "msp_evid", "nyse_sec", "sp500_sec", "uk_local_authorities", "hard")
THRESHOLD = 1.5
CONTACTS = [
    name for name in FEATURES if any(part in name for part in ("domain", "phone", "postal", "city_", "state"))
]
CONTACTS += ["evidence_despite_name", "evidence_with_name", "place_with_name", "all_contacts_different"]
RIVALS = ["ahead", "company", "mutual", "equal", "near"]

ADDITIONS = [name for name in FEATURES if "addition" in name]

Change = Callable[[list[Tenant]], None]


def _without_features(columns: list[str]) -> Change:
    def change(tenants: list[Tenant]) -> None:
        positions = [list(FEATURES).index(name) for name in columns]
        for tenant in tenants:
            tenant.prepared.features[:, positions] = 0

    return change


def _without_sides(tenants: list[Tenant]) -> None:
    for tenant in tenants:
        tenant.prepared.sided[:, : len(SIDED)] = 0


def _without_rules(tenants: list[Tenant]) -> None:
    for tenant in tenants:
        tenant.judged = judge(View(np.zeros_like(tenant.prepared.features)))


@contextmanager
def _patched(target: object, name: str, value: object) -> Iterator[None]:
    with mock.patch.object(target, name, value):
        yield


def _nothing_known(
    self: vocabulary.Vocabulary, ours: vocabulary.Ids, theirs: vocabulary.Ids, names_counted: int
) -> None:
    _WEIGH(self, ours, theirs, names_counted)
    self.known = np.zeros_like(self.known)
    self.ordinary = np.zeros_like(self.ordinary)


_WEIGH = vocabulary.Vocabulary.weigh
_CONTEXT_FEATURES = context_features


def _no_rivals(*arguments: object, **options: object) -> vocabulary.Reals:
    context: vocabulary.Reals = _CONTEXT_FEATURES(*arguments, **options)  # type: ignore[arg-type]
    for position, name in enumerate(CONTEXT):
        if name.startswith(tuple(RIVALS)) and not name.endswith("structural"):
            context[:, position] = 0
    return context


ROWS: list[tuple[str, tuple[object, str, object] | None, Change | None]] = [
    ("all ideas", None, None),
    ("without rivals (context)", (fit, "context_features", _no_rivals), None),
    ("without the sides of an omission", None, _without_sides),
    ("without contacts (names only)", None, _without_features(CONTACTS)),
    ("without legal forms", (words, "_without_legal_forms", lambda found: (found, [], [])), None),
    ("without status marks", (marks, "without_marks", lambda text, lowered, words: (text, False)), None),
    ("without fuzzy words", (alignment, "LEAST_SIMILARITY", 2.0), None),
    ("without the guard of known words", (vocabulary.Vocabulary, "weigh", _nothing_known), None),
    ("without second names", (marks, "names_in", lambda text, found: [text]), None),
    ("without brackets and dashes", (names, "_segments", lambda name: [name]), None),
    ("without acronyms", None, _without_features(["acronym"])),
    ("without abbreviations", (words, "_CANONICAL", {}), None),
    ("without rules", None, _without_rules),
    ("without addition rules and features", None, _without_features(ADDITIONS)),
    ("without background counts", (vocabulary, "background", lambda: (1, {})), None),
]


def main() -> None:
    """Print one row an idea."""
    parser = argparse.ArgumentParser(description="What each idea contributes.")
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    sys.stdout.write(f"{'':34} {' | '.join(f'{name:29}' for name in SHOWN)}\n")
    for label, patch, change in ROWS:
        preparation.cached_name.cache_clear()
        with _patched(*patch) if patch else _patched(fit, "RIDGE", fit.RIDGE):
            tenants = load(list(fit.SETS), data)
            if change:
                change(tenants)
                if change is not _without_rules:
                    for tenant in tenants:
                        tenant.judged = judge(View(tenant.prepared.features))
            scores = fit.cross_validated(tenants)
        cells = [str(measure(fit.best_candidates(tenants, scores, name), THRESHOLD)) for name in SHOWN]
        sys.stdout.write(f"{label:34} {' | '.join(f'{cell:29}' for cell in cells)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
