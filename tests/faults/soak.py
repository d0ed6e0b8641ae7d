"""A day in twenty minutes: ``python -m tests.faults.soak --write``.

The clock of every process of the portal runs 72 times as fast (clock.c), so that a day of schedules,
housekeeping and sign-ins that end passes, while somebody reads, refreshes, suggests and saves all the time.
What takes time by itself (waits, timeouts) takes as long as ever; libfaketime would shorten it too. Ends with
1 when memory grew by more than a tenth, a connection or job was left, or a table holds something else than it
should.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
import urllib.parse
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.support.settings")
import django

django.setup()

from tests.faults.world import clock_of_its_own  # noqa: E402
from tests.support.portal import Portal, Postgres, running_portal, wait_until  # noqa: E402

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "soak.md"
FASTER = 72
EVERY = 20.0  # seconds between two looks at memory
PAUSE = 0.5  # between two pages
GROWTH = 1.1
EVERY_HOUR = """
from integrations.models import IntegrationInstance
IntegrationInstance.objects.update(refresh_every_hours=1)
"""
LEASE = {"JOB_LEASE_SECONDS": "3600"}  # of the fast clock: 50 s
HEAD = """# A day in twenty minutes

What `python -m tests.faults.soak --write` saw: the clock of every process of the portal runs 72 times as
fast, one configuration is read every hour, and somebody reads pages, refreshes, suggests and saves all the
time. Memory is what the processes of a kind hold together, the median of the looks of the second quarter and
of the last one; within 10 % is flat.

