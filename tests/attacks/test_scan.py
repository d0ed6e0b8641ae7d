"""What the scan makes of the scanner's report; the scan itself is run on demand (CONTRIBUTING.md)."""

from __future__ import annotations

from tests.attacks.scan import MEDIUM, findings, told


def test_holes_and_broken_answers_are_told_the_worst_first() -> None:
    def found(level: int, path: str) -> dict[str, object]:
        return {"level": level, "method": "POST", "path": path, "info": "seen", "curl_command": "curl"}

    report = {
        "vulnerabilities": {"Secure cookie": [found(1, "/")], "SQL injection": [found(4, "/people/")]},
        "anomalies": {"Internal Server Error": [found(2, "/tokens/")], "Resource consumption": []},
        "additionals": {},
    }
    assert findings(report) == [
        (4, "SQL injection", "POST /people/", "seen"),
        (2, "Internal Server Error", "POST /tokens/", "seen"),
        (1, "Secure cookie", "POST /", "seen"),
    ]
    assert sum(level >= MEDIUM for level, *_ in findings(report)) == 2
    assert told(findings(report)) == "1 critical, 0 high, 1 medium, 1 low, 0 for information"
