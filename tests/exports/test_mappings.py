"""``export_mappings``: what leaves the portal, and in which shape."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import (
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
)
from integrations.services.audit import Actor, Batch
from integrations.services.imports.organizations import import_organizations

pytestmark = pytest.mark.django_db
AT = dt.datetime(2025, 5, 1, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def export(*arguments: str) -> tuple[str, str]:
    """What went to the output and to the error stream."""
    out, err = io.StringIO(), io.StringIO()
    call_command("export_mappings", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def exported_names(*arguments: str) -> list[str]:
    return [row["name"] for row in csv.DictReader(io.StringIO(export(*arguments)[0]))]


def instance(name: str, psa: str = "autotask") -> IntegrationInstance:
    return IntegrationInstance.objects.create(psa=psa, name=name, username="api@example.com")


def mapping(name: str, where: IntegrationInstance, remote_id: str, **values: object) -> OrganizationMapping:
    organization = Organization.objects.create(name=name, external_id=f"X-{name}")
    company = Company.objects.create(
        instance=where, remote_id=remote_id, name=f"{name} LLC", seen_at=timezone.now()
    )
    return OrganizationMapping.objects.create(
        organization=organization, psa=where.psa, instance=where, company=company,
        **{"confirmed_at": AT, **values},
    )  # fmt: skip


def test_every_column(member: User) -> None:
    saved = mapping(
        "Acme",
        instance("Main"),
        "42",
        source="suggested",
        confidence=0.987654,
        confirmed_by=member,
        reasons=["same name"],
        matcher_version="7",
        confirmed_name="Acme Ltd",
    )
    out, err = export()
    assert err == "1 mapping exported.\n"
    [row] = csv.DictReader(io.StringIO(out))
    assert row == {
        "portal_key": str(saved.organization.key),
        "external_id": "X-Acme",
        "name": "Acme",
        "instance": "Main",
        "company_id": "42",
        "company_name": "Acme LLC",
        "source": "suggested",
        "confidence": "0.9877",
        "reasons": '["same name"]',
        "matcher_version": "7",
        "confirmed_name": "Acme Ltd",
        "confirmed_by": "marcus",
        "confirmed_at": "2025-05-01T07:30:00+00:00",
    }


def test_json_holds_the_same(member: User) -> None:
    main = instance("Main")
    mapping("Beta", main, "43")
    mapping("Ácme", main, "0042", confidence=1.0, confirmed_by=member)
    out, _ = export("--format", "json")
    rows = json.loads(out)
    assert [(row["name"], row["company_id"], row["confidence"]) for row in rows] == [
        ("Beta", "43", None),
        ("Ácme", "0042", 1.0),
    ]
    assert json.loads(export("--format", "json", "--instance", "MAIN")[0]) == rows


def test_nothing_to_export_is_still_a_file() -> None:
    assert export("--format", "json")[0] == "[\n]\n"
    assert export()[0].startswith("portal_key,external_id,")
    assert export()[1] == "0 mappings exported.\n"


def test_only_what_is_in_force_leaves() -> None:
    main, gone = instance("Main"), instance("Gone")
    mapping("Kept", main, "1")
    mapping("Cleared", main, "2", removed_at=timezone.now())
    deleted = mapping("Deleted", main, "3").organization
    Organization.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    mapping("Uninstalled", gone, "4")
    IntegrationInstance.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    assert exported_names() == ["Kept"]


def test_what_is_deliberately_not_mapped_has_a_row_without_a_company(member: User) -> None:
    instance("Acquired")
    main = instance("Main")
    IntegrationInstance.objects.filter(pk=main.pk).update(is_default=True)
    mapped = mapping("Acme", main, "1").organization
    nobody = Organization.objects.create(name="Nobody")
    for organization in (mapped, nobody):
        IgnoredOrganization.objects.create(
            organization=organization, psa="autotask", ignored_by=member, ignored_at=AT
        )
    rows = json.loads(export("--format", "json")[0])
    assert [(row["name"], row["source"], row["company_id"]) for row in rows] == [
        ("Acme", "chosen", "1"),
        ("Nobody", "ignored", ""),
    ]
    assert (rows[1]["instance"], rows[1]["confirmed_by"]) == ("Main", "marcus")


def test_one_instance() -> None:
    mapping("Acme", instance("Main"), "1")
    mapping("Beta", instance("Acquired"), "1")
    assert exported_names() == ["Acme", "Beta"]
    assert exported_names("--instance", "acquired") == ["Beta"]


def test_an_unknown_instance_is_an_error_that_names_the_known_ones() -> None:
    instance("Main")
    with pytest.raises(
        CommandError, match=r"No configuration is called “Mian”\. Known are: “Main”"
    ) as refused:
        export("--instance", "Mian")
    assert refused.value.returncode == 2


def test_formulas_leave_as_text_and_come_back_as_they_were() -> None:
    saved = mapping("=HYPERLINK(1)", instance("@Main"), "1")
    Company.objects.update(name="+49 Company")
    out, _ = export()
    [row] = csv.DictReader(io.StringIO(out))
    assert (row["name"], row["instance"], row["company_name"]) == (
        "'=HYPERLINK(1)",
        "'@Main",
        "'+49 Company",
    )
    saved.organization.delete()
    import_organizations(Batch(Actor("Tess", "test")), io.BytesIO(out.encode()))
    assert Organization.objects.get().name == "=HYPERLINK(1)"


def test_no_secret_leaves() -> None:
    main = instance("Main")
    main.credentials = {"secret": "hunter2hunter2", "tracking_identifier": "TRACKINGTRACKING"}
    main.save()
    mapping("Acme", main, "1")
    for output_format in ("csv", "json"):
        out, err = export("--format", output_format)
        assert "hunter2" not in out + err
        assert "TRACKING" not in out + err
        assert "api@example.com" not in out + err


def test_the_number_of_queries_does_not_follow_the_rows() -> None:
    main = instance("Main")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            export()
        return len(captured)

    mapping("First", main, "1")
    one = queries()
    for number in range(2, 30):
        mapping(f"Company {number}", main, str(number))
    assert queries() == one
