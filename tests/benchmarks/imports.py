"""How long imports of 100,000 rows and their undo take, and how much memory.

Run from the root of the project::

    .venv/bin/python -m tests.benchmarks.imports [--rows 100000] [--keep FOLDER] [--only mappings]

Works on an SQLite database of its own, through the management commands, each in a process of its own whose
peak memory is measured. ``--only mappings`` puts the organizations there without importing them. Ends with 1
when an import takes more than 60 s or 200 MB for 100,000 rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MEGABYTES = 60, 200
RUN = """
import resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path("manage.py", run_name="__main__")
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("PEAK", used.ru_maxrss // 1024, round(used.ru_utime + used.ru_stime, 1), file=sys.stderr)
"""
ORGANIZATIONS = """
import sys
from integrations.models import Organization
Organization.objects.bulk_create(
    (Organization(name=f"Company {n}", external_id=f"E{n}") for n in range(int(sys.stdin.readline()))),
    batch_size=2_000,
)
"""
COMPANIES = """
import sys
from django.utils import timezone
from integrations.models import Company, IntegrationInstance
instance = IntegrationInstance(psa="autotask", name="Main", username="a@b.example")
instance.save()
now, rows = timezone.now(), int(sys.stdin.readline())
Company.objects.bulk_create(
    (Company(instance=instance, remote_id=str(n + 1), name=f"Company {n}", seen_at=now) for n in range(rows)),
    batch_size=2_000,
)
"""


def manage(
    environment: dict[str, str], *arguments: str, stdin: str = "", label: str = ""
) -> tuple[float, int, str]:
    """Run a command; its seconds, its peak megabytes and what it printed. Processor time is shown too."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, "manage.py", *arguments],
        cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr[-2_000:]
    peak, processor = done.stderr.rsplit("PEAK ", 1)[1].split()
    if label:
        sys.stdout.write(f"{label:<44} {seconds:6.1f} s {processor:>6} s CPU {peak:>5} MB\n")
        sys.stdout.flush()
    return seconds, int(peak), done.stdout


def main() -> int:
    """Measure; 1 when something is over its limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=["mappings"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder = options.keep or Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_DATA_DIR": str(folder),
            "SECRET_KEY": "benchmark-" + "k3y" * 20,
            "PORTAL_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        }
        manage(environment, "prepare")
        organizations, mappings = folder / "organizations.csv", folder / "mappings.csv"
        with organizations.open("w", encoding="utf-8") as file:
            file.write("name,external_id,domain,phone,city,state,postal_code,active\n")
            for n in range(options.rows):
                file.write(f"Company {n},E{n},company{n}.example,614-555-0100,Columbus,OH,43215,yes\n")
        with mappings.open("w", encoding="utf-8") as file:
            file.write("external_id,name,company_id,company_name\n")
            for n in range(options.rows):
                file.write(f"E{n},Company {n},{n + 1},Company {n}\n")
        measured = []
        quiet = ("--format", "csv")
        if options.only == "mappings":
            manage(environment, "shell", "-c", ORGANIZATIONS, stdin=f"{options.rows}\n")
        else:
            for label in ("organizations, new", "organizations, nothing differs"):
                import_ = ("import_organizations", str(organizations), *quiet)
                measured.append(manage(environment, *import_, label=label))
        manage(environment, "shell", "-c", COMPANIES, stdin=f"{options.rows}\n")
        arguments = ("import_mappings", str(mappings), "--instance", "Main", *quiet)
        measured.append(manage(environment, *arguments, label="mappings, new"))
        found = json.loads(manage(environment, "history", "--limit", "1", "--format", "json")[2])
        manage(environment, "export_mappings", label="export of the mappings")
        manage(environment, "undo", found[0]["batch"], label="undo of the mappings")
        if options.only != "mappings":
            manage(
                environment, "export_organizations", "--format", "json", label="export of the organizations"
            )
        size = (folder / "portal.sqlite3").stat().st_size // 1_000_000
        sys.stdout.write(f"database {size:,} MB\n")
    over = [each for each in measured if each[0] > SECONDS or each[1] > MEGABYTES]
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
