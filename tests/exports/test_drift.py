"""Export, time goes by, import again: what still holds changes nothing, what does not is explained."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from integrations.models import IntegrationInstance, OrganizationMapping
from integrations.services.audit import Batch
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import DEFAULT_OPTIONS, ImportOptions, Outcome
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import actor_of, make_organization

pytestmark = pytest.mark.django_db


def exported(kind: str) -> str:
    out = io.StringIO()
    call_command(f"export_{kind}", "--format", "csv", stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def main() -> IntegrationInstance:
    instance = make_instance("Main")
    for number, name in enumerate(("Larch LLC", "Moss LLC", "Fern LLC", "Sedge LLC", "Reed LLC"), start=101):
        company = make_company(instance, number, name)
        make_mapping(make_organization(name.removesuffix(" LLC"), external_id=f"E-{number}"), company)
    return instance


def test_drift_is_explained_and_what_holds_stays_byte_for_byte(
    main: IntegrationInstance, member: User
) -> None:
    organizations, mappings = exported("organizations"), exported("mappings")
    main.companies.filter(remote_id="101").update(missing_since=timezone.now())
    main.companies.filter(remote_id="102").update(name="Moss & Co.")
    moved = OrganizationMapping.objects.get(company__remote_id="103")
    moved.company = main.companies.get(remote_id="104")
    moved.save()
    drifted = exported("mappings")

    def again(content: str, options: ImportOptions = DEFAULT_OPTIONS) -> list[tuple[str, Outcome, str]]:
        report = import_mappings(Batch(actor_of(member)), io.BytesIO(content.encode()), None, options)
        return [(row.name, row.outcome, row.message) for row in report.rows]

    report = import_organizations(Batch(actor_of(member)), io.BytesIO(organizations.encode()))
    assert report.counts == {Outcome.SKIPPED: 5}
    assert report.sentence() == "Nothing was written: no row changes anything."
    assert again(mappings) == [
        ("Fern", Outcome.SKIPPED, "is mapped to “Sedge LLC” now; choose to overwrite to change that"),
        ("Larch", Outcome.SKIPPED, "is mapped to “Larch LLC” (id 101) already; it is no longer in Autotask"),
        (
            "Moss",
            Outcome.SKIPPED,
            "is mapped to “Moss & Co.” (id 102) already; the file calls it “Moss LLC”",
        ),
        ("Reed", Outcome.SKIPPED, "is mapped to “Reed LLC” (id 105) already"),
        ("Sedge", Outcome.SKIPPED, "is mapped to “Sedge LLC” (id 104) already"),
    ]
    assert (exported("organizations"), exported("mappings")) == (organizations, drifted)
    overwritten = again(mappings, ImportOptions(overwrite=True))
    assert overwritten[0][1:] == (Outcome.UPDATED, "mapped to “Fern LLC” (id 103) instead of “Sedge LLC”")
    assert [outcome for _, outcome, _ in overwritten[1:]] == [Outcome.SKIPPED] * 4


def test_another_tools_mapping_file_is_read_by_the_ids_that_it_told(
    main: IntegrationInstance, member: User
) -> None:
    OrganizationMapping.objects.all().delete()
    sites = "uid,name,autotaskCompanyName,autotaskCompanyId\nu-1,Larch,Larch LLC,101\nu-2,Moss,Moss LLC,102\n"
    import_organizations(
        Batch(actor_of(member)), io.BytesIO(sites.encode()), ImportOptions(duplicates="same")
    )
    report = import_mappings(Batch(actor_of(member)), io.BytesIO(sites.encode()), main)
    assert [(row.outcome, row.message) for row in report.rows] == [
        (Outcome.IMPORTED, "mapped to “Larch LLC” (id 101)"),
        (Outcome.IMPORTED, "mapped to “Moss LLC” (id 102)"),
    ]
    assert import_mappings(Batch(actor_of(member)), io.BytesIO(sites.encode()), main).counts == {
        Outcome.SKIPPED: 2
    }
