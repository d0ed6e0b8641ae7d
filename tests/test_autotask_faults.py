"""Every fault of the other end, seen from the portal: what the user reads, and that nothing is harmed.

The answers make up docs/autotask-faults.md. After a change that is meant: WRITE_DOCS=1 pytest this file.
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import AuditEvent, Company, IntegrationInstance, Job, OrganizationMapping
from integrations.psa.autotask.client import AutotaskClient, AutotaskSettings, RetrySettings
from integrations.psa.autotask.provider import Autotask
from integrations.psa.base import Credentials, PSAClient
from integrations.psa.registry import PROVIDERS
from integrations.services.connections import test_connection as check_connection
from integrations.simulators.autotask.faults import FaultName
from integrations.simulators.autotask.request_log import ReceivedRequest
from integrations.simulators.autotask.server import Simulator
from tests.simulated import SECRETS, actor_of, connect, make_organization, map_to, refresh

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "autotask-faults.md"
WRITE = os.environ.get("WRITE_DOCS") == "1"


class OneReader(Autotask):
    """Autotask with one reader and short waits, so that requests can be counted."""

    def client(self, credentials: Credentials, *, api_url: str = "") -> PSAClient:
        """The real client."""
        usual = super().client(credentials, api_url=api_url)
        assert isinstance(usual, AutotaskClient)
        usual.close()
        return AutotaskClient(
            credentials,
            settings=AutotaskSettings(
                extra_hosts=usual.settings.extra_hosts,
                discovery_url=usual.settings.discovery_url,
                connect_timeout=1.0,
                read_timeout=0.4,
                request_deadline=0.8,
                page_size=10,
                readers=1,
                slow_pause=0.001,
                max_body_bytes=256 * 1024,
                max_pages=20,
                retry=RetrySettings(unavailable_wait=0.001, rate_wait=0.001, longest_wait=0.005),
            ),
            api_url=api_url,
        )


@dataclass(frozen=True)
class Case:
    """A fault with its options, in words, and how the refresh under it is meant to end."""

    words: str
    fault: FaultName
    ends: str = Job.State.FAILED
    options: dict[str, Any] = field(default_factory=dict)
    refused: int = 0  # answers that refuse the credentials: one, whatever is done
    used: int = 0  # requests of the hour that were used before


QUERY = {"path": "companies/query"}
TWICE = {"times": 2, **QUERY}
ONCE = {"times": 1, **QUERY}
ERROR = {"status": 500}
FAILS = Job.State.FAILED
BY_USAGE = FaultName.LATENCY_BY_USAGE
CASES = (
    Case("wrong tracking identifier, answered 401", FaultName.TRACKING_IDENTIFIER_REFUSED, refused=1),
    Case("wrong tracking identifier, answered 500", FaultName.TRACKING_IDENTIFIER_REFUSED, FAILS, ERROR, 1),
    Case("locked API user", FaultName.LOCKED_USER, refused=1),
    Case("no permission to read companies, 500", FaultName.NO_COMPANY_PERMISSION),
    Case("no permission to read companies, 403", FaultName.NO_COMPANY_PERMISSION, options={"status": 403}),
    Case("half of the companies silently left out", FaultName.RESTRICTED_ROWS, options={"every": 2}),
    Case("too many calls at once, 429", FaultName.THREAD_LIMIT, options=QUERY),
    Case("too many calls at once, said with 500", FaultName.THREAD_LIMIT, options={"status": 500, **QUERY}),
    Case("too many calls at once, twice", FaultName.THREAD_LIMIT, Job.State.DONE, TWICE),
    Case("the hour's requests are used up", FaultName.HOURLY_LIMIT),
    Case("tenant moved to another zone", FaultName.ZONE_MOVED, Job.State.DONE, {"zone": 5}, refused=1),
    Case("zone answer names a foreign host", FaultName.ZONE_ELSEWHERE, Job.State.DONE),
    Case("zone address without its slash", FaultName.ZONE_URL_UNTIDY, Job.State.DONE),
    Case("no Version endpoint", FaultName.NO_VERSION, Job.State.DONE),
    Case("answer too slow", FaultName.SLOW_ANSWER, options={"bytes": 8, "pause": 0.05, **QUERY}),
    Case("connection dropped before the answer", FaultName.DROPPED_BEFORE_ANSWER, options=QUERY),
    Case("connection dropped once", FaultName.DROPPED_BEFORE_ANSWER, Job.State.DONE, ONCE),
    Case("connection dropped within the answer", FaultName.DROPPED_MID_BODY, options=QUERY),
    Case("truncated JSON", FaultName.TRUNCATED_JSON, options=QUERY),
    Case("empty body", FaultName.EMPTY_BODY, options=QUERY),
    Case("bytes that are no text", FaultName.BAD_ENCODING, options=QUERY),
    Case("HTML page with 200", FaultName.HTML_PAGE, options=QUERY),
    Case("HTML page with 503", FaultName.HTML_PAGE, options={"status": 503, **QUERY}),
    Case("huge body", FaultName.HUGE_BODY, options={"bytes": 1024 * 1024, **QUERY}),
    Case("gateway error 502", FaultName.GATEWAY_ERROR, options={"status": 502, **QUERY}),
    Case("gateway error 504, twice", FaultName.GATEWAY_ERROR, Job.State.DONE, {"status": 504, **TWICE}),
    Case("500 with the service's own words", FaultName.SERVER_ERROR, options=QUERY),
    Case("errors inside a 200", FaultName.ERRORS_IN_200, options=QUERY),
    Case("endless paging", FaultName.ENDLESS_PAGING, options=QUERY),
    Case("the same page again", FaultName.REPEATED_PAGE, options=QUERY),
    Case("paging ends early", FaultName.PAGING_ENDS_EARLY, options=QUERY),
    Case("next page on another host", FaultName.NEXT_PAGE_ELSEWHERE, options=QUERY),
    Case("redirect", FaultName.REDIRECT, options=QUERY),
    Case("JSON of the wrong types", FaultName.WRONG_TYPES, options=QUERY),
    Case("JSON nested without end", FaultName.DEEP_JSON, options=QUERY),
    Case("names with control signs and 10,000 letters", FaultName.STRANGE_NAMES, Job.State.DONE, QUERY),
    Case("compressed answers", FaultName.GZIP, Job.State.DONE),
    Case("compression bomb", FaultName.GZIP_BOMB, options={"bytes": 8 * 1024 * 1024, **QUERY}),
    Case("data changed between pages", FaultName.CHANGED_BETWEEN_PAGES, Job.State.DONE, ONCE),
    Case("slow service", FaultName.LATENCY, Job.State.DONE, {"seconds": 0.02}),
    Case("latency by usage, 60 % of the hour used", BY_USAGE, Job.State.DONE, {"scale": 0.05}, used=6000),
    Case("latency by usage, 92 % of the hour used", BY_USAGE, options={"scale": 0.05}, used=9200),
)  # fmt: skip


@pytest.fixture
def ready(
    simulator: Simulator, owner: User, monkeypatch: pytest.MonkeyPatch
) -> tuple[Simulator, IntegrationInstance]:
    """A connected instance with its companies and one mapping."""
    monkeypatch.setitem(PROVIDERS, "autotask", OneReader())
    instance = connect(owner)
    assert refresh(instance).state == Job.State.DONE
    map_to(owner, instance, make_organization("Abbott Dental Care"), 101)
    instance.refresh_from_db()
    return simulator, instance


def shown(text: str) -> str:
    """A sentence without what differs from run to run, fit for a table cell."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"\s+", " ", text).replace("|", "/").strip()


