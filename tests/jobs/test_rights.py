"""A job is done for who may still ask for it when a worker comes to it, not for who might once."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.base import File
from django.test import Client
from django.urls import reverse

from integrations import tasks
from integrations.models import (
    ImportFilePart,
    ImportReport,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.services.imports import ImportOptions
from integrations.views import companies, suggestions, uploads
from tests.support.rows import make_company, make_instance
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db
ORGANIZATIONS, MAPPINGS = ImportReport.Kind.ORGANIZATIONS, ImportReport.Kind.MAPPINGS
Ask = Callable[[IntegrationInstance, User], Job]


def of_file(kind: ImportReport.Kind, content: bytes) -> Ask:
    """Upload a file so large that a worker has to take it."""

    def ask(instance: IntegrationInstance, user: User) -> Job:
        file: Any = File(io.BytesIO(content), "list.csv")
        limited_to = instance if kind == MAPPINGS else None
        return tasks.enqueue_file_import(kind, file, actor_of(user), user, ImportOptions(), limited_to)

    return ask


def of_companies(instance: IntegrationInstance, user: User) -> Job:
    return tasks.enqueue_company_import(instance, user, actor_of(user), {"query": {}})[0]


ASKED: dict[str, tuple[Ask, Any]] = {  # how it is asked for, and on which page
    "suggestions": (tasks.enqueue_suggestions, suggestions.suggest),
    "companies": (of_companies, companies.import_companies),
    "organizations": (of_file(ORGANIZATIONS, b"name\nFrom a file\n"), uploads.upload_organizations),
    "mappings": (of_file(MAPPINGS, b"name,company_id\nOpen Dental,101\n"), uploads.upload_mappings),
}


@pytest.fixture
def plain() -> IntegrationInstance:
    """A configuration with a company, and an organization that each kind of job would do something with."""
    instance = make_instance("Main")
    make_company(instance, 101, "Open Dental Group")
    make_organization("Open Dental")
    return instance


@pytest.mark.parametrize("kind", ASKED)
def test_a_job_needs_what_its_page_needs(kind: str, plain: IntegrationInstance, member: User) -> None:
    ask, page = ASKED[kind]
    assert set(ask(plain, member).rights) == page.rights


@pytest.mark.parametrize("lost", ["group", "account", "right", "person"])
@pytest.mark.parametrize("kind", ASKED)
def test_nothing_is_done_for_who_lost_the_right_while_it_waited(
    kind: str, lost: str, plain: IntegrationInstance, member: User
) -> None:
    job = ASKED[kind][0](plain, member)
    match lost:
        case "group":
            member.groups.clear()
        case "account":
            User.objects.update(is_active=False)
        case "right":
            member.groups.get().permissions.remove(Permission.objects.get(codename=job.rights[-1]))
        case "person":
            member.delete()

    tasks.do_job(job.key)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "was closed or lost the right to it" in job.error
    assert [row.name for row in Organization.objects.all()] == ["Open Dental"]
    assert not OrganizationMapping.objects.exists()
    assert not MappingProposal.objects.exists()
    assert not ImportFilePart.objects.exists()
    assert {kept.verdict for kept in ImportReport.objects.all()} <= {"stopped"}


@pytest.mark.parametrize("kind", ASKED)
def test_it_is_done_for_who_still_has_it(kind: str, plain: IntegrationInstance, member: User) -> None:
    job = ASKED[kind][0](plain, member)
    tasks.do_job(job.key)
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.DONE, "")
    written = Organization.objects.count() - 1 + OrganizationMapping.objects.count()
    assert written + MappingProposal.objects.count() > 0


def test_who_may_only_map_starts_no_import_of_organizations_again(
    plain: IntegrationInstance, member: User, stranger: User, client_of: Callable[[User], Client]
) -> None:
    job = of_companies(plain, member)
    job.request_cancel()
    for codename in ("map_organizations", "view_integrationinstance"):
        stranger.user_permissions.add(Permission.objects.get(codename=codename))
    address = reverse("integrations:jobs_retry", args=[job.pk])
    assert client_of(stranger).post(address).status_code == 404
    assert not Job.objects.open().exists()
    stranger.user_permissions.add(Permission.objects.get(codename="add_organization"))
    assert client_of(stranger).post(address).status_code == 302
    assert Job.objects.open().get().created_by == stranger
