"""Refresh Options against a simulated Autotask: what is stored, and what no failure may touch."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import tasks
from integrations.models import (
    AuditEvent,
    Company,
    FilterOption,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.services.companies.refresh import refresh_options
from integrations.services.instances.catch_all import set_catch_all
from integrations.services.instances.check import check_connection
from integrations.services.instances.credentials import client_for
from integrations.services.instances.delete import delete_instance
from integrations.services.jobs import run as jobs
from integrations.services.mapping.counts import table_counts
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from tests.support.rows import choose, save
from tests.support.simulated import (
    COMPANIES,
    USERNAME,
    VENDOR,
    actor_of,
    company_of,
    map_to,
    refresh,
    table_contents,
)

Organizations = dict[str, Organization]


def present_ids(instance: IntegrationInstance) -> set[int]:
    return {int(key) for key in instance.companies.present().values_list("remote_id", flat=True)}


def only_customers(user: User, instance: IntegrationInstance) -> None:
    save_filters(Batch(actor_of(user)), instance, [FilterCondition("companyType", "eq", 1)])


class Meddling:
    """Reports to a job's run, and does something once in the middle of the read."""

    def __init__(self, run: jobs.JobRun, meddle: Callable[[], None], *, after: int = 1) -> None:
        self.run, self.meddle, self.after = run, meddle, after

    def report_progress(self, done: int, total: int | None, message: str = "") -> None:
        self.run.report_progress(done, total, message)
        if done and self.after:
            self.after -= 1
            if not self.after:
                self.meddle()

    def assert_held(self) -> None:
        self.run.assert_held()


def claimed(instance: IntegrationInstance, **options: bool) -> jobs.JobRun:
    job, _ = jobs.open_job(Job.Kind.REFRESH_OPTIONS, instance, None, dict(options))
    run = jobs.claim(job.key)
    assert run is not None
    return run


# --- what a complete read stores ----------------------------------------------------------------------


def test_a_first_refresh_stores_companies_picklists_and_fields(
    simulator: Simulator, instance: IntegrationInstance
) -> None:
    job = refresh(instance)

    assert job.state == Job.State.DONE, job.error
    assert job.message == "All 15 companies were read: 15 new."
    assert (job.done, job.total, job.result["full"]) == (15, 15, True)
    company = company_of(instance, 101)
    assert (company.name, company.city, company.phone) == (
        "Abbott Dental Care, LLC",
        "Dayton",
        "937-555-0101",
    )
    assert (company.company_type, company.is_active, company.in_filter) == (1, True, True)
    assert company_of(instance, 0).is_own
    assert not instance.companies.offered().filter(remote_id="0").exists()
    labels = dict(instance.options.filter(field="companyType").values_list("value", "label"))
    assert labels["1"] == "Customer"
    instance.refresh_from_db()
    assert instance.last_full_read_at == instance.last_refreshed_at is not None
    assert {"companyName", "companyType"} <= {field["name"] for field in instance.company_fields}