def refusals(sent: Sequence[ReceivedRequest], case: Case) -> list[ReceivedRequest]:
    """The requests whose credentials were refused, by 401 or by the older 500."""
    refusing = 500 if case.refused and case.options.get("status") == 500 else 401
    return [request for request in sent if request.status == refusing]


def row_for(case: Case, ready: tuple[Simulator, IntegrationInstance], owner: User, settings: Any) -> str:
    """Go through a check and a full refresh under the fault, prove that nothing was harmed, and tell."""
    simulator, instance = ready
    if case.fault is FaultName.ZONE_MOVED:
        settings.AUTOTASK_EXTRA_HOSTS.append(simulator.add_zone(5).base_url.split("/")[2])
    for tenant in simulator.tenants.values():
        tenant.budget.set_used(case.used)
    mappings = list(OrganizationMapping.objects.values())
    missing = Company.objects.exclude(missing_since=None).count()
    simulator.inject(case.fault, **case.options)
    simulator.requests.clear()
    job = refresh(instance, full=True)
    sent = list(simulator.requests)
    assert job.state == case.ends, job.error or job.message
    assert len(refusals(sent, case)) == case.refused
    assert list(OrganizationMapping.objects.values()) == mappings
    if job.state != Job.State.DONE:
        assert Company.objects.exclude(missing_since=None).count() == missing
    same = Counter((each.zone, each.path, str(each.query), each.body) for each in sent)
    tried = max(same.values(), default=0)
    newly_missing = Company.objects.exclude(missing_since=None).count() - missing
    simulator.clear()

    simulator.inject(case.fault, **case.options)
    simulator.requests.clear()
    report = check_connection(actor_of(owner), instance)
    # The check looks the zone up first, so a tenant that has moved is not asked at its old place at all.
    moved = case.fault is FaultName.ZONE_MOVED
    assert len(refusals(list(simulator.requests), case)) == (0 if moved else case.refused)
    failed = next((step for step in report.steps if step.state == "failed"), None)
    simulator.clear()
    checked = shown(f"{failed.title}: {failed.detail}") if failed else "passes"
    told = shown(job.error) if job.error else shown(f"done: {job.message}")
    after = "as before" if not newly_missing else f"{newly_missing} marked missing"
    return f"| {case.words} | {checked} | {told} | {tried} | {len(sent)} | {after} |"


