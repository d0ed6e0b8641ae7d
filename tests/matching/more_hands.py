"""The cases of ``more_hands.txt``."""

from pathlib import Path

from tests.matching.other_hands import Hand, Written

_FIELD = " @"


def _written(text: str) -> Written:
    name, *fields = text.strip().split(_FIELD)
    return (name, dict(field.split("=", 1) for field in fields)) if fields else name


def more_hands() -> list[Hand]:
    """All cases of the file, in its order."""
    kind, cases = "", []
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            kind = line[1:-1]
        elif line and not line.startswith("#"):
            verdict, case = line.split(": ", 1)
            ours, companies = case.split(" => ")
            cases.append(Hand(kind, _written(ours), verdict, tuple(map(_written, companies.split(" ;; ")))))
    return cases
