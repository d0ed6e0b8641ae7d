"""Fifty staff at work: open a setup page, filter, search companies, choose, tick, and save now and then.

``python -m tests.benchmarks.staff`` fills a portal on this machine, signs fifty people in, starts this and
reads the result. The session keys are in STAFF_SESSIONS: signing in is limited to thirty a
minute and address.
"""

from __future__ import annotations

import itertools
import os
import random
import re
from urllib.parse import urlsplit

from locust import HttpUser, between, events, task

MOST_USERS = 50
# Seconds that a person reads, decides and types between two actions, from and to.
THINKING = [float(part) for part in os.environ.get("STAFF_THINKING", "4,12").split(",")]
SESSIONS = os.environ["STAFF_SESSIONS"].split(",")
WORDS = ("dental", "group", "law", "north", "church", "bank", "farm", "school", "steel", "zzz")
_numbers = itertools.count()


@events.test_start.add_listener
def loopback_only(environment: object, **kwargs: object) -> None:
    """This is for a portal on this machine, with at most fifty people."""
    host = urlsplit(getattr(environment, "host", "") or "").hostname
    if host not in {"127.0.0.1", "localhost", "::1"}:
        raise SystemExit("The load script works against this machine only.")


class Staff(HttpUser):
    """One person with a browser."""

    wait_time = between(*THINKING)
    page = ""

    def on_start(self) -> None:
        """Take up a session that was signed in before, and find a configuration."""
        number = next(_numbers)
        if number >= MOST_USERS:
            raise SystemExit(f"At most {MOST_USERS} people.")
        self.client.cookies.set("sessionid", SESSIONS[number], domain=urlsplit(self.host).hostname)
        home = self.client.get("/").text
        found = re.findall(r'href="(/integrations/autotask/\d+/)"', home)
        assert found, "signed in, a configuration is shown"
        self.page = found[0]

    def token(self) -> str:
        """The form token of the cookie."""
        return str(self.client.cookies.get("csrftoken", ""))

    def rows(self) -> list[str]:
        """Organization ids of the page that is looked at."""
        with self.client.get(
            self.page, params={"page": random.randint(1, 80)}, name="setup page", catch_response=True
        ) as answer:
            found = re.findall(r'id="row-(\d+)"', answer.text)
            if answer.status_code == 200 and not found:
                answer.failure("no rows on the page")
        return found

    @task(4)
    def look(self) -> None:
        """Turn pages."""
        self.rows()

    @task(2)
    def narrow(self) -> None:
        """Filter by state or text."""
        params = random.choice([{"state": "mapped"}, {"state": "unmapped"}, {"q": random.choice(WORDS)}])
        self.client.get(self.page, params=params, name="setup page, narrowed")

    @task(4)
    def choose(self) -> None:
        """Search a company for a row and take it."""
        rows = self.rows()
        if not rows:
            return
        address = f"{self.page}mappings/{random.choice(rows)}/company/"
        fragment = {"HX-Request": "true", "Referer": f"{self.host}/"}
        options = self.client.get(
            address, params={"q": random.choice(WORDS)}, headers=fragment, name="company search"
        ).text
        companies = re.findall(r'data-company="(\d+)"', options)
        if companies:
            self.client.post(
                address,
                {"company": random.choice(companies), "csrfmiddlewaretoken": self.token()},
                headers=fragment,
                name="choose company",
            )

    @task(1)
    def save(self) -> None:
        """Save what was chosen; a colleague may have been faster, which is told and no error."""
        self.client.post(
            f"{self.page}mappings/save/",
            {"csrfmiddlewaretoken": self.token()},
            headers={"Referer": f"{self.host}/"},
            name="save mappings",
        )

    @task(1)
    def overview(self) -> None:
        """Home and jobs."""
        self.client.get("/")
        self.client.get("/jobs/")