HEAD = """# What happens when Autotask fails

Produced by `tests/test_autotask_faults.py` against the simulated Autotask: a configuration with 15 companies
and one mapping, first a full refresh under the fault, then a connection check under it. *Tries* is how often
the refresh sent the very same request: 1 means that nothing was retried. *Requests* is how many calls it sent
in all. In no case was the mapping changed, a company marked missing after an incomplete read, more than one
request sent with refused credentials, or a secret written to a log or shown on a page.

A refresh uses the address that the last connection check has stored. It looks the zone up only after a 401,
so faults of the zone look-up show in the check alone.

| fault | connection check | refresh: what the user reads | tries | requests | companies afterwards |
|---|---|---|---|---|---|
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_a_fault_harms_nothing_and_is_told_in_words(
    case: Case,
    ready: tuple[Simulator, IntegrationInstance],
    owner: User,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        row = row_for(case, ready, owner, settings)
    _, instance = ready
    page = Client()
    page.force_login(owner)
    shown_page = page.get(instance.get_absolute_url()).content.decode()
    stored = [str(values) for model in (AuditEvent, Job) for values in model.objects.values()]
    for secret in SECRETS:
        for place in (caplog.text, shown_page, *stored):
            assert secret not in place
    if WRITE:
        _write(case, row)
    else:
        assert row in DOCUMENT.read_text(encoding="utf-8"), f"docs/autotask-faults.md lacks\n{row}"


def _write(case: Case, row: str) -> None:
    """Put the row into its place in the document; rows of faults that are gone leave it."""
    rows = dict.fromkeys((known.words for known in CASES), "")
    if DOCUMENT.exists():
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
            words = line.split(" | ")[0].removeprefix("| ")
            if words in rows:
                rows[words] = line
    rows[case.words] = row
    DOCUMENT.write_text(HEAD + "".join(f"{line}\n" for line in rows.values() if line), encoding="utf-8")


def test_the_document_names_every_fault_once() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    words = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert words[1:] == [case.words for case in CASES]
    left_out = set(FaultName) - {case.fault for case in CASES}
    assert left_out == {
        FaultName.WRONG_TRACKING_IDENTIFIER_500,  # the same answer as the second row
        FaultName.MISSING_ID_404,  # tests/psa
        FaultName.DUPLICATE_ROWS,  # tests/psa
        FaultName.SEARCH_AFTER_POST,  # tests/psa
    }