def test_a_company_that_vanishes_is_marked_and_its_mapping_stays_until_it_comes_back(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Calloway"], 103)
    before = table_contents(OrganizationMapping)
    tenant.companies.remove(103)

    refresh(refreshed, full=True)
    assert company_of(refreshed, 103).missing_since is not None
    assert table_contents(OrganizationMapping) == before

    tenant.companies.put({"id": 103, "companyName": "Calloway & Sons Roofing"})
    refresh(refreshed, full=True)
    assert company_of(refreshed, 103).missing_since is None
    assert table_contents(OrganizationMapping) == before


def test_a_missing_mark_keeps_the_moment_it_was_first_set(
    tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    tenant.companies.remove(103)
    refresh(refreshed, full=True)
    first = company_of(refreshed, 103).missing_since

    refresh(refreshed, full=True)

    assert company_of(refreshed, 103).missing_since == first


def test_an_option_that_the_tenant_dropped_becomes_inactive(
    tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    del tenant.picklists["companyType"]
    refresh(refreshed)
    assert not refreshed.options.filter(field="companyType", is_active=True).exists()
    assert refreshed.options.filter(field="companyType").exists()


def test_names_made_to_confuse_are_stored_as_clean_text(
    simulator: Simulator, tenant: Tenant, instance: IntegrationInstance
) -> None:
    tenant.companies.put({"id": 400, "companyName": "<script>alert(1)</script>\u202egnp.exe\x00\r\n\x1b[31m"})
    simulator.inject("strange-names", path="companies/query", times=1)

    job = refresh(instance)

    assert job.state == Job.State.DONE, job.error
    for name in instance.companies.values_list("name", flat=True):
        assert len(name) <= 300
        assert name.isprintable()
        assert not set(name) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069")


def test_the_longest_values_that_the_client_lets_through_fit_into_the_database(
    tenant: Tenant, instance: IntegrationInstance
) -> None:
    long = "W" * 600
    tenant.companies.put(
        {
            "id": 2**62, "companyName": long, "companyNumber": long, "webAddress": long, "phone": long,
            "city": long, "state": long, "postalCode": long, "companyType": 2**31 - 1,
            "parentCompanyID": 2**31 - 1,
        }
    )  # fmt: skip
    assert refresh(instance).state == Job.State.DONE
    assert company_of(instance, 2**62).postal_code.startswith("WWWW")


# --- what no failure may touch ------------------------------------------------------------------------

FAULTS: dict[str, dict[str, str | int]] = {
    "gateway-error": {},
    "server-error": {},
    "dropped-before-answer": {},
    "dropped-mid-body": {},
    "truncated-json": {},
    "empty-body": {},
    "bad-encoding": {},
    "html-page": {},
    "huge-body": {"bytes": 2 * 1024 * 1024},
    "gzip-bomb": {"bytes": 8 * 1024 * 1024},
    "deep-json": {"depth": 5000},
    "errors-in-200": {},
    "endless-paging": {},
    "repeated-page": {},
    "paging-ends-early": {},
    "duplicate-rows": {},
    "redirect": {},
    "hourly-limit": {},
    "thread-limit": {},
    "locked-user": {},
    "no-company-permission": {},
    "wrong-types values": {"where": "values"},
    "wrong-types containers": {"where": "containers"},
    "wrong-types null": {"where": "null"},
    "wrong-types list": {"where": "list"},
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("skip", [0, 1], ids=["first page", "later page"])
def test_a_read_that_fails_marks_nothing_and_touches_no_mapping(
    simulator: Simulator,
    tenant: Tenant,
    refreshed: IntegrationInstance,
    owner: User,
    organizations: Organizations,
    skip: int,
    subtests: pytest.Subtests,
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 101)
    for number in range(500, 520):
        tenant.companies.put({"id": number, "companyName": f"Tenant of floor {number}"})
    tenant.companies.remove(103)
    before = table_contents(OrganizationMapping, FilterOption)
    offered = present_ids(refreshed)
    stamps = IntegrationInstance.objects.values("last_refreshed_at", "last_full_read_at").get()
    for fault, options in FAULTS.items():
        simulator.inject(fault.split()[0], path="companies/query", skip=skip, **options)
        with subtests.test(fault):
            job = refresh(refreshed, full=True)
            assert job.state == Job.State.FAILED, job.message
            assert len(job.error) > 40
            assert "mistake here" not in job.error
            assert not Company.objects.exclude(missing_since=None).exists()
            assert table_contents(OrganizationMapping, FilterOption) == before
            assert (
                IntegrationInstance.objects.values("last_refreshed_at", "last_full_read_at").get() == stamps
            )
            assert present_ids(refreshed) == offered
        simulator.clear()
        refreshed.refresh_from_db()
        if (
            refreshed.status == IntegrationInstance.Status.REFUSED
        ):  # then nothing is sent before a person checks
            assert check_connection(Batch(actor_of(owner)), refreshed).passed

    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert company_of(refreshed, 103).missing_since is not None
    assert Company.objects.count() == 35  # nothing that only a failed read has found is left


def test_failing_metadata_leaves_options_and_lets_companies_be_read(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    before = table_contents(FilterOption)
    fields = IntegrationInstance.objects.values_list("company_fields").get()
    tenant.companies.put({"id": 900, "companyName": "Moved In Yesterday"})
    simulator.inject("truncated-json", path="entityinformation/fields")
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert table_contents(FilterOption) == before
    assert IntegrationInstance.objects.values_list("company_fields").get() == fields
    assert 900 in present_ids(refreshed)


def test_a_picklist_of_which_a_value_could_not_be_read_keeps_what_was_known(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    before = table_contents(FilterOption)
    simulator.inject("odd-metadata", what="null-value")
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert table_contents(FilterOption) == before


def test_a_company_that_cannot_be_read_is_neither_changed_nor_gone(
    simulator: Simulator, tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    before = Company.objects.values("name", "phone", "missing_since").get(remote_id="101")
    tenant.companies.change(101, {"companyName": "Renamed Meanwhile"})
    simulator.inject("odd-company", what="phone", id=101)
    assert refresh(refreshed, full=True).state == Job.State.DONE
    assert Company.objects.values("name", "phone", "missing_since").get(remote_id="101") == before
    simulator.clear()
    refresh(refreshed, full=True)
    assert Company.objects.get(remote_id="101").name == "Renamed Meanwhile"


def test_a_sudden_shrink_stops_and_asks_and_goes_on_when_confirmed(
    tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    for number in range(101, 106):
        tenant.companies.remove(number)
    IntegrationInstance.objects.update(last_full_read_at=timezone.now() - dt.timedelta(hours=25))

    job = refresh(refreshed)

    assert job.state == Job.State.FAILED
    assert job.result == {"confirm": "shrink"}
    assert job.error.startswith("5 of 15 companies were not returned")
    assert not Company.objects.exclude(missing_since=None).exists()
    assert refresh(refreshed).result == {"confirm": "shrink"}  # it asks again until somebody answers

    assert refresh(refreshed, accept_shrink=True).state == Job.State.DONE
    assert present_ids(refreshed) == {0, *range(106, 113), 201, 202}


def test_ordinary_deletions_do_not_ask(tenant: Tenant, refreshed: IntegrationInstance) -> None:
    for number in range(101, 105):
        tenant.companies.remove(number)
    assert refresh(refreshed, full=True).message.endswith("4 no longer there.")


def test_rows_hidden_without_a_word_count_as_a_shrink(
    simulator: Simulator, refreshed: IntegrationInstance
) -> None:
    simulator.inject("restricted-rows", every=2)
    assert refresh(refreshed, full=True).result == {"confirm": "shrink"}
    assert not Company.objects.exclude(missing_since=None).exists()


def test_a_small_tenant_that_answers_nothing_at_all_asks_too(
    tenant: Tenant, second: IntegrationInstance, simulator: Simulator
) -> None:
    store = simulator.tenants[second.username.lower()].companies
    for number in (0, 301, 302):
        store.remove(number)
    assert refresh(second, full=True).result == {"confirm": "shrink"}
    assert present_ids(second) == {0, 301, 302}


# --- the filter ---------------------------------------------------------------------------------------


def test_a_new_filter_is_no_shrink_and_mapped_companies_outside_it_stay(
    refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 201)
    map_to(owner, refreshed, organizations["Birchwood"], 102)
    before = table_contents(OrganizationMapping)
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("city", "eq", "Columbus")])

    job = refresh(refreshed)

    assert job.message == (
        "The only company of the filter was read: 14 now outside the filter. Mapped outside the filter: 1."
    )
    assert not refreshed.companies.filter(missing_since__isnull=False).exists()  # Autotask has them all
    outside = company_of(refreshed, 201)
    assert (outside.missing_since, outside.in_filter) == (None, False)
    assert present_ids(refreshed) == {102}
    assert table_contents(OrganizationMapping) == before

    save_filters(Batch(actor_of(owner)), refreshed, [])
    refresh(refreshed)
    assert company_of(refreshed, 201).in_filter
    assert present_ids(refreshed) == {company["id"] for company in COMPANIES}


def test_only_what_autotask_no_longer_has_is_gone_and_the_msp_itself_stays_usable(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond those that are asked for by id nobody can tell: they are outside the filter, not gone."""
    set_catch_all(Batch(actor_of(owner)), refreshed, company_of(refreshed, 0))
    tenant.companies.remove(201)
    only_customers(owner, refreshed)

    refresh(refreshed)

    assert company_of(refreshed, 201).missing_since is not None
    own = company_of(refreshed, 0)
    assert (own.in_filter, own.is_usable) == (False, True)
    refreshed.refresh_from_db()
    assert refreshed.catch_all_company() == own

    monkeypatch.setattr("integrations.services.companies.absence.ASKED_BY_ID", 0)
    tenant.companies.remove(102)  # a customer; nothing hangs on it
    refresh(refreshed, full=True)
    unknown = company_of(refreshed, 102)
    assert (unknown.in_filter, unknown.missing_since) == (False, None)


def test_what_is_no_option_any_more_loses_its_tick(
    tenant: Tenant, refreshed: IntegrationInstance, organizations: Organizations, owner: User, member: User
) -> None:
    """It is neither counted among what would be saved nor shown ticked; nothing is thrown away."""
    kinds = {101: "suggested", 102: "suggested", 103: "chosen", 201: "suggested", 202: "chosen"}
    for (remote_id, kind), organization in zip(kinds.items(), organizations.values(), strict=False):
        choose(member, organization, company_of(refreshed, remote_id))
        MappingProposal.objects.filter(organization=organization).update(kind=kind, tier="sure")
    assert table_counts(refreshed, member).pending["new"] == 5
    for remote_id in (102, 103):
        tenant.companies.remove(remote_id)
    only_customers(owner, refreshed)

    refresh(refreshed)

    ticked = MappingProposal.objects.filter(selected=True).values_list("company__remote_id", flat=True)
    assert sorted(ticked) == ["101", "202"]
    assert MappingProposal.objects.count() == 5
    assert table_counts(refreshed, member).pending["new"] == 2
    outcome = save(member, refreshed)
    assert (outcome.saved, outcome.conflicts) == (2, [])


def test_a_filter_from_the_start_lets_the_msp_itself_be_a_catch_all(
    instance: IntegrationInstance, owner: User
) -> None:
    only_customers(owner, instance)

    refresh(instance)

    assert company_of(instance, 0).is_usable
    assert 0 not in present_ids(instance)


def test_a_read_that_finds_nothing_new_writes_no_company_and_no_option(
    refreshed: IntegrationInstance,
) -> None:
    with CaptureQueriesContext(connection) as queries:
        job = refresh(refreshed, full=True)

    assert job.message == "All 15 companies were read: nothing changed."
    written = [query["sql"] for query in queries if re.match(r"INSERT|UPDATE|DELETE", query["sql"])]
    tables = {"integrations_company", "integrations_filteroption"}
    assert written  # the job's progress, the instance's dates
    # Marking namesakes asks for rows that have changed, and finds none.
    others = [sql for sql in written if "has_twin" not in sql]
    assert not [sql for sql in others if any(f'"{table}"' in sql.split("SET")[0] for table in tables)]


def test_a_mapped_company_that_comes_back_outside_the_filter_is_no_longer_missing(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 201)
    tenant.companies.remove(201)
    refresh(refreshed, full=True)
    only_customers(owner, refreshed)
    tenant.companies.put({"id": 201, "companyName": "Paper & Toner Supply", "companyType": VENDOR})

    refresh(refreshed)

    company = company_of(refreshed, 201)
    assert (company.missing_since, company.in_filter) == (None, False)


def test_a_filter_saved_while_companies_are_read_is_read_once_more(
    refreshed: IntegrationInstance, owner: User
) -> None:
    run = claimed(refreshed, full=True)

    outcome = refresh_options(refreshed, Meddling(run, lambda: only_customers(owner, refreshed)), full=True)

    assert outcome.outdated
    run.finish(Job.State.DONE)
    assert 201 in present_ids(refreshed)
    assert refresh(refreshed).result["full"]
    assert 201 not in present_ids(refreshed)


# --- killed, cancelled, lost --------------------------------------------------------------------------


class Killed(BaseException):
    """Nobody catches it."""


def test_a_refresh_killed_half_way_leaves_a_state_from_which_it_completes(
    tenant: Tenant, refreshed: IntegrationInstance, owner: User, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 101)
    tenant.companies.remove(103)
    tenant.companies.put({"id": 90, "companyName": "Aldous Glass"})
    before = table_contents(OrganizationMapping)

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        refresh_options(refreshed, Meddling(claimed(refreshed, full=True), die), full=True)

    assert not Company.objects.exclude(missing_since=None).exists()
    assert company_of(refreshed, 90).is_pending
    assert 90 not in present_ids(refreshed)
    Job.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    job = Job.objects.open().get()
    tasks.do_job(job.key)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 2)
    assert company_of(refreshed, 103).missing_since is not None
    assert present_ids(refreshed) == {company["id"] for company in COMPANIES} - {103} | {90}
    assert table_contents(OrganizationMapping) == before


def test_a_cancelled_refresh_stops_within_a_page_and_marks_nothing(
    tenant: Tenant, refreshed: IntegrationInstance
) -> None:
    tenant.companies.remove(103)
    run = claimed(refreshed, full=True)

    with pytest.raises(jobs.JobCancelled):
        refresh_options(refreshed, Meddling(run, lambda: run.job.request_cancel()), full=True)

    assert not Company.objects.exclude(missing_since=None).exists()


def test_a_run_that_lost_its_job_writes_nothing_more(tenant: Tenant, refreshed: IntegrationInstance) -> None:
    for number in range(101, 113):
        tenant.companies.change(number, {"city": "Springfield"})
    run = claimed(refreshed, full=True)
    second: list[jobs.JobRun | None] = []

    def take_over() -> None:
        Job.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
        second.append(jobs.claim(run.job.key))

    with pytest.raises(jobs.JobLost):
        refresh_options(refreshed, Meddling(run, take_over), full=True)

    moved = refreshed.companies.filter(city="Springfield").count()
    assert 0 < moved < 12
    assert not run.finish(Job.State.DONE)
    assert second[0] is not None
    refresh_options(refreshed, second[0], full=True)
    assert second[0].finish(Job.State.DONE)
    assert refreshed.companies.filter(city="Springfield").count() == 12


def test_deleting_a_configuration_cancels_its_refresh(refreshed: IntegrationInstance, owner: User) -> None:
    waiting = tasks.enqueue_refresh(refreshed, owner)
    delete_instance(Batch(actor_of(owner)), refreshed)
    waiting.refresh_from_db()
    assert waiting.state == Job.State.CANCELLED


# --- a moved tenant -----------------------------------------------------------------------------------


def test_a_tenant_that_moved_is_followed_and_read_there(
    simulator: Simulator, refreshed: IntegrationInstance, settings: Any
) -> None:
    there = simulator.add_zone(5)
    settings.AUTOTASK_EXTRA_HOSTS = [
        *settings.AUTOTASK_EXTRA_HOSTS,
        there.base_url.removeprefix("http://"),
    ]
    simulator.move_tenant(USERNAME, 5)

    job = refresh(refreshed, full=True)

    assert job.state == Job.State.DONE, job.error
    refreshed.refresh_from_db()
    assert refreshed.api_url == there.api_url
    event = AuditEvent.objects.get(action="instance moved")
    assert event.after is not None
    assert event.after["api_url"] == there.api_url
    assert event.actor_name == "The portal"


# --- no request inside a transaction ------------------------------------------------------------------


def test_the_check_for_requests_inside_a_transaction_catches_one(
    refreshed: IntegrationInstance, no_request_in_a_transaction: list[str]
) -> None:
    client = client_for(refreshed)
    client.count_companies([])
    assert no_request_in_a_transaction == []
    with transaction.atomic():
        client.count_companies([])
    client.close()
    assert [line.split("?")[0] for line in no_request_in_a_transaction] == [
        "POST /ATServicesRest/V1.0/Companies/query/count"
    ]
    no_request_in_a_transaction.clear()
