"""Best company an organization by ING's entity matching model (emm), for ``compare.py``.

emm holds rapidfuzz below 3 and so needs an environment of its own:

    python3 -m venv /tmp/emm && /tmp/emm/bin/pip install emm==2.1.11

Reads JSON from standard input: ``training`` (pairs of names of one company), ``tenants`` (lists of names of
organizations and of companies). Prints JSON: for each tenant, for each organization, the position of its
best company (-1 none) and the score. The classifier is trained on the training pairs, as its authors ask.
"""

import importlib
import json
import sys
from typing import Any

PARAMETERS: dict[str, Any] = {
    "name_only": True,
    "entity_id_col": "id",
    "name_col": "name",
    "supervised_on": False,
    "indexers": [
        {"type": "cosine_similarity", "tokenizer": "words", "ngram": 1, "num_candidates": 10},
        {"type": "cosine_similarity", "tokenizer": "characters", "ngram": 2, "num_candidates": 5},
        {"type": "sni", "window_length": 3},
    ],
}


def _frame(names: list[str]) -> Any:
    return importlib.import_module("pandas").DataFrame({"id": range(len(names)), "name": names})


def main() -> None:
    """Answer for all tenants."""
    matching = importlib.import_module("emm").PandasEntityMatching
    is_number = importlib.import_module("pandas").notna
    asked = json.load(sys.stdin)
    training = asked["training"]
    trained = matching(PARAMETERS)
    trained.fit(_frame([company for _, company in training]))
    trained.fit_classifier(
        train_positive_names_to_match=_frame([organization for organization, _ in training]),
        create_negative_sample_fraction=0.5,
    )
    answers = []
    for organizations, companies in asked["tenants"]:
        matcher = matching(
            {**PARAMETERS, "supervised_on": True},
            supervised_models=trained.supervised_models,
        )
        matcher.fit(_frame(companies))
        found = matcher.transform(_frame(organizations))
        best: list[tuple[int, float]] = [(-1, 0.0)] * len(organizations)
        for row in found.to_dict("records"):
            score, company = row["nm_score"], row["gt_entity_id"]
            if is_number(company) and is_number(score) and score > best[int(row["uid"])][1]:
                best[int(row["uid"])] = (int(company), float(score))
        answers.append(best)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
