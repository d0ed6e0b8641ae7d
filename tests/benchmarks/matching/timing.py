"""Processor time and memory of one press, beside rapidfuzz WRatio and, where it is present, the prototype.

    .venv/bin/python tests/benchmarks/matching/timing.py 2000x5000 --wratio --prototype
    .venv/bin/python tests/benchmarks/matching/timing.py 100000x100000 --prototype

Every method runs in a process of its own, so that its peak memory is its own. WRatio is measured on 200
organizations and multiplied.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.benchmarks.matching.synthetic import SyntheticTenant, tenant

ROOT = Path(__file__).resolve().parents[3]
PROTOTYPE = ROOT.parent / "shared" / "matching" / "reference"
SEED = 20
WRATIO_SAMPLE = 200


def _ours(lists: SyntheticTenant) -> float:
    from integrations.matching import suggest

    start = time.process_time()
    answers = suggest(lists.organizations, lists.companies)
    seconds = time.process_time() - start
    shown = [a for a in answers if a.is_suggested]
    right = sum(lists.truth.get(a.organization_id) == a.company_id for a in shown)
    sys.stderr.write(f"precision {right / len(shown):.4f} recall {right / len(lists.truth):.4f}\n")
    return seconds


def _prototype(lists: SyntheticTenant) -> float:
    sys.path.insert(0, str(PROTOTYPE))
    import prototype  # type: ignore[import-not-found]

    ours = [{"id": o.id, "name": o.name, "web": o.domain, "phone": o.phone} for o in lists.organizations]
    theirs = [
        {"id": c.id, "name": c.name, "web": c.web_address, "phone": c.phone, "city": c.city}
        for c in lists.companies
    ]
    start = time.process_time()
    prototype.Matcher().suggest(ours, theirs)
    return time.process_time() - start


def _wratio(lists: SyntheticTenant) -> float:
    from rapidfuzz import fuzz, process, utils

    names = [utils.default_process(c.name) for c in lists.companies]
    sample = lists.organizations[:WRATIO_SAMPLE]
    start = time.process_time()
    for organization in sample:
        process.extractOne(
            utils.default_process(organization.name), names, scorer=fuzz.WRatio, score_cutoff=85
        )
    return (time.process_time() - start) * len(lists.organizations) / len(sample)


METHODS = {"matcher": _ours, "prototype": _prototype, "wratio": _wratio}


def main() -> None:
    """Run each method in its own process, or with ``--run`` this one."""
    parser = argparse.ArgumentParser(description="Time and memory of the matcher.")
    parser.add_argument("sizes", nargs="+", help="such as 2000x5000")
    parser.add_argument("--prototype", action="store_true")
    parser.add_argument("--wratio", action="store_true")
    parser.add_argument("--run", choices=sorted(METHODS))
    arguments = parser.parse_args()
    for size in arguments.sizes:
        ours, theirs = (int(text) for text in size.split("x"))
        if arguments.run:
            seconds = METHODS[arguments.run](tenant(ours, theirs, SEED))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
            sys.stdout.write(f"{size:>14} {arguments.run:10} {seconds:8.2f} s  peak {peak:.2f} GB\n")
            continue
        methods = ["matcher"]
        if arguments.prototype and PROTOTYPE.is_dir():
            methods.append("prototype")
        if arguments.wratio:
            methods.append("wratio")
        for method in methods:
            subprocess.run([sys.executable, __file__, size, "--run", method], check=True)


if __name__ == "__main__":
    main()
