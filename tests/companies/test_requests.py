"""How many requests a press takes, by the number of companies; docs/performance.md carries the table."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from integrations.models import IntegrationInstance, Job
from integrations.psa.autotask.provider import Autotask
from integrations.psa.base import FilterCondition
from integrations.psa.registry import PROVIDERS
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.simulated import CUSTOMER, actor_of, make_tenant, refresh

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
CHANGED = 3
FIRST_ID = 1_000


@pytest.fixture(params=[40, *(pytest.param(many, marks=pytest.mark.large) for many in (1_500, 20_000))])
def companies(request: pytest.FixtureRequest) -> int:
    """How many customers the tenant has."""
    return int(request.param)


@pytest.fixture
def tenant(companies: int) -> Tenant:
    """A tenant with so many customers, and its own company."""
    own = {"id": 0, "companyName": "Northwind Managed IT", "companyType": 8}
    numbers = range(FIRST_ID, FIRST_ID + companies)
    customers = [{"id": n, "companyName": f"Harbour {n}", "companyType": CUSTOMER} for n in numbers]
    return make_tenant(companies=[own, *customers])


def press(simulator: Simulator, instance: IntegrationInstance, *, full: bool = False) -> str:
    """What a refresh read, and in how many requests."""
    simulator.requests.clear()
    job = refresh(instance, full=full)
    assert job.state == Job.State.DONE, job.error
    return f"{'everything' if job.result['full'] else 'changes'}, {len(simulator.requests)}"


def test_a_press_takes_as_many_requests_as_the_document_says(
    simulator: Simulator,
    tenant: Tenant,
    instance: IntegrationInstance,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
    companies: int,
) -> None:
    """With the filter of the setup guide; fields and picklists, counts and all questions by id are in it."""
    monkeypatch.setitem(PROVIDERS, "autotask", Autotask())  # whose pages are Autotask's, of 500
    save_filters(Batch(actor_of(owner)), instance, [FilterCondition("companyType", "eq", CUSTOMER)])
    press(simulator, instance)
    everything = press(simulator, instance, full=True)
    nothing = press(simulator, instance)
    for number in range(FIRST_ID, FIRST_ID + CHANGED):
        tenant.companies.change(number, {"city": "Springfield"})
    row = f"| {companies:,} | {everything} | {nothing} | {press(simulator, instance)} |"
    assert row in DOCUMENT.read_text(encoding="utf-8"), f"docs/performance.md lacks\n{row}"
