"""What a person takes or leaves is what they saw, and what is said of it is what was done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations import tasks
from integrations.models import (
    AuditEvent,
    HeldCompany,
    HeldRefresh,
    IntegrationInstance,
    Job,
    OrganizationMapping,
)
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies import save_filters
from integrations.services.jobs import open_job
from integrations.services.mapping import remove_mappings
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.expectations.test_brakes import enlarge, gone, key_on, page, press, remove, work_off
from tests.expectations.test_kinds import expect
from tests.support.simulated import actor_of, company_of, make_organization, map_to, refresh

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]
DONE_NOTHING = "Nothing was done: "


@pytest.fixture
def five_gone(tenant: Tenant, refreshed: IntegrationInstance) -> IntegrationInstance:
    """A result waits: five of fifteen companies would be gone."""
    remove(tenant, *range(101, 106))
    assert refresh(refreshed, full=True).state == Job.State.FAILED
    return refreshed


def decided() -> list[str]:
    """What history tells of decisions, the first one first."""
    events = AuditEvent.objects.filter(action__startswith="held refresh").order_by("pk")
    return list(events.values_list("action", flat=True))


def test_leaving_calls_off_a_take_that_has_not_begun(
    five_gone: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    press(client_of(owner), five_gone, "take")
    window = client_of(member)
    shown = page(window, five_gone)
    assert f"by {owner.username}. The companies are read once more." in shown
    assert "Take it</button>" not in shown
    assert "The result was left: nothing changed" in press(window, five_gone, "leave")
    assert work_off().result == {"confirm": "shrink"}
    held = HeldRefresh.objects.get()
    assert (held.waits, held.left_by, gone(five_gone)) == (False, member, 0)


def test_leaving_calls_off_a_take_that_is_being_read(
    five_gone: IntegrationInstance, owner: User, member: User, client_of: Signed, tenant: Tenant
) -> None:
    press(client_of(owner), five_gone, "take")
    job = Job.objects.open().get()
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    press(client_of(member), five_gone, "leave")
    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING)
    tasks.do_job(job.key)
    assert gone(five_gone) == 0


def test_a_stale_take_does_not_overrule_who_left_it(
    five_gone: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    window = client_of(owner)
    seen = key_on(window, five_gone)
    press(client_of(member), five_gone, "leave")
    said = press(window, five_gone, "take", seen)
    assert f"{DONE_NOTHING}{member.username} has left it." in said
    assert f"{DONE_NOTHING}{member.username} has left it." in press(window, five_gone, "leave", seen)
    assert (HeldRefresh.objects.get().left_by, decided()) == (member, ["held refresh left"])
    assert not Job.objects.open().exists()
    press(window, five_gone, "take")  # of whom it is known that it was left, and by whom
    assert (work_off().state, gone(five_gone)) == (Job.State.DONE, 5)


def test_a_take_while_another_refresh_runs_does_nothing(
    five_gone: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    press(window, five_gone, "leave")
    job, _ = open_job(Job.Kind.REFRESH_OPTIONS, five_gone, None, {})
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    assert f"{DONE_NOTHING}another refresh is under way." in press(window, five_gone, "take")
    held = HeldRefresh.objects.get()
    assert (held.left_by, held.taken_at, decided()) == (member, None, ["held refresh left"])


def test_pressing_again_is_one_decision(
    five_gone: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    seen = key_on(window, five_gone)
    press(window, five_gone, "take", seen)
    for _ in range(2):
        assert f"{DONE_NOTHING}{member.username} has taken it" in press(window, five_gone, "take", seen)
    assert decided() == ["held refresh taken"]
    assert Job.objects.open().count() == 1


def test_who_was_shown_that_companies_leave_the_filter_does_not_take_that_they_are_gone(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "noteq", 3)])
    assert refresh(refreshed).state == Job.State.DONE
    expect(owner, refreshed, fewer=("brake", 0))
    for number in (101, 102):
        tenant.companies.change(number, {"companyType": 3})
    refresh(refreshed, full=True)
    window = client_of(member)
    assert "0 no longer in Autotask, 2 outside the filter" in page(window, refreshed)
    press(window, refreshed, "take")
    remove(tenant, 101, 102)
    assert (work_off().result, gone(refreshed)) == ({"confirm": "shrink"}, 0)
    assert "2 no longer in Autotask, 0 outside the filter" in page(window, refreshed)


def test_mappings_that_were_not_shown_are_not_taken_with_it(
    five_gone: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    seen = key_on(window, five_gone)
    assert "No mapping leads to them" in page(window, five_gone)
    map_to(owner, five_gone, make_organization("Between"), 101)
    assert f"{DONE_NOTHING}what waits is another result by now" in press(window, five_gone, "take", seen)
    press(window, five_gone, "take")
    map_to(owner, five_gone, make_organization("After"), 102)
    assert (work_off().result, gone(five_gone)) == ({"confirm": "shrink"}, 0)
    press(window, five_gone, "take")
    remove_mappings(Batch(actor_of(owner)), list(OrganizationMapping.objects.values_list("pk", flat=True)))
    assert (work_off().state, gone(five_gone)) == (Job.State.DONE, 5)  # less than was shown


def put_twins(tenant: Tenant, instance: IntegrationInstance, *numbers: int) -> None:
    """A second company of the same name beside each."""
    for number in numbers:
        tenant.companies.put({"id": number + 800, "companyName": company_of(instance, number).name})


def test_mappings_that_would_be_open_are_shown_and_no_others_taken(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    expect(owner, refreshed, inbox=("brake", 0))
    for number in (101, 102, 103, 104):
        map_to(owner, refreshed, make_organization(f"Firm {number}"), number)
    put_twins(tenant, refreshed, 101, 102, 103)
    assert refresh(refreshed, full=True).result == {"confirm": "shrink"}
    window = client_of(member)
    shown = page(window, refreshed)
    assert "3 mappings would be open in the inbox</h2>" in shown
    assert all(f"Firm {number}</a>" in shown for number in (101, 102, 103))
    assert "Firm 104" not in shown
    assert "0 companies would go" not in shown
    press(window, refreshed, "take")
    put_twins(tenant, refreshed, 104)
    assert work_off().result == {"confirm": "shrink"}
    assert "Firm 104</a>" in page(window, refreshed)
    press(window, refreshed, "take")
    moved = OrganizationMapping.objects.get(organization__name="Firm 104")
    map_to(owner, refreshed, moved.organization, 105)  # the same row leads to another company
    assert "Firm 104" not in page(window, refreshed)
    put_twins(tenant, refreshed, 105)
    assert work_off().result == {"confirm": "shrink"}
    assert "Firm 104</a>" in page(window, refreshed)
    press(window, refreshed, "take")
    assert work_off().state == Job.State.DONE
    assert not HeldRefresh.objects.exists()


def test_what_was_left_for_one_cause_waits_anew_for_another(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, member: User, client_of: Signed
) -> None:
    expect(owner, refreshed, inbox=("brake", 0), fewer=("brake", 10))
    map_to(owner, refreshed, make_organization("Firm"), 110)
    remove(tenant, 101, 102, 103)
    refresh(refreshed, full=True)
    press(client_of(member), refreshed, "leave")
    refresh(refreshed, full=True)
    assert not HeldRefresh.objects.get().waits
    put_twins(tenant, refreshed, 110)
    refresh(refreshed, full=True)
    held = HeldRefresh.objects.get()
    assert (held.waits, [each["kind"] for each in held.reasons]) == (True, ["fewer", "inbox"])
    assert held.reasons[1]["text"] == "1 mapping would be open in the inbox."


def test_an_incomplete_read_after_a_take_says_that_it_was_not_taken_over(
    simulator: Simulator, five_gone: IntegrationInstance, member: User, client_of: Signed
) -> None:
    window = client_of(member)
    press(window, five_gone, "take")
    simulator.inject("counted-but-not-given", every=999)
    job = work_off()
    assert (job.state, gone(five_gone)) == (Job.State.DONE, 0)
    assert "The result that was taken was not taken over, since this read lacks some" in job.message
    shown = page(window, five_gone)
    assert "The read that followed took nothing over" in shown
    assert "Take it</button>" in shown


def test_an_incomplete_read_takes_the_place_of_no_complete_one(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance, owner: User
) -> None:
    enlarge(tenant, refreshed)
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "noteq", 3)])
    assert refresh(refreshed).state == Job.State.DONE
    remove(tenant, *range(1000, 1030))
    refresh(refreshed, full=True)
    key, companies = HeldRefresh.objects.get().key, HeldCompany.objects.count()
    for number in range(1030, 1056):
        tenant.companies.change(number, {"companyType": 3})
    simulator.inject("counted-but-not-given", every=999)
    job = refresh(refreshed, full=True)
    assert (job.state, job.error[:2]) == (Job.State.FAILED, "30")
    assert (HeldRefresh.objects.get().key, HeldCompany.objects.count()) == (key, companies)


def test_a_refresh_that_was_taken_tells_of_the_new_ones_too(
    tenant: Tenant, five_gone: IntegrationInstance, member: User, client_of: Signed
) -> None:
    for number in (901, 902):
        tenant.companies.put({"id": number, "companyName": f"New Firm {number}"})
    refresh(five_gone, full=True)  # which waits, and has seen them
    press(client_of(member), five_gone, "take")
    job = work_off()
    assert job.state == Job.State.DONE
    assert "2 new, 5 no longer there" in job.message