| | sqlite | postgresql |
|---|---|---|
"""


@dataclass
class Seen:
    """What was measured on one kind of database."""

    kind: str
    memory: dict[str, list[float]] = field(default_factory=dict)  # MB of each kind of process, by looks
    connections: list[int] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    told: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Person:
    """Who uses the portal; signs in anew whenever the day of the session is over."""

    def __init__(self, portal: Portal, seen: Seen) -> None:
        self.portal, self.seen, self.signed_in = portal, seen, 0
        page = f"/integrations/autotask/{portal.instance}/"
        self.pages = ("/", f"{page}mappings/", "/organizations/", "/history/", "/jobs/", f"{page}review/")
        self.presses = (f"{page}mappings/refresh/", f"{page}mappings/suggest/", f"{page}mappings/save/")

    def use(self, turn: int) -> None:
        """Read a page; every tenth time, press a button."""
        path, form = self.pages[turn % len(self.pages)], None
        if turn % 10 == 0:
            path, form = self.presses[turn // 10 % len(self.presses)], {"full": "1"}
        status, text = self.portal.ask(path, form)
        self.seen.answers[status] += 1
        if (status == 302 and form is None) or status == 403:
            self.sign_in()
        elif status not in {200, 302, 409, 422}:
            self.seen.wrong.append(f"{path}: {status} {text[:120]}")

    def sign_in(self) -> None:
        """By user name and password."""
        form = urllib.parse.urlencode(
            {"login": "anna", "password": "a long pass phrase", "csrfmiddlewaretoken": "c" * 32}
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.portal.port}/accounts/login/", form.encode(),
            {"Cookie": f"csrftoken={'c' * 32}"},
        )  # fmt: skip
        with urllib.request.build_opener(_Kept).open(request, timeout=60) as answer:
            cookies = SimpleCookie("; ".join(answer.headers.get_all("Set-Cookie") or []))
        if "sessionid" not in cookies:
            self.seen.wrong.append(f"sign-in answered {answer.status} without a session")
            return
        self.portal.session = cookies["sessionid"].value
        self.signed_in += 1


class _Kept(urllib.request.HTTPErrorProcessor):
    """The answer as it is, whether it leads on or refuses."""

    def http_response(self, request: object, response: object) -> object:
        return response


def memory_of(portal: Portal, word: str) -> float:
    """Megabytes that its processes with this word hold."""
    total = 0
    for number in portal.processes(word):
        try:
            text = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += int(re.findall(r"^Pss: +(\d+)", text, re.MULTILINE)[0])
    return total / 1024


def links_of(portal: Portal) -> int:
    """Connections to the server, or open files of the SQLite file."""
    if isinstance(portal.database, Postgres):
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'portal' AND pid <> pg_backend_pid()"
        return int(portal.value(sql))
    name, found = str(portal.database.path), 0
    for number in portal.processes(""):
        try:
            found += sum(str(each.readlink()) == name for each in Path(f"/proc/{number}/fd").iterdir())
        except OSError:
            continue
    return found


def look(portal: Portal, seen: Seen) -> None:
    """Write down memory and connections."""
    for name, word in (("web", "gunicorn"), ("worker", "manage.py worker"), ("jobs", "management.runner")):
        seen.memory.setdefault(name, []).append(memory_of(portal, word))
    seen.connections.append(links_of(portal))


def judge(portal: Portal, seen: Seen, before: dict[str, int], signed_in: int) -> None:
    """What is left when it has ended."""
    for name, looks in seen.memory.items():
        quarter = max(1, len(looks) // 4)
        early, late = statistics.median(looks[quarter : 2 * quarter]), statistics.median(looks[-quarter:])
        seen.told[f"memory of {name}"] = f"{early:.0f} MB, then {late:.0f} MB ({late / early - 1:+.1%})"
        if late > early * GROWTH:
            seen.wrong.append(f"the memory of {name} grew")
    seen.told["connections at most"] = str(max(seen.connections))
    wait_until(lambda: links_of(portal) == 0, "no connection is left")
    seen.told["connections left after the end"] = "0"
    jobs = dict(portal.query("SELECT state, count(*) FROM integrations_job GROUP BY state"))
    seen.told["jobs"] = ", ".join(f"{number} {state}" for state, number in sorted(jobs.items()))
    calls = dict(
        portal.query("SELECT status, count(*) FROM django_tasks_database_dbtaskresult GROUP BY status")
    )
    seen.told["calls in the queue"] = ", ".join(f"{number} {name}" for name, number in sorted(calls.items()))
    if set(jobs) != {"done"} or set(calls) != {"SUCCESSFUL"} or jobs["done"] < 24:
        seen.wrong.append("jobs or calls are left, or failed, or the schedule started less than one an hour")
    left = portal.value("SELECT count(*) FROM integrations_worker")
    after = portal.counts()
    grown = {name: after[name] - count for name, count in before.items() if after[name] != count}
    seen.told["rows more than before"] = ", ".join(f"{n} {name}" for name, n in grown.items()) or "none"
    seen.told["signed in anew"] = f"{signed_in} times"
    if left or set(grown) - {"integrations_auditevent", "integrations_organizationmapping"}:
        seen.wrong.append(f"{left} workers are left, or tables hold something else: {grown}")
    answers = ", ".join(f"{number:,} × {status}" for status, number in sorted(seen.answers.items()))
    seen.told["answers"] = answers
    faults = len(re.findall(r"Traceback", portal.log()))
    seen.told["tracebacks in the log"] = str(faults)
    if faults:
        seen.wrong.append("the log holds tracebacks")


def fast_clock(folder: Path) -> dict[str, str]:
    """What a process is started with to have it: the same moment for all of them."""
    return clock_of_its_own(folder) | {"CLOCK_FROM": str(int(time.time())), "CLOCK_RATE": str(FASTER)}


def soak(kind: str, minutes: float) -> Seen:
    """Run a portal on a database of this kind for so long."""
    seen = Seen(kind)
    with (
        tempfile.TemporaryDirectory(prefix="portal-soak-") as name,
        running_portal(kind, Path(name)) as portal,
    ):
        portal.run(EVERY_HOUR)
        portal.stop()
        portal.settings |= LEASE | fast_clock(Path(name))
        before = portal.counts()
        portal.start()
        wait_until(lambda: portal.ask("/healthz")[0] == 200, "it answers")
        person, turn, ends, next_look = Person(portal, seen), 0, time.monotonic() + 60 * minutes, 0.0
        while time.monotonic() < ends:
            turn += 1
            person.use(turn)
            if time.monotonic() >= next_look:
                look(portal, seen)
                next_look = time.monotonic() + EVERY
            time.sleep(PAUSE)
        still = "SELECT count(*) FROM integrations_job WHERE state IN ('waiting', 'running')"
        wait_until(lambda: portal.value(still) == 0, "the last job ends")
        portal.stop()
        judge(portal, seen, before, person.signed_in)
        print(kind, seen.told, seen.wrong, flush=True)  # noqa: T201
    return seen


def main() -> int:
    """Soak on both, tell, and write the document when asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/soak.md")
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda kind: soak(kind, given.minutes), ("sqlite", "postgresql")))
    rows = [
        f"| {name} | {' | '.join(each.told.get(name, '–') for each in found)} |" for name in found[0].told
    ]
    if given.write:
        DOCUMENT.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    wrong = [f"{each.kind}: {what}" for each in found for what in each.wrong]
    print("\n".join([*rows, *wrong[:20], f"{len(wrong)} not as it should be"]))  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
