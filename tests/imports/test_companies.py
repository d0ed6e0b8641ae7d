"""Organizations from companies: who is taken, what is skipped, and what a stopped job leaves."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations import tasks
from integrations.models import (
    AuditEvent,
    Company,
    FilterOption,
    ImportReport,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
)
from integrations.services.history import undo as undoing
from integrations.services.imports import companies as company_import
from integrations.services.imports.company_choices import CompanyQuery, importable
from integrations.services.imports.reports import every_row
from integrations.services.suggestions import propose_mappings, suggest
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
EVERYTHING = {"query": {"mapped": True}}


@pytest.fixture
def main() -> IntegrationInstance:
    """A configuration with eight companies that are offered, one of them mapped."""
    instance = make_instance("Main")
    make_company(instance, 0, "Us")
    make_company(
        instance, 1, "Abbott Dental", company_type=1, city="Lima", web_address="https://www.abbott.example/x",
        phone="+1 614-555-0100", postal_code="43215",
    )  # fmt: skip
    make_company(instance, 2, "Birch Clinic", company_type=1, phone="none", web_address="n/a")
    make_company(instance, 3, "Known Name", company_type=3)
    make_company(instance, 4, "Taken", company_type=3)
    make_company(instance, 5, "birch  clinic", company_type=3)
    make_company(instance, 6, "N" * 201)
    make_company(instance, 7, "Asleep", is_active=False)
    make_company(instance, 8, "=Formula()")
    make_organization("known name")
    make_mapping(make_organization("Holder"), instance.companies.get(remote_id="4"))
    FilterOption.objects.create(instance=instance, field="companyType", value="1", label="Customer")
    return instance


def start(user: User, instance: IntegrationInstance, options: dict[str, Any] = EVERYTHING) -> Job:
    job, created = tasks.enqueue_company_import(instance, user, actor_of(user), options)
    assert created
    return job


def work(job: Job) -> ImportReport:
    tasks.do_job(job.key)
    job.refresh_from_db()
    return ImportReport.objects.get(key=job.key)


def told(report: ImportReport) -> dict[str, tuple[str, str]]:
    return {row.name[:20]: (row.outcome.value, row.message) for row in every_row(report)}


def buttons(page: str) -> list[str]:
    """What the buttons that start the import say."""
    found = re.findall(r"<button[^>]*>((?:<span>)?(?:Create|On all pages).*?)</button>", page)
    return [re.sub(r"<[^>]+>", "", text) for text in found]


def names(companies: Any) -> set[str]:
    return {company.name[:20] for company in companies}


def test_what_can_be_picked(main: IntegrationInstance) -> None:
    every = names(importable(main, CompanyQuery(mapped=True)))
    assert len(every) == 8
    assert "Us" not in every
    assert every - names(importable(main, CompanyQuery())) == {"Taken"}
    assert names(importable(main, CompanyQuery(status="inactive"))) == {"Asleep"}
    assert names(importable(main, CompanyQuery(company_type="1"))) == {"Abbott Dental", "Birch Clinic"}
    assert names(importable(main, CompanyQuery(text="clinic birch"))) == {"Birch Clinic", "birch  clinic"}


def test_each_company_gets_its_outcome(main: IntegrationInstance, member: User) -> None:
    job = start(member, main)
    report = work(job)
    assert (job.state, job.message) == ("done", "4 organizations added and mapped, 3 skipped, 1 failed.")
    assert told(report) == {
        "Abbott Dental": ("imported", "added and mapped to id 1"),
        "Birch Clinic": ("imported", "added and mapped to id 2"),
        "Known Name": ("skipped", "an organization has this name already; map it in the table"),
        "Taken": ("skipped", "is mapped already, to “Holder”"),
        "birch  clinic": ("skipped", "an organization has this name already; map it in the table"),
        "N" * 20: ("failed", "name has 201 characters; 200 are allowed"),
        "Asleep": ("imported", "added and mapped to id 7"),
        "=Formula()": ("imported", "added and mapped to id 8"),
    }
    abbott = Organization.objects.get(name="Abbott Dental")
    assert (abbott.domain, abbott.phone, abbott.city) == ("abbott.example", "+1 614-555-0100", "Lima")
    assert Organization.objects.get(name="Birch Clinic").domain == ""
    assert not Organization.objects.get(name="Asleep").is_active
    mapping = abbott.mappings.get()
    assert (mapping.source, mapping.confirmed_by, mapping.company.remote_id) == ("imported", member, "1")
    assert AuditEvent.objects.filter(batch=job.key, actor=member).count() == 8


def test_it_can_be_undone_whole_and_undone_again(main: IntegrationInstance, member: User) -> None:
    job = start(member, main)
    work(job)
    outcome = undoing.undo_batch(actor_of(member), job.key)
    assert (outcome.restored, outcome.left) == (8, [])
    assert Organization.objects.present().count() == 2
    assert OrganizationMapping.objects.present().count() == 1
    assert undoing.undo_batch(actor_of(member), outcome.batch).restored == 8
    assert Organization.objects.present().count() == 6
    assert OrganizationMapping.objects.present().count() == 5


def test_a_worker_that_died_is_taken_over_where_it_was(
    main: IntegrationInstance, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_import, "CHUNK", 2)
    job = start(member, main)
    chunks = []
    real = company_import._import

    def dying(*args: Any, **kwargs: Any) -> Any:
        chunks.append(args[3])
        if len(chunks) == 3:
            raise MemoryError("killed")
        return real(*args, **kwargs)

    monkeypatch.setattr(company_import, "_import", dying)
    with pytest.raises(MemoryError):
        work(job)
    half = ImportReport.objects.get(key=job.key)
    assert sum(half.counts.values()) == 4
    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING)
    report = work(job)
    assert job.state == Job.State.DONE
    rows = list(every_row(report))
    assert [row.line for row in rows] == list(range(1, 9))
    assert report.counts == {"imported": 4, "updated": 0, "skipped": 3, "failed": 1}
    assert undoing.undo_batch(actor_of(member), job.key).restored == 8


def test_a_cancelled_import_keeps_what_it_did_and_says_so(
    main: IntegrationInstance, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_import, "CHUNK", 2)
    job = start(member, main)
    real = company_import._import

    def cancelling(*args: Any, **kwargs: Any) -> Any:
        done = real(*args, **kwargs)
        job.request_cancel()
        return done

    monkeypatch.setattr(company_import, "_import", cancelling)
    report = work(job)
    assert (job.state, report.verdict) == ("cancelled", "stopped")
    assert "2 organizations added and mapped" in job.message
    assert "can be undone" in report.sentence
    assert Organization.objects.count() == 4


def test_ticked_companies_of_this_configuration_only(main: IntegrationInstance, member: User) -> None:
    other = make_instance("Second")
    stranger = make_company(other, 9, "Elsewhere")
    picked = main.companies.get(remote_id="1")
    report = work(start(member, main, {"companies": [0, picked.pk, stranger.pk]}))
    assert told(report) == {"Abbott Dental": ("imported", "added and mapped to id 1")}


def test_who_asked_is_gone(main: IntegrationInstance, member: User) -> None:
    job = start(member, main)
    Job.objects.update(created_by=None)
    assert work(job).verdict == "stopped"
    assert (job.state, Organization.objects.count()) == ("failed", 2)


def test_in_the_browser(
    main: IntegrationInstance, member: User, reader: User, stranger: User, client_of: ClientOf
) -> None:
    address = f"/integrations/autotask/{main.pk}/companies/import/"
    client = client_of(member)
    for user in (reader, stranger):
        assert client_of(user).get(address).status_code == 404
        assert client_of(user).post(f"{address}start/").status_code == 404
    assert client.get(f"{address}start/").status_code == 405
    page = client.get(f"{address}?q=birch&type=1&status=active&mapped=1").content.decode()
    assert "Birch Clinic" in page
    assert buttons(page) == ["Create 1, map 0"]
    assert client.get(f"{address}?type=x&page=9999").status_code == 200
    assert "no company was ticked" in client.post(f"{address}start/", follow=True).content.decode()

    started = client.post(f"{address}start/", {"all": "1", "chosen": "q=birch&type=1"}, follow=True)
    job = Job.objects.get()
    assert started.redirect_chain[-1][0] == f"/imports/{job.key}/"
    assert "You can close this page" in started.content.decode()
    again = client.post(f"{address}start/", {"all": "1"}, follow=True)
    assert "still running" in again.content.decode()
    tasks.do_job(job.key)
    done = client.get(f"/imports/{job.key}/", headers={"HX-Request": "true"}).content.decode()
    assert "1 organization added and mapped" in done
    assert "hx-trigger" not in done
    assert Company.objects.filter(mappings__isnull=False).count() == 2


def test_a_waiting_import_that_is_cancelled_can_be_started_again(
    main: IntegrationInstance, member: User
) -> None:
    job = start(member, main)
    job.request_cancel()
    job.refresh_from_db()
    again = tasks.start_again(job, member)
    assert work(again).counts["imported"] == 4


# --- companies that may be organizations which are there already -------------------------------------------


@pytest.fixture
def tenant_with_doubles(main: IntegrationInstance) -> IntegrationInstance:
    """A configuration whose companies are partly organizations already, one surely and one perhaps."""
    instance = make_instance("Doubles")
    make_company(instance, 21, "Abernathy Welding LLC", city="Lima", web_address="abernathy.example")
    make_company(instance, 22, "Cobalt Ridge Farms", city="Kent")
    make_company(instance, 23, "Dovetail Joinery")
    make_company(instance, 24, "=== OLD ACCOUNTS BELOW ===")
    make_company(instance, 25, "Ebbtide Marine", is_active=False)
    make_company(instance, 26, "Fernhill Nursery")
    make_organization("Abernathy Welding", domain="abernathy.example", city="Lima")
    make_organization("Cobalt Ridge", city="Kent")
    return instance


def page_of(client: Client, instance: IntegrationInstance, query: str = "") -> str:
    address = f"/integrations/autotask/{instance.pk}/companies/import/{query}"
    return client.get(address).content.decode()


def rows_of(page: str) -> dict[str, tuple[bool | None, str]]:
    """Each company's tick (None: no box) and the text of what becomes of it."""
    rows = {}
    for row in re.findall(r"<tr.*?</tr>", page.split("<tbody>")[1], re.DOTALL):
        name = re.findall(r'<th scope="row"[^>]*><div>(.*?)<small', row, re.DOTALL)[0]
        box = re.findall(r'<input[^>]*name="company"[^>]*>', row)
        told = re.findall(r'data-label="What becomes of it">(.*?)</td>', row, re.DOTALL)[0]
        text = " ".join(re.sub(r"<[^>]+>", " ", told).split())
        rows[html.unescape(name)] = ("checked" in box[0] if box else None, html.unescape(text))
    return rows


