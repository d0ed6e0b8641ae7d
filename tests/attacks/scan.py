"""A scanner that others wrote, signed in as a member and as an owner, against a portal that is thrown away.

The scanner is wapiti (Debian: ``wapiti``; PyPI: ``wapiti3``), best in an environment of its own: it shares
libraries with the portal, in other versions. Run from the root of the project::

    .venv/bin/python -m tests.attacks.scan [--wapiti PATH] [--minutes 5] [--role member] [--report FOLDER]

The portal has the data of the demo and a simulated Autotask, all in a temporary folder. The scanner follows
every link and sends every form that the person sees, but for those that end its own session. The exit status
is 1 for a finding of medium level or higher, or a page that broke (status 500), 2 where too little was looked
at for the result to mean anything.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from tests.journeys.conftest import Portal
from tests.journeys.screenshots import demo

LEVELS = ("for information", "low", "medium", "high", "critical")
MEDIUM = LEVELS.index("medium")
ROLES = {"member": "Members", "owner": "Owners"}
# Those that find something in a portal; the others look for products of other makers or ask for the internet.
MODULES = (
    "cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,ldap,log4shell,methods,permanentxss,redirect,"
    "shellshock,sql,ssrf,timesql,upload,xss,xxe"
)
# What ends the scanner's own session, or closes its account to it.
LEFT_OUT = ("accounts/logout/", "accounts/password/change/", "accounts/2fa/*", "accounts/reauthenticate/*")
TRIES = 3
FEWEST_REQUESTS = 300  # of a scan that has looked at something

Finding = tuple[int, str, str, str]  # level, kind, address, what was seen


def main() -> int:
    """Start, sign in, scan, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wapiti", default=shutil.which("wapiti") or "wapiti", metavar="PATH")
    parser.add_argument("--minutes", type=float, default=5, help="for each role")
    parser.add_argument("--role", choices=ROLES, action="append", help="both, unless one is named")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="where the scanner's reports are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with demo(folder / "portal") as portal:
            portal.manage("load_demo", "--instances", "2", "--organizations", "40", "--companies", "80")
            report = options.report or folder
            report.mkdir(parents=True, exist_ok=True)
            states = [
                scan(portal, role, options.wapiti, options.minutes, report)
                for role in options.role or list(ROLES)
            ]
    return max(states)


def scan(portal: Portal, role: str, wapiti: str, minutes: float, folder: Path) -> int:
    """Let the scanner work in this role; prints what it found and returns the exit status."""
    session = signed_in(portal, role)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    report, before = folder / f"{role}.json", answered(portal)
    left_out = [part for path in LEFT_OUT for part in ("--exclude", f"{portal.url}/{path}")]
    seconds = 60 * minutes
    command = [
        wapiti, "--url", f"{portal.url}/", "--module", MODULES, "--cookie-value", cookies, *left_out,
        "--max-scan-time", f"{seconds * 0.4:.0f}", "--max-attack-time", f"{seconds * 0.6 / 10:.0f}",
        "--scan-force", "aggressive", "--max-links-per-page", "60", "--max-files-per-dir", "60",
        "--max-parameters", "40", "--tasks", "4", "--timeout", "20", "--level", "2",
        "--format", "json", "--output", str(report), "--flush-session", "--no-bugreport", "--verbose", "0",
        "--store-session", str(folder / f"{role}-session"),
    ]  # fmt: skip
    # It keeps what it knows in a database of its own, for which it does not wait long on a busy machine.
    for _ in range(TRIES):
        with (folder / f"{role}.log").open("ab") as log:
            subprocess.run(command, check=False, stdout=log, stderr=log, timeout=seconds * 3)
        if report.exists():
            break
    else:
        tell(f"{role}: the scanner failed {TRIES} times, as its log says: {folder / f'{role}.log'}")
        return 2
    found = findings(json.loads(report.read_text(encoding="utf-8")))
    asked = answered(portal) - before
    answer = session.get(f"{portal.url}/", timeout=30, allow_redirects=False)
    tell(f"{role}: {asked.total()} requests ({by_status(asked)}); findings: {told(found)}")
    for level, kind, address, seen in found:
        tell(f"  {LEVELS[level]}: {kind} at {address}: {seen}")
    if any(level >= MEDIUM for level, *_ in found) or any(status >= "500" for status in asked):
        return 1
    if asked.total() < FEWEST_REQUESTS or answer.status_code != 200:
        tell(f"  too little to mean anything, or signed out on the way (status {answer.status_code})")
        return 2
    return 0


def findings(report: dict[str, Any]) -> list[Finding]:
    """What the scanner's report holds: holes, and answers that are none (500, no answer in time)."""
    return sorted(
        (
            (int(found["level"]), kind, f"{found['method']} {found['path']}", str(found["info"]))
            for part in ("vulnerabilities", "anomalies")
            for kind, rows in report[part].items()
            for found in rows
        ),
        reverse=True,
    )


def told(found: Sequence[Finding]) -> str:
    """How many of each level."""
    counts = Counter(level for level, *_ in found)
    return ", ".join(f"{counts[level]} {name}" for level, name in reversed(list(enumerate(LEVELS))))


def tell(line: str) -> None:
    """Say it to whoever has started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def by_status(counts: Counter[str]) -> str:
    """How many answers had which status."""
    return ", ".join(f"{number} x {status}" for status, number in sorted(counts.items()))


def signed_in(portal: Portal, role: str) -> requests.Session:
    """A browser in which somebody new with this role has signed in by the form."""
    password = secrets.token_urlsafe(24)
    portal.manage("shell", "--verbosity", "0", "-c", (
        "from django.contrib.auth.models import Group, User\n"
        f"User.objects.create_user({role!r}, password={password!r})"
        f".groups.add(Group.objects.get(name={ROLES[role]!r}))"
    ))  # fmt: skip
    session = requests.Session()
    address = f"{portal.url}/accounts/login/"
    page = session.get(address, timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    if token is None:
        raise RuntimeError("the sign-in form has no token")
    form = {"csrfmiddlewaretoken": token[1], "login": role, "password": password}
    answer = session.post(address, form, timeout=30)
    if answer.url != f"{portal.url}/":
        raise RuntimeError(f"the sign-in did not get in, but to {answer.url}")
    return session


def answered(portal: Portal) -> Counter[str]:
    """How many requests the portal has answered so far, by status, as its own figures say."""
    figures = requests.get(f"{portal.url}/metrics", timeout=30).text
    counts: Counter[str] = Counter()
    line = r'^portal_http_requests_total\{.*status="(\d+)"\} (\d+)'
    for status, number in re.findall(line, figures, re.MULTILINE):
        counts[status] += int(number)
    return counts


if __name__ == "__main__":
    sys.exit(main())
