"""Suggestions for two CSV files, printed as CSV.

    .venv/bin/python tests/benchmarks/matching/suggest_files.py --organizations FILE --companies FILE

Columns read: organizations id,name,domain,phone,city,state,postal_code; companies id,companyName,webAddress,
phone,city,state,postalCode,isActive. Printed: organization_id,company_id,confidence,tier,reasons, where
company_id is the best candidate of every tier.
"""

import argparse
import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from integrations.matching import Company, Organization, Suggestion, suggest

COLUMNS = ("organization_id", "company_id", "confidence", "tier", "reasons")


def read_organizations(lines: Iterable[str]) -> list[Organization]:
    """Organizations from the lines of a CSV with a header; columns that are missing count as empty."""
    fields = ("name", "domain", "phone", "city", "state", "postal_code")
    return [
        Organization(row["id"], **{field: row.get(field) or "" for field in fields})
        for row in csv.DictReader(lines)
    ]


def read_companies(lines: Iterable[str]) -> list[Company]:
    """Companies from the lines of a CSV with Autotask's field names; empty ``isActive`` means active."""
    return [
        Company(
            id=row["id"],
            name=row.get("companyName") or "",
            web_address=row.get("webAddress") or "",
            phone=row.get("phone") or "",
            city=row.get("city") or "",
            state=row.get("state") or "",
            postal_code=row.get("postalCode") or "",
            is_active=(row.get("isActive") or "true").strip().lower() not in ("false", "0", "no"),
            number=row.get("companyNumber") or "",
        )
        for row in csv.DictReader(lines)
    ]


def write_suggestions(suggestions: Iterable[Suggestion], output: TextIO) -> None:
    """One row a suggestion, with a header."""
    writer = csv.writer(output)
    writer.writerow(COLUMNS)
    for answer in suggestions:
        reasons = "; ".join(answer.reasons)
        company = answer.best_candidate or ""
        writer.writerow([answer.organization_id, company, f"{answer.confidence:.10f}", answer.tier, reasons])


def main() -> None:
    """Read both files, suggest, print."""
    parser = argparse.ArgumentParser(description="Suggestions for two CSV files, printed as CSV.")
    parser.add_argument("--organizations", type=Path, required=True)
    parser.add_argument("--companies", type=Path, required=True)
    parser.add_argument("--format", choices=["csv"], default="csv")
    arguments = parser.parse_args()
    with arguments.organizations.open(encoding="utf-8", newline="") as lines:
        organizations = read_organizations(lines)
    with arguments.companies.open(encoding="utf-8", newline="") as lines:
        companies = read_companies(lines)
    write_suggestions(suggest(organizations, companies), sys.stdout)


if __name__ == "__main__":
    main()
