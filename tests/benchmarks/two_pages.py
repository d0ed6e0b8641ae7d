"""What a dozen pages weigh and cost in this checkout and in another one, asked in turn.

Run from the root of the project (PostgreSQL databases are emptied!)::

    .venv/bin/python -m tests.benchmarks.two_pages ../before [--databases postgres://…/a postgres://…/b]

Both checkouts fill a portal of their own, each with its own code and settings; then every page is asked of
both in turn, so that what slows the machine slows both. A page weighs what its markup does, compressed as by
a proxy, and *with files* what those of ``static/`` do that it names, compressed as production keeps them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
ASIDE = 5  # first looks at each page, which do not count
NAMED_FILES = re.compile(r'(?:href|src)="/static/([^"#?]+)|url\(["\']?([^"\')]+)')
GROWS, SLOWS = 1.0, 1.2  # what a page may weigh and take of what it did before
Cost = tuple[float, float]  # milliseconds by the clock, and of processor time


def addresses(instance: Any, organization: int, company: int) -> dict[str, str]:
    """The pages by their names; an address that a checkout does not have is left out."""
    from django.urls import NoReverseMatch, reverse

    of_instance: tuple[Any, ...] = (instance.psa, instance.pk)
    named: dict[str, tuple[str, tuple[Any, ...]]] = {
        "sign-in": ("account_login", ()),
        "home": ("home", ()),
        "mapping": ("setup", of_instance),
        "review": ("review", of_instance),
        "choose": ("choose", (*of_instance, organization)),
        "explain": ("explain", (*of_instance, organization, company)),
        "missing": ("missing", of_instance),
        "organizations": ("organizations", ()),
        "organization": ("organization_edit", (organization,)),
        "import": ("organizations_upload", ()),
        "imports": ("import_reports", ()),
        "history": ("history", ()),
        "jobs": ("jobs", ()),
        "tokens": ("tokens", ()),
        "webhooks": ("webhooks", ()),
        "people": ("people", ()),
        "new": ("instance_add", (instance.psa,)),
        "glossary": ("glossary", ()),
    }
    found = {}
    for name, (view, values) in named.items():
        try:
            found[name] = reverse(view if name == "sign-in" else f"integrations:{view}", args=values)
        except NoReverseMatch:
            continue
    return found


def weights(page: bytes) -> list[int]:
    """Bytes of the page, compressed, and compressed with the files that it names; these raw."""
    names = {found for found, _ in NAMED_FILES.findall(page.decode())}
    waiting, files = list(names), 0
    raw = 0
    while waiting:
        path = Path("static", waiting.pop())
        if not path.exists():  # what comes with Django or an app is the same in both
            continue
        content = path.read_bytes()
        raw += len(content)
        files += min(len(content), len(gzip.compress(content, 9, mtime=0)))
        if path.suffix == ".css":
            for _, named in NAMED_FILES.findall(content.decode()):
                other = (path.parent / named.split("#")[0].split("?")[0]).resolve()
                name = str(other.relative_to(Path("static").resolve())) if other.exists() else ""
                if name and name not in names:
                    names.add(name)
                    waiting.append(name)
    packed = len(gzip.compress(page, 6, mtime=0))
    return [len(page), packed, packed + files, len(page) + raw]


def serve(database: str, organizations: int, companies: int) -> None:
    """Fill, tell the pages, then look at the one that each line of the input names; print what it cost."""
    from tests.benchmarks import large

    large.settings(database)
    user, instance = large.load(organizations, companies, 1)
    user.is_superuser = True  # who sees every page, with all that can be on it
    user.save()
    from django.test import Client

    import portal.wsgi  # noqa: F401  # the collector as it is where pages are served
    from integrations.models import MappingProposal

    proposal = MappingProposal.objects.filter(company__isnull=False).order_by("organization__name")[0]
    assert proposal.company_id is not None
    pages = addresses(instance, proposal.organization_id, proposal.company_id)
    somebody, nobody = Client(), Client()
    somebody.force_login(user)
    large.say(json.dumps(sorted(pages)))
    for line in sys.stdin:
        name = line.strip()
        client = nobody if name == "sign-in" else somebody
        began, worked = time.perf_counter(), time.process_time()
        answer = client.get(pages[name])
        spent = [1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)]
        assert answer.status_code == 200, (name, answer.status_code)
        large.say(json.dumps([*spent, *weights(answer.content)]))


class Checkout:
    """A process with the code of a checkout, which has filled its portal."""

    def __init__(self, folder: Path, database: str, options: argparse.Namespace) -> None:
        # By this file, which the checkout itself may not have, with the checkout's modules.
        program = (
            f"import runpy, sys; sys.path.insert(0, '.'); runpy.run_path({__file__!r}, run_name='__main__')"
        )
        command = [sys.executable, "-c", program, ".", "--databases", database, "--serve"]
        command += ["--organizations", str(options.organizations), "--companies", str(options.companies)]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout
        self.pages: list[str] = json.loads(self.output.readline())

    def look(self, name: str) -> tuple[Cost, list[int]]:
        """What the page costs now, and its weights."""
        self.input.write(f"{name}\n")
        clock, processor, *bytes_ = json.loads(self.output.readline())
        return (clock, processor), bytes_


def compare(name: str, checkouts: list[Checkout], looks: int) -> bool:
    """Ask for the page in turn, and print its row; whether it is within both bounds."""
    from tests.benchmarks.pages import percentile

    costs: list[list[Cost]] = [[], []]
    bytes_: list[list[int]] = [[], []]
    for number in range(ASIDE + looks):
        for which in (0, 1) if number % 2 else (1, 0):
            cost, bytes_[which] = checkouts[which].look(name)
            if number >= ASIDE:
                costs[which].append(cost)
    cells, ratios = [name.ljust(14)], []
    for place in range(4):
        ours, theirs = (each[place] for each in bytes_)
        cells.append(f"{ours:7} / {theirs:7} = {ours / theirs:4.2f}")
    measures: tuple[tuple[int, Callable[[list[float]], float]], ...] = (
        (0, statistics.median),
        (0, lambda values: percentile(values, 0.95)),
        (1, statistics.median),
        (1, min),
    )
    for column, measure in measures:
        now, before = (measure([cost[column] for cost in each]) for each in costs)
        ratios.append(now / before)
        cells.append(f"{now:5.1f} / {before:5.1f} = {now / before:4.2f}")
    fits = bytes_[0][2] <= GROWS * bytes_[1][2] and ratios[2] <= SLOWS
    print(" | ".join([*cells, "" if fits else "OVER"]), flush=True)  # noqa: T201
    return fits


def main() -> None:
    """Fill both, ask for each page of both in turn, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, help="another checkout of the project")
    parser.add_argument(
        "--databases", nargs="+", default=["sqlite", "sqlite"], help="of this one, of the other"
    )
    parser.add_argument("--organizations", type=int, default=300)
    parser.add_argument("--companies", type=int, default=1500)
    parser.add_argument("--looks", type=int, default=40)
    parser.add_argument("--only", nargs="*", help="these pages")
    parser.add_argument("--serve", action="store_true", help="be one of the two")
    options: Any = parser.parse_args()
    if options.serve:
        serve(options.databases[0], options.organizations, options.companies)
        return
    folders = (HERE, options.before.resolve())
    checkouts = [Checkout(*each, options) for each in zip(folders, options.databases, strict=True)]
    heads = (
        "bytes", "compressed", "compressed with files", "bytes with files", "median ms", "p95 ms", "CPU ms",
        "least CPU",
    )  # fmt: skip
    print(" | ".join(["page, now / before".ljust(14), *heads]))  # noqa: T201
    pages = [name for name in checkouts[0].pages if name in checkouts[1].pages]
    fits = [compare(name, checkouts, options.looks) for name in options.only or pages]
    print(f"{fits.count(True)} of {len(fits)} pages within both bounds")  # noqa: T201
    for checkout in checkouts:
        checkout.process.kill()


if __name__ == "__main__":
    main()
