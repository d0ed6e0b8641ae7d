"""Every kind of file twice, at every door: what was written is skipped, what was refused is refused again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st

from integrations import tasks
from integrations.models import (
    AuditEvent,
    IgnoredOrganization,
    ImportReport,
    IntegrationInstance,
    Job,
    Organization,
    OrganizationMapping,
)
from integrations.services.audit import Batch
from integrations.services.imports.background import FOREGROUND_LIMIT_BYTES
from integrations.services.imports.configurations import import_configurations
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.reports import ImportOptions, every_row
from tests.support.properties import examples
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization
from tests.support.sweeps import first_few

ClientOf = Callable[[User], Client]
Door = Callable[[bytes, bool], object]
pytestmark = pytest.mark.django_db
SHARED = HealthCheck.function_scoped_fixture


def last_report() -> list[tuple[int, str, str]]:
    """The outcomes that the last import kept."""
    kept = ImportReport.objects.latest("pk")
    return [(row.line, row.outcome.value, kept.verdict) for row in every_row(kept)]


def everything() -> list[object]:
    """All that imports write."""
    fields = [each.attname for each in OrganizationMapping._meta.concrete_fields]
    return [
        list(Organization.objects.order_by("pk").values()),
        list(OrganizationMapping.objects.order_by("pk").values(*fields)),
        list(IgnoredOrganization.objects.order_by("pk").values()),
        [
            (instance.snapshot(), instance.updated_at, list(instance.filters.values_list("field", "value")))
            for instance in IntegrationInstance.objects.order_by("pk")
        ],
        AuditEvent.objects.count(),
    ]


def check_three_times(door: Callable[[], object]) -> list[str]:
    """The outcomes of the first time; the second and third time write nothing and say the same."""
    door()
    first, left = last_report(), everything()
    door()
    second = last_report()
    assert everything() == left
    written = {"imported", "updated"} if first and first[0][2] == "written" else set()
    assert [(line, outcome) for line, outcome, _ in second] == [
        (line, "skipped" if outcome in written else outcome) for line, outcome, _ in first
    ]
    door()
    assert last_report() == second
    assert everything() == left
    return [outcome for _, outcome, _ in first]


# --- organizations, at each door --------------------------------------------------------------------------

KEY = "5f0d6c2e-8d1b-4a55-9b0e-2f4f6f1a7c11"
ROWS = (  # after the organization "Acme" with the external id "old", and two that are called "Twin"
    ("acme", "", KEY),  # renames it: found by its name alone
    ("Acme", "2", ""),
    ("Beta", "", KEY),
    ("Twin", "", ""),  # which?
    ("Core", "3", ""),
    ("Delta", "3", ""),
)
OUTCOMES = ["updated", "failed", "failed", "failed", "imported", "failed"]


def file_of(size: int = 0) -> bytes:
    """The rows, with columns that mean nothing so that the file has the size."""
    text = io.StringIO()
    note = "x" * (size // len(ROWS))
    csv.writer(text).writerows(
        [("name", "external_id", "portal_key", "note"), *((*row, note) for row in ROWS)]
    )
    return text.getvalue().encode()


@pytest.fixture
def form(member: User, client_of: ClientOf) -> Door:
    """The upload form: a small file."""

    def upload(content: bytes, keep_good: bool) -> object:
        data = {"file": SimpleUploadedFile("list.csv", content), "rows": "good" if keep_good else "all"}
        return client_of(member).post("/organizations/upload/", data)

    return upload


@pytest.fixture
def job(form: Door) -> Door:
    """The upload form and a worker: a file that no page waits for."""

    def upload(_: bytes, keep_good: bool) -> object:
        form(file_of(FOREGROUND_LIMIT_BYTES + 1_000), keep_good)
        return tasks.do_job(Job.objects.latest("pk").key)

    return upload


@pytest.fixture
def command(tmp_path: Path) -> Door:
    """The management command."""

    def run(content: bytes, keep_good: bool) -> object:
        path = tmp_path / "list.csv"
        path.write_bytes(content)
        options = ["--keep-good"] if keep_good else []
        with pytest.raises(CommandError):  # some rows failed
            call_command(
                "import_organizations", str(path), *options, stdout=io.StringIO(), stderr=io.StringIO()
            )
        return None

    return run


@pytest.mark.parametrize("door", ["form", "job", "command"])
@pytest.mark.parametrize("keep_good", first_few([True, False]))
def test_organizations_at_each_door(door: str, keep_good: bool, request: pytest.FixtureRequest) -> None:
    make_organization("Acme", external_id="old")
    make_organization("Twin")
    make_organization("Twin")
    enter: Door = request.getfixturevalue(door)
    assert check_three_times(lambda: enter(file_of(), keep_good)) == OUTCOMES
    assert Organization.objects.count() == (4 if keep_good else 3)
    assert Job.objects.count() == (3 if door == "job" else 0)


# --- mappings ---------------------------------------------------------------------------------------------

MAPPING_ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "external_id": st.sampled_from(("A1", "S1", "none")),
            "name": st.sampled_from(("Alpha", "alpha", "Beta", "Same", "Nobody")),
            "instance": st.sampled_from(("Main", "Second")),
            "company_id": st.sampled_from(("101", "102", "103", "999")),
            "company_name": st.sampled_from(("Abbott", "Birch", "Twin")),
            "source": st.sampled_from(("ignored", "chosen")),
        },
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def two() -> IntegrationInstance:
    """Two configurations, with organizations of which some are mapped or ignored."""
    main, second = make_instance("Main"), make_instance("Second")
    for instance in (main, second):
        for remote_id, name in ((101, "Abbott"), (102, "Birch"), (103, "Twin"), (104, "Twin")):
            make_company(instance, remote_id, name)
    make_organization("Alpha", external_id="A1")
    make_mapping(make_organization("Beta"), main.companies.get(remote_id="101"))
    make_mapping(make_organization("Same", external_id="S1"), second.companies.get(remote_id="102"))
    IgnoredOrganization.objects.create(organization=make_organization("Same"), psa=main.psa)
    return main


@pytest.mark.exhaustive
@examples(15, SHARED)
@given(
    rows=MAPPING_ROWS,
    one=st.booleans(),
    options=st.builds(ImportOptions, keep_good=st.booleans(), overwrite=st.booleans(), restore=st.booleans()),
)
def test_mappings(
    two: IntegrationInstance,
    member: User,
    rows: list[dict[str, str]],
    one: bool,
    options: ImportOptions,
) -> None:
    assume(any(row.keys() & {"company_id", "company_name"} for row in rows))
    content = json.dumps(rows).encode()
    with transaction.atomic():
        check_three_times(
            lambda: import_mappings(
                Batch(actor_of(member)), io.BytesIO(content), two if one else None, options
            )
        )
        transaction.set_rollback(True)


# --- configurations ---------------------------------------------------------------------------------------

CONFIGURATION_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(("Main", "main", "Second", "Third", "")),
            "username": st.sampled_from(("main@example.com", "second@example.com")),
        },
        optional={
            "is_default": st.booleans(),
            "description": st.sampled_from(("", "Ohio", "  two  blanks ")),
            "refresh_every_hours": st.sampled_from((0, 24, "often")),
            "check_daily": st.booleans(),
            "catch_all": st.sampled_from(("", "101")),
            "filters": st.sampled_from(([], [["companyType", "in", [1, 3]]], [["isActive", "eq", True]])),
        },
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.exhaustive
@examples(15, SHARED)
@given(there=st.sets(st.sampled_from(("Main", "Second"))), rows=CONFIGURATION_ROWS, keep_good=st.booleans())
@example(  # each would be the default
    there=set(),
    rows=[
        {"name": "Main", "username": "main@example.com", "is_default": True},
        {"name": "Second", "username": "second@example.com", "is_default": True},
    ],
    keep_good=True,
)
def test_configurations(owner: User, there: set[str], rows: list[dict[str, Any]], keep_good: bool) -> None:
    content = json.dumps(rows).encode()
    with transaction.atomic():
        for name in sorted(there):
            make_instance(name, is_default=name == min(there))
        check_three_times(
            lambda: import_configurations(
                Batch(actor_of(owner)), io.BytesIO(content), {}, ImportOptions(keep_good=keep_good)
            )
        )
        transaction.set_rollback(True)


# --- organizations from companies -------------------------------------------------------------------------


@pytest.mark.exhaustive
@examples(15, SHARED)
@given(
    companies=st.lists(st.sampled_from(("Abbott", "abbott ", "Birch", "N" * 201, "Known")), max_size=6),
    chosen=st.sets(st.integers(0, 5)),
)
def test_companies(member: User, companies: list[str], chosen: set[int]) -> None:
    with transaction.atomic():
        main = make_instance("Main")
        made = [make_company(main, number, name) for number, name in enumerate(companies, start=1)]
        make_organization("known")
        options = {"companies": [company.pk for number, company in enumerate(made) if number in chosen]}

        def work() -> None:
            job, _ = tasks.enqueue_company_import(main, member, actor_of(member), options)
            tasks.do_job(job.key)

        check_three_times(work)
        transaction.set_rollback(True)
