"""Every fault of the other end, seen from the portal: what the user reads, and that nothing is harmed.

The answers make up docs/autotask-faults.md. After a change that is meant: WRITE_DOCS=1 pytest this file.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from integrations import tasks
from integrations.models import AuditEvent, Company, IntegrationInstance, Job, OrganizationMapping
from integrations.psa.autotask.client import RetrySettings
from integrations.psa.registry import PROVIDERS
from integrations.services.audit import Batch
from integrations.services.instances.check import check_connection
from integrations.simulators.autotask.fault_kinds import FaultName
from integrations.simulators.autotask.request_log import ReceivedRequest
from integrations.simulators.autotask.server import Simulator
from tests.support.fault_cases import CASES, Case
from tests.support.simulated import (
    SECRETS,
    USERNAME,
    ImpatientAutotask,
    actor_of,
    make_organization,
    map_to,
    refresh,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "autotask-faults.md"
WRITE = os.environ.get("WRITE_DOCS") == "1"


# With one reader, so that requests can be counted, and even shorter waits.
ONE_READER = ImpatientAutotask(
    connect_timeout=1.0,
    read_timeout=0.4,
    request_deadline=0.8,
    readers=1,
    max_body_bytes=256 * 1024,
    max_pages=20,
    retry=RetrySettings(unavailable_wait=0.001, passing_wait=0.001, rate_wait=0.001, longest_wait=0.005),
)


@pytest.fixture
def ready(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User, monkeypatch: pytest.MonkeyPatch
) -> tuple[Simulator, IntegrationInstance]:
    """A connected instance with its companies and one mapping."""
    monkeypatch.setitem(PROVIDERS, "autotask", ONE_READER)
    map_to(owner, refreshed, make_organization("Abbott Dental Care"), 101)
    return simulator, refreshed


def shown(text: str) -> str:
    """A sentence without what differs from run to run, fit for a table cell."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"\s+", " ", text).replace("|", "/").strip()


def refusals(sent: Sequence[ReceivedRequest], case: Case) -> list[ReceivedRequest]:
    """The requests whose credentials were refused, by 401 or by the older 500."""
    return [
        request
        for request in sent
        if request.status == case.refused_by and "zoneinformation" not in request.path.lower()
    ]


@contextmanager
def under(case: Case, simulator: Simulator) -> Iterator[None]:
    """Let the fault be, with what else changed in Autotask; afterwards Autotask is as before."""
    tenant = simulator.tenants[USERNAME]
    before = {name: getattr(tenant, name) for name in case.tenant}
    for name, value in case.tenant.items():
        setattr(tenant, name, value)
    if case.fault:
        simulator.inject(case.fault, **case.options)
    if case.slow:
        simulator.inject(FaultName.LATENCY, seconds=0.15, **case.slow)
    simulator.requests.clear()
    yield
    simulator.clear()
    for name, value in before.items():
        setattr(tenant, name, value)


def row_for(case: Case, ready: tuple[Simulator, IntegrationInstance], owner: User, settings: Any) -> str:
    """Go through a check and a full refresh under the fault, prove that nothing was harmed, and tell."""
    simulator, instance = ready
    if case.moves:
        moved_to = simulator.add_zone(case.options["zone"])
        settings.AUTOTASK_EXTRA_HOSTS.append(moved_to.base_url.split("/")[2])
    for tenant in simulator.tenants.values():
        tenant.budget.set_used(case.used)
    for company in case.deleted:
        simulator.tenants[USERNAME].companies.remove(company)
    mappings = list(OrganizationMapping.objects.values())
    missing = Company.objects.exclude(missing_since=None).count()
    with under(case, simulator):
        job = refresh(instance, full=True)
        sent = list(simulator.requests)
        if case.refused:
            knock_at_every_door(instance, owner)
        in_all = len(refusals(list(simulator.requests), case))
    assert job.state == case.ends, job.error or job.message
    assert len(refusals(sent, case)) == in_all == case.refused
    assert list(OrganizationMapping.objects.values()) == mappings
    newly_missing = Company.objects.exclude(missing_since=None).count() - missing
    if job.state != Job.State.DONE:
        assert newly_missing == 0
    same = Counter((each.zone, each.path, str(each.query), each.body) for each in sent)
    tried = max(same.values(), default=0)

    with under(case, simulator):
        report = check_connection(Batch(actor_of(owner)), instance)
        asked = len(refusals(list(simulator.requests), case))
    # What the zone look-up tells keeps the check from sending the credentials to where they are refused.
    at_the_new_zone = 1 if case.moves and case.tenant else 0
    assert asked == (at_the_new_zone if case.moves or case.fault is FaultName.UNKNOWN_USER else case.refused)
    failed = next((step for step in report.steps if step.state == "failed"), None)
    checked = shown(f"{failed.title}: {failed.detail}") if failed else "passes"
    told = shown(job.error) if job.error else shown(f"done: {job.message}")
    after = "as before" if not newly_missing else f"{newly_missing} marked missing"
    refused = in_all or "–"
    return f"| {case.words} | {checked} | {told} | {tried} | {len(sent)} | {refused} | {after} |"


