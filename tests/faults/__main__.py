"""Bring every fault about on both databases and tell what happened: ``python -m tests.faults --write``.

Bounded: about twenty minutes. Ends with 1 when anything was lost, or the portal was not back within 30 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.support.settings")
import django

django.setup()

from tests.faults import disks, kills, world  # noqa: E402, F401  # more of them
from tests.faults.cases import BOTH, CASES, SQLITE, Case, Skipped  # noqa: E402
from tests.support.portal import Portal, running_portal, wait_until  # noqa: E402

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
BACK_WITHIN = 30.0  # seconds
HEAD = """# Faults

What `python -m tests.faults --write` saw: every fault on a portal that `manage.py serve` runs, with one web
process and one worker. *Back after* is how long after the end of the cause the portal was ready and a job
was done again, without a hand; *nothing* lost means that organizations, mappings, history, configurations
and people are all there.

| fault | database | what happened | lost | back after |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Seen:
    """A row of the table."""

    case: Case
    kind: str
    happened: str
    lost: str = "–"
    back: float | None = None

    @property
    def is_right(self) -> bool:
        """Nothing lost, and back in time; or not tried."""
        return self.happened.startswith("skipped") or (self.lost == "nothing" and self.back is not None)

    def __str__(self) -> str:
        back = f"{self.back:.0f} s" if self.back is not None else "–"
        return f"| {self.case.name} | {self.kind} | {self.happened} | {self.lost} | {back} |"


def see(case: Case, kind: str, portal: Portal) -> Seen:
    """Bring one fault about."""
    before = portal.counts()
    try:
        happened = case.make(portal)
    except Skipped as reason:
        return Seen(case, kind, f"skipped: {reason}")
    except Exception as wrong:  # the other faults are tried all the same
        portal.simulator.clear()
        told = (str(wrong).splitlines() or [type(wrong).__name__])[0]
        return Seen(case, kind, f"WRONG: {told}")
    try:
        back = wait_until(portal.is_ready, "ready", BACK_WITHIN)
        sql = "SELECT count(*) FROM integrations_job WHERE kind = 'refresh_options' AND state = 'done'"
        done = portal.value(sql)
        back += wait_until(lambda: portal.press_refresh()[0] == 302, "the button works", BACK_WITHIN)
        back += wait_until(lambda: portal.value(sql) > done, "a job is done", BACK_WITHIN)
        assert back <= BACK_WITHIN, f"it took {back:.0f} s"
    except AssertionError as wrong:
        return Seen(case, kind, f"{happened}; WRONG: {wrong}")
    lost = [table for table, count in before.items() if portal.counts()[table] < count]
    return Seen(case, kind, happened, ", ".join(lost) or "nothing", back)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 64 MB there, where that is allowed."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=False, capture_output=True
    )
    try:
        yield
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def see_all(kind: str, words: list[str]) -> list[Seen]:
    """Bring all that fit about on one portal, one after the other."""
    chosen = [
        case
        for case in CASES
        if kind in case.kinds and (not words or any(word in case.name for word in words))
    ]
    seen = []
    with tempfile.TemporaryDirectory(prefix="portal-faults-") as name:
        folder = Path(name)
        settings = {"JOB_SECONDS_REFRESH_OPTIONS": "25"}
        with small_disk(folder / "database"), running_portal(kind, folder, settings=settings) as portal:
            for case in chosen:
                seen.append(see(case, kind, portal))
                print(seen[-1], flush=True)  # noqa: T201
    return seen


def main() -> int:
    """See all, tell, and write the document when asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    parser.add_argument("--kind", choices=BOTH, action="append")
    parser.add_argument("word", nargs="*", help="only faults whose names hold one of these words")
    given = parser.parse_args()
    kinds = given.kind or list(BOTH)
    with ThreadPoolExecutor(len(kinds)) as pool:
        found = list(pool.map(lambda kind: see_all(kind, given.word), kinds))
    seen = [row for rows in found for row in rows]
    seen.sort(key=lambda row: (CASES.index(row.case), row.kind != SQLITE))
    text = HEAD + "\n".join(map(str, seen)) + "\n"
    if given.write:
        DOCUMENT.write_text(text, encoding="utf-8")
    wrong = [row for row in seen if not row.is_right]
    faults = len({row.case.name for row in seen})
    print(f"{faults} faults, {len(seen)} rows, {len(wrong)} not as they should be")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
