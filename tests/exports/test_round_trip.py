"""Export, empty the database, import, export again: the same bytes, although every primary key is another."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from integrations.demo import data as demo_data
from integrations.models import (
    AuditEvent,
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.models.review_reasons import needs_review
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import save_filters
from integrations.services.instances.schedule import save_schedule
from integrations.services.suggestions.decisions import ignore_organization
from tests.support.append_only import empty_the_database
from tests.support.simulated import (
    SECOND_SECRET,
    SECRET,
    TRACKING_IDENTIFIER,
    actor_of,
    make_organization,
    map_to,
    refresh,
)

KINDS = ("configurations", "organizations", "mappings")
SECRETS = {
    "Main": {"secret": SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
    "Second": {"secret": SECOND_SECRET, "tracking_identifier": TRACKING_IDENTIFIER},
}
AT = dt.datetime(2025, 5, 1, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def portal(second: IntegrationInstance, refreshed: IntegrationInstance, owner: User, member: User) -> None:
    """Two tenants, and organizations with everything that makes a round trip hard."""
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("companyType", "in", (1, 7))])
    save_schedule(Batch(actor_of(owner)), second, refresh_every_hours=6, check_daily=False)
    IntegrationInstance.objects.filter(pk=refreshed.pk).update(description="-Ohio, “north”")
    for row in reversed(demo_data.demo_organizations(120, 600)):
        row["is_active"] = row.pop("active")
        Organization.objects.create(**row)
    names = (
        "=HYPERLINK(1)", "'tis the Season", "'=quoted", "Ácme", "acme", "Zoë & Söhne",
        'Tools "R" Us, Inc.', "東京",
        "Twin", "Twin", "Twin", "ABBOTT", "Birchwood", "Nobody's",
    )  # fmt: skip
    made = [make_organization(name) for name in names]
    make_organization("Elsewhere", external_id="-7", phone="+1 614-555-0100", is_active=False)
    map_to(member, refreshed, made[8], 101)
    map_to(member, refreshed, made[9], 102)
    map_to(owner, second, made[11], 301)
    map_to(owner, refreshed, made[0], 103)
    OrganizationMapping.objects.filter(organization=made[9]).update(
        source="suggested", confidence=0.98765, reasons=["same name", "city “Columbus”, =x"],
        matcher_version="7", confirmed_at=AT,
    )  # fmt: skip
    # Renamed since it was confirmed: a person still has to look at it afterwards.
    OrganizationMapping.objects.filter(organization=made[0]).update(confirmed_name="Calloway Roofing")
    ignore_organization(Batch(actor_of(member)), refreshed, made[10])
    ignore_organization(Batch(actor_of(owner)), refreshed, made[12])


def exported(form: str) -> dict[str, bytes]:
    """What the export commands write."""
    found = {}
    for kind in KINDS:
        out = io.StringIO()
        everything = ("--all",) if kind == "configurations" else ()
        call_command(f"export_{kind}", *everything, "--format", form, stdout=out, stderr=io.StringIO())
        found[kind] = out.getvalue().encode()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_export_empty_database_import_export_again(
    portal: None, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, others = exported(form), exported("json" if form == "csv" else "csv")
    keys = set(Organization.objects.values_list("pk", flat=True))
    review = OrganizationMapping.objects.filter(needs_review()).count()
    monkeypatch.setenv("PORTAL_IMPORT_SECRETS", json.dumps(SECRETS))

    empty_the_database()
    for model in (User, IntegrationInstance, Company, Organization, OrganizationMapping, AuditEvent):
        assert not model._default_manager.exists(), model

    for kind in KINDS:
        path = tmp_path / f"{kind}.{form}"
        path.write_bytes(files[kind])
        restore = ("--restore",) if kind == "mappings" else ()
        call_command(f"import_{kind}", str(path), *restore, stdout=io.StringIO(), stderr=io.StringIO())
        if kind == "configurations":
            for instance in IntegrationInstance.objects.all():
                assert refresh(instance).state == "done"

    assert exported(form) == files
    assert exported("json" if form == "csv" else "csv") == others
    assert not keys & set(Organization.objects.values_list("pk", flat=True)), "the keys are others"
    assert b"marcus" in files["mappings"], "who confirmed, although there is no such account any more"
    assert IgnoredOrganization.objects.count() == 2
    assert OrganizationMapping.objects.filter(needs_review()).count() == review == 1