def test_each_company_says_who_it_probably_is_and_the_button_how_many_of_each(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    page = page_of(client_of(member), tenant_with_doubles)
    rows = rows_of(page)
    ticks = {name: tick for name, (tick, _) in rows.items()}
    assert ticks == {
        "=== OLD ACCOUNTS BELOW ===": False,
        "Abernathy Welding LLC": True,
        "Cobalt Ridge Farms": False,
        "Dovetail Joinery": True,
        "Ebbtide Marine": False,
        "Fernhill Nursery": True,
    }
    assert re.search(r"Map to Abernathy Welding \(\d+ %\).*Create new", rows["Abernathy Welding LLC"][1])
    assert "Probably Cobalt Ridge (" in rows["Cobalt Ridge Farms"][1]
    assert "looks like a heading" in rows["=== OLD ACCOUNTS BELOW ==="][1]
    assert buttons(page) == ["Create 2, map 1"]
    assert "1 looks like a heading" in page


def test_what_is_proposed_in_the_table_already_is_not_ticked(
    tenant_with_doubles: IntegrationInstance, member: User, owner: User, client_of: ClientOf
) -> None:
    propose_mappings(member, tenant_with_doubles)
    client = client_of(member)
    page = page_of(client, tenant_with_doubles)
    tick, text = rows_of(page)["Abernathy Welding LLC"]
    assert (tick, buttons(page)) == (False, ["Create 2, map 0"])
    assert "Proposed already for Abernathy Welding (" in text
    # Another person, who has proposed nothing, is told the matcher's opinion.
    assert buttons(page_of(client_of(owner), tenant_with_doubles)) == ["Create 2, map 1"]


def test_ticked_ones_are_created_or_mapped_as_said_and_undone_together(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    propose_mappings(member, tenant_with_doubles)
    pk = {row.name: row.pk for row in tenant_with_doubles.companies.all()}
    there = Organization.objects.get(name="Abernathy Welding")
    start = f"/integrations/autotask/{tenant_with_doubles.pk}/companies/import/start/"
    welding, farms = pk["Abernathy Welding LLC"], pk["Cobalt Ridge Farms"]
    posted = {
        "company": [welding, farms, pk["Dovetail Joinery"]],
        f"as-{welding}": there.pk,
        f"as-{farms}": "create",
    }
    client_of(member).post(start, posted)
    report = work(job := Job.objects.get())
    assert job.message == "2 organizations added and mapped, 1 that was there mapped, 0 skipped, 0 failed."
    assert told(report)["Abernathy Welding LL"] == ("updated", "“Abernathy Welding” mapped to id 21")
    mapping = there.mappings.get()
    assert (mapping.company_id, mapping.source, mapping.confirmed_by) == (welding, "suggested", member)
    assert mapping.confidence
    assert not there.proposals.filter(user=member).exists()
    assert set(AuditEvent.objects.filter(batch=job.key).values_list("actor__username", flat=True)) == {
        "marcus"
    }
    undone = undoing.undo_batch(actor_of(member), job.key)
    assert undone.left == []
    assert not OrganizationMapping.objects.present().filter(instance=tenant_with_doubles).exists()
    assert Organization.objects.present().filter(name="Abernathy Welding").exists()
    assert not Organization.objects.present().filter(name="Dovetail Joinery").exists()


def test_twins_are_asked_about_whether_the_matcher_or_the_table_knows_of_them(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    for number in (31, 32):
        make_company(tenant_with_doubles, number, "Gadwall Surveyors")
    make_organization("Gadwall Surveyors")
    for _ in range(2):
        page = page_of(client_of(member), tenant_with_doubles)
        tick, text = rows_of(page)["Gadwall Surveyors"]
        assert (tick, text.split()[0]) == (False, "Choose…")
        assert "Could be Gadwall Surveyors (" in text
        propose_mappings(member, tenant_with_doubles)


def test_an_organization_that_is_no_candidate_is_not_mapped_to_the_company(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    joinery = tenant_with_doubles.companies.get(name="Dovetail Joinery")
    other = Organization.objects.get(name="Cobalt Ridge")
    start = f"/integrations/autotask/{tenant_with_doubles.pk}/companies/import/start/"
    answer = client_of(member).post(start, {"company": joinery.pk, f"as-{joinery.pk}": other.pk})
    assert answer.status_code == 422
    assert "say for 1 ticked company" in answer.content.decode()
    assert not Job.objects.exists()


def test_an_organization_that_was_mapped_meanwhile_keeps_its_mapping(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    welding = tenant_with_doubles.companies.get(remote_id="21")
    there = Organization.objects.get(name="Abernathy Welding")
    start = f"/integrations/autotask/{tenant_with_doubles.pk}/companies/import/start/"
    client_of(member).post(start, {"company": welding.pk, f"as-{welding.pk}": there.pk})
    make_mapping(there, tenant_with_doubles.companies.get(remote_id="26"))
    report = work(Job.objects.get())
    outcome, message = told(report)["Abernathy Welding LL"]
    assert outcome == "skipped"
    assert "mapped, ignored or deleted meanwhile" in message
    assert there.mappings.get().company.remote_id == "26"


def test_all_pages_are_started_only_as_the_button_has_said(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    start = f"/integrations/autotask/{tenant_with_doubles.pk}/companies/import/start/"
    stale = client.post(start, {"all": "1", "expected": "3,1"})
    assert stale.status_code == 409
    assert "other numbers" in stale.content.decode()
    client.post(start, {"all": "1", "expected": "2,1"})
    report = work(Job.objects.get())
    assert report.counts == {"imported": 2, "updated": 1, "skipped": 0, "failed": 0}
    assert not Organization.objects.filter(name__in=["Ebbtide Marine", "=== OLD ACCOUNTS BELOW ==="]).exists()


def test_without_scripts_the_button_can_count_again(
    tenant_with_doubles: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    farms, joinery = tenant_with_doubles.companies.filter(remote_id__in=["22", "23"]).order_by("remote_id")
    organization = Organization.objects.get(name="Cobalt Ridge")
    start = f"/integrations/autotask/{tenant_with_doubles.pk}/companies/import/start/"
    posted = {"count": "1", "company": [farms.pk, joinery.pk], f"as-{farms.pk}": organization.pk}
    page = client_of(member).post(start, posted).content.decode()
    assert buttons(page) == ["Create 1, map 1"]
    assert [name for name, (tick, _) in rows_of(page).items() if tick] == [farms.name, joinery.name]
    assert not Job.objects.exists()


def test_where_the_matcher_would_take_long_nothing_is_ticked_unless_it_was_asked(
    tenant_with_doubles: IntegrationInstance,
    member: User,
    client_of: ClientOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suggest, "BACKGROUND_FROM", 0)
    client = client_of(member)
    page = page_of(client, tenant_with_doubles)
    assert "Suggest Values first" in page
    assert not any(tick for tick, _ in rows_of(page).values())
    propose_mappings(member, tenant_with_doubles)
    page = page_of(client, tenant_with_doubles)
    assert "Suggest Values first" not in page
    assert buttons(page) == ["Create 2, map 0"]
