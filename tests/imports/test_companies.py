"""Organizations from companies: who is taken, what is skipped, and what a stopped job leaves."""

from __future__ import annotations

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
from integrations.services.imports.companies import CompanyQuery, importable
from integrations.services.imports.reports import every_row
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
EVERYTHING = CompanyQuery(mapped=True).as_options()


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
    tasks.run_job.func(str(job.key))
    job.refresh_from_db()
    return ImportReport.objects.get(key=job.key)


def told(report: ImportReport) -> dict[str, tuple[str, str]]:
    return {row.name[:20]: (row.outcome.value, row.message) for row in every_row(report)}


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
    assert "Import all 1 that match" in page
    assert client.get(f"{address}?type=x&page=9999").status_code == 200
    assert "no company was ticked" in client.post(f"{address}start/", follow=True).content.decode()

    started = client.post(f"{address}start/", {"all": "1", "chosen": "q=birch&type=1"}, follow=True)
    job = Job.objects.get()
    assert started.redirect_chain[-1][0] == f"/imports/{job.key}/"
    assert "You can close this page" in started.content.decode()
    assert "still running" in client.post(f"{address}start/", {"all": "1"}, follow=True).content.decode()
    tasks.run_job.func(str(job.key))
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
