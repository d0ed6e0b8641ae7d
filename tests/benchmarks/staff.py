"""Fifty staff working at once on a portal with the data of a large MSP.

They come one after the other, five in two seconds; what counts begins when the last of them is at work.

Run from the root of the project (a PostgreSQL database is emptied!)::

    .venv/bin/python -m tests.benchmarks.staff [--database postgres://...] [--seconds 60] [--people 50]
"""

from __future__ import annotations

import argparse
import csv
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.benchmarks import fleet, large

ARRIVALS = 2.5  # people a second


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def session(name: str) -> str:
    """The session key of a person who is signed in."""
    from django.test import Client

    client = Client()
    client.force_login(large.person(name))
    return client.cookies["sessionid"].value


def main() -> int:
    """Fill, start, let them work, tell; the exit status says whether all was without error and in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--organizations", type=int, default=5000)
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument(
        "--thinking",
        default="4,12",
        metavar="FROM,TO",
        help="seconds that a person takes between two actions",
    )
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="portal-staff-"))
    large.settings(options.database, folder)
    large.load(options.organizations, options.companies, 1)
    os.environ["STAFF_SESSIONS"] = ",".join(session(f"staff-{n}") for n in range(options.people))
    os.environ["STAFF_THINKING"] = options.thinking
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    web = subprocess.Popen(
        [sys.executable, str(fleet.ROOT / "manage.py"), "web", "--bind", f"127.0.0.1:{port}"],
        env=dict(os.environ), start_new_session=True,
    )  # fmt: skip
    try:
        fleet.wait_for(lambda: answers(url), 60)
        program, script = Path(sys.executable).with_name("locust"), Path(__file__).with_name("locustfile.py")
        command = [
            str(program), "-f", str(script),
            "--headless", "-u", str(options.people), "-r", str(ARRIVALS), "--reset-stats",
            "-t", f"{options.seconds + options.people / ARRIVALS:.0f}s",
            "--host", url, "--csv", str(folder / "staff"), "--only-summary", "--loglevel", "ERROR",
        ]  # fmt: skip
        subprocess.run(
            command, cwd=fleet.ROOT, env={**os.environ, "PYTHONPATH": str(fleet.ROOT)}, check=False
        )
    finally:
        web.terminate()
        web.wait(30)
    with (folder / "staff_stats.csv").open(newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    total = rows["Aggregated"]
    large.say(
        f"{options.people} people, {options.seconds} s, {options.thinking} s between actions: "
        f"{total['Request Count']} requests, "
        f"{total['Failure Count']} errors, median {total['50%']} ms, p95 {total['95%']} ms"
    )
    return 0 if int(total["Failure Count"]) == 0 and float(total["95%"]) < 300 else 1


def answers(url: str) -> bool:
    """Whether the web server is up."""
    try:
        urllib.request.urlopen(f"{url}/healthz", timeout=2).close()  # noqa: S310  # our own
    except OSError:  # refused, or too busy to answer yet
        time.sleep(0.1)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
