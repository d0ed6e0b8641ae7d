"""A result that would break what is expected waits: a person sees what would go, and takes or leaves it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations import tasks
from integrations.models import (
    Alert,
    Company,
    HeldCompany,
    HeldRefresh,
    IntegrationInstance,
    Job,
    OrganizationMapping,
    RecordChange,
)
from integrations.psa.base import FilterCondition
from integrations.services.alerts import watch
from integrations.services.audit import Batch
from integrations.services.companies import save_filters
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.expectations.test_kinds import State, expect, state_of, told
from tests.support.simulated import actor_of, company_of, make_organization, map_to, refresh, table_contents

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]


def remove(tenant: Tenant, *numbers: int) -> None:
    for number in numbers:
        tenant.companies.remove(number)


def page(client: Client, instance: IntegrationInstance) -> str:
    answer = client.get(reverse("integrations:held", args=[instance.psa, instance.pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def key_on(client: Client, instance: IntegrationInstance) -> str:
    """The key of the result that the page shows to somebody who may decide."""
    found = re.search(r'name="key" value="([^"]+)"', page(client, instance))
    assert found is not None
    return found[1]


def press(client: Client, instance: IntegrationInstance, decision: str, key: object = None) -> str:
    key = key or key_on(client, instance)
    address = reverse("integrations:held_decide", args=[instance.psa, instance.pk])
    answer = client.post(address, {"decision": decision, "key": str(key)}, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def work_off() -> Job:
    """Do the refresh that waits, as a worker does."""
    job = Job.objects.open().get()
    tasks.do_job(job.key)
    job.refresh_from_db()
    return job


def gone(instance: IntegrationInstance) -> int:
    return instance.companies.exclude(missing_since=None).count()


def test_a_person_sees_what_would_go_and_takes_it(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    map_to(owner, refreshed, make_organization("Abbott"), 101)
    remove(tenant, *range(101, 106))
    before = table_contents(OrganizationMapping, Company)
    job = refresh(refreshed, full=True)
    assert (job.state, job.result) == (Job.State.FAILED, {"confirm": "shrink"})
    assert table_contents(OrganizationMapping, Company) == before
    assert not RecordChange.objects.filter(kind=RecordChange.Kind.GONE).exists()
    assert (state_of(refreshed, "fewer"), told("fewer")) == (State.BRAKES, ["broken"])
    refreshed.refresh_from_db()
    assert (refreshed.failed_reads, refreshed.failing_since is None) == (0, False)  # no failure: it waits
    window = client_of(member)
    shown = page(window, refreshed)
    assert "5 companies would go" in shown
    assert "<strong>1 mapping</strong> leads to them" in shown
    assert shown.index("Abbott") < shown.index(company_of(refreshed, 102).name)  # mapped ones first
    press(window, refreshed, "take")
    assert work_off().state == Job.State.DONE
    assert gone(refreshed) == 5
    assert OrganizationMapping.objects.present().count() == 1
    assert not HeldRefresh.objects.exists()
    assert (state_of(refreshed, "fewer"), told("fewer")) == (State.HOLDS, ["broken", "restored"])
    watch()
    assert Alert.objects.filter(kind="refresh.failed").count() == 0


def test_no_more_is_taken_than_was_shown(
    tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    press(client_of(member), refreshed, "take")
    remove(tenant, 106)
    assert work_off().result == {"confirm": "shrink"}
    assert gone(refreshed) == 0
    assert HeldCompany.objects.count() == 6
    tenant.companies.put({"id": 101, "companyName": "Back Again"})
    press(client_of(member), refreshed, "take")
    assert work_off().state == Job.State.DONE  # fewer than were shown may go
    assert gone(refreshed) == 5


def test_what_is_left_stays_as_it_is_and_asks_no_more_until_more_goes(
    tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    window = client_of(member)
    assert "The result was left" in press(window, refreshed, "leave")
    assert (gone(refreshed), told("fewer")) == (0, ["broken"])
    refresh(refreshed, full=True)
    held = HeldRefresh.objects.get()
    assert (held.waits, held.left_by, told("fewer")) == (False, member, ["broken"])
    remove(tenant, 106)
    refresh(refreshed, full=True)
    assert HeldRefresh.objects.get().waits  # another result
    assert told("fewer") == ["broken"]  # of the same cause
    for number in range(101, 107):
        tenant.companies.put({"id": number, "companyName": f"Back {number}"})
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert not HeldRefresh.objects.exists()
    assert told("fewer") == ["broken", "restored"]


def test_a_result_that_is_another_one_by_now_is_neither_taken_nor_left(
    tenant: Tenant, refreshed: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    assert "No refresh waits" in page(window, refreshed)
    for decision in ("take", "leave"):
        assert "Nothing was done" in press(window, refreshed, decision, uuid.uuid4())
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    key = HeldRefresh.objects.get().key
    refresh(refreshed, full=True)
    assert HeldRefresh.objects.get().key == key  # the same result is still the one that they look at
    remove(tenant, 106)
    refresh(refreshed, full=True)
    assert "Nothing was done" in press(window, refreshed, "take", key)
    assert not Job.objects.open().exists()


def test_mapped_and_inbox_brake_what_makes_them_worse(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    for number in (101, 102, 103, 104):
        map_to(owner, refreshed, make_organization(f"Firm {number}"), number)
    expect(owner, refreshed, mapped=("brake", 75), inbox=("brake", 1))
    remove(tenant, 101)
    assert refresh(refreshed, full=True).state == Job.State.DONE
    remove(tenant, 102)
    job = refresh(refreshed, full=True)
    assert job.state == Job.State.FAILED
    assert job.error.startswith(
        "With it 2 of 4 organizations (50.0 %) are mapped to a company that is there. "
        "2 mappings would be open in the inbox."
    )
    assert (state_of(refreshed, "mapped"), state_of(refreshed, "inbox")) == (State.BRAKES, State.BRAKES)
    expect(owner, refreshed, mapped=("warn", 75), inbox=("brake", 1))
    assert refresh(refreshed, full=True).state == Job.State.FAILED
    tenant.companies.put({"id": 102, "companyName": company_of(refreshed, 102).name})
    for number in (103, 104):  # names are kept as they are read: such a result makes nothing go
        tenant.companies.change(number, {"companyName": f"New Name {number}"})
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert state_of(refreshed, "inbox") == State.WARNS


def enlarge(tenant: Tenant, instance: IntegrationInstance) -> None:
    """So many companies that reading only what changed is worth it."""
    for number in range(1000, 1060):
        tenant.companies.put({"id": number, "companyName": f"One of Many {number}", "companyType": 1})
    assert refresh(instance, full=True).state == Job.State.DONE


def test_companies_that_leave_the_filter_brake_too_also_by_a_read_of_changes(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    enlarge(tenant, refreshed)
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "eq", 1)])
    assert refresh(refreshed).state == Job.State.DONE  # a new filter is what a person wants
    tenant.companies.change(1059, {"companyName": "Quite Another One"})
    assert refresh(refreshed).result["full"] is False
    for number in range(1000, 1024):
        tenant.companies.change(number, {"companyType": 3})
    job = refresh(refreshed)
    assert (job.state, job.error[:35]) == (Job.State.FAILED, "24 of 72 companies were not returned"[:35])
    assert {each.kind for each in HeldCompany.objects.all()} == {RecordChange.Kind.LEFT}


def test_a_brake_that_is_turned_off_or_made_a_warning_holds_nothing(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed)
    remove(tenant, *range(101, 106))
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert gone(refreshed) == 5


def test_a_read_that_lacks_some_restores_nothing(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    expect(owner, refreshed, fewer=("warn", 20))
    remove(tenant, *range(101, 106))
    refresh(refreshed, full=True)
    assert told("fewer") == ["broken"]
    simulator.inject("counted-but-not-given", every=999)
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert (state_of(refreshed, "fewer"), told("fewer")) == (State.WARNS, ["broken"])


@pytest.mark.parametrize(
    ("who", "sees", "decides"),
    [("owner", True, True), ("member", True, True), ("reader", True, False), ("stranger", False, False)],
)
def test_who_sees_and_who_decides(
    tenant: Tenant, refreshed: IntegrationInstance, client_of: Signed, request: pytest.FixtureRequest,
    who: str, sees: bool, decides: bool,
) -> None:  # fmt: skip
    window = client_of(request.getfixturevalue(who))
    HeldRefresh.objects.create(
        instance=refreshed, at=timezone.now(), reasons=[{"kind": "fewer", "text": "Few."}]
    )
    address = reverse("integrations:held", args=[refreshed.psa, refreshed.pk])
    answer = window.get(address)
    assert answer.status_code == (200 if sees else 404)
    assert ("Take it</button>" in answer.content.decode()) == decides
    key = key_on(window, refreshed) if decides else HeldRefresh.objects.get().key
    answer = window.post(f"{address}decide/", {"decision": "leave", "key": str(key)})
    assert answer.status_code == (302 if decides else 404)
    assert HeldRefresh.objects.get().waits is not decides


def test_a_read_that_sees_less_ends_no_waiting(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    enlarge(tenant, refreshed)
    assert refresh(refreshed).result["full"] is False
    remove(tenant, *range(1000, 1030))
    refresh(refreshed, full=True)
    key = HeldRefresh.objects.get().key
    # Everything is read, though nobody asked for that.
    assert refresh(refreshed).result == {"confirm": "shrink"}
    simulator.inject("counted-but-not-given", every=999)
    assert refresh(refreshed).state == Job.State.DONE  # nobody is gone because of such a read
    assert (HeldRefresh.objects.get().key, gone(refreshed), told("fewer")) == (key, 0, ["broken"])