def knock_at_every_door(instance: IntegrationInstance, owner: User) -> None:
    """All that people, schedules and commands can do after a refusal, but for pressing Try once more."""
    window, page = Client(), instance.get_absolute_url()
    window.force_login(owner)
    row = {"filters-0-field": "companyType", "filters-0-operation": "eq", "filters-0-value": "1"}
    window.post(f"{page}filters/preview/", {"filters-TOTAL_FORMS": "1", "filters-INITIAL_FORMS": "0", **row})
    assert window.get(f"{page}missing/", {"q": "Kestrel"}).status_code == 200
    window.post(f"{page}connection/test/", {"unless_refused": "1"})  # from a page of before the refusal
    unchanged = {"name": instance.name, "zone": instance.zone, "username": instance.username}
    window.post(f"{page}connection/", {f"connection-{name}": value for name, value in unchanged.items()})
    refresh(instance)
    IntegrationInstance.objects.update(next_refresh_at=timezone.now(), next_check_at=timezone.now())
    tasks.start_due()
    tasks.enqueue_check(instance, None, origin="schedule")
    tasks.enqueue_check(instance, owner)
    for job in Job.objects.open():
        tasks.do_job(job.key)
    for command in ("refresh_options", "validate_instances"):
        with contextlib.suppress(CommandError):  # it says that it was refused
            call_command(command, instance.name, stdout=io.StringIO(), stderr=io.StringIO())


COLUMNS = (
    "fault", "connection check", "refresh: what the user reads", "tries", "requests",
    "requests with credentials, by anybody, in all", "companies afterwards",
)  # fmt: skip
HEAD = f"""# What happens when Autotask fails

Produced by `tests/psa/test_faults.py` against the simulated Autotask: a configuration with 15 companies and
one mapping, first a full refresh under the fault, then a connection check under it. *Tries* is how often
the refresh sent the very same request: 1 means that nothing was retried. *Requests* is how many calls it
sent in all. *Requests with credentials, by anybody, in all* counts those whose credentials were refused: by
this refresh, and after it by a preview, a search for a missing company, a test of the connection from a
page of before, a saved connection form, another refresh, the schedule, checks in the background and both
commands. It is 1, and one more only at a zone that Autotask newly names: nothing is sent again before
somebody corrects the credentials or presses *Try once more*. In no case was the mapping changed, a company
marked missing after an incomplete read, or a secret written to a log or shown on a page. (Where an API user
is locked while calls are under way, these few, at most three to an object, are refused together, and no
other is sent: `tests/psa/test_locked_user.py`.)

A refresh uses the address that the last connection check has stored. It looks the zone up only after a 401,
so faults of the zone look-up show in the check alone. Single companies are asked for by a query of their ids,
never by the address of one, so it is all the same whether Autotask answers 404 or an empty item there.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
"""


@pytest.mark.exhaustive
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
    assert set(FaultName) == {case.fault for case in CASES if case.fault}
