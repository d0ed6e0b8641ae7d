"""Rows that may be a customer who is there already: told with a score, decided by people."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from integrations.models import ImportReport, Organization, OrganizationIdentifier
from integrations.services.audit import Actor, Batch
from integrations.services.history.undo import undo_batch
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import ImportOptions, Outcome, Report
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
ACTOR = Actor("Tess", "test")
# Of another tool: the first is there under another id, the second is new, the third is the second.
WIKI = (
    "id,slug,name,nickname,company_type,id_number,archived,website\n"
    "12,a,Larch Dental LLC,L,Customer,1,false,larchdental.example\n"
    "13,b,Moss Legal,M,Customer,2,false,\n"
    "14,c," + "Moss Legal, Inc.".replace(",", "") + ",M,Customer,3,false,\n"
)


def run(content: str = WIKI, decisions: Mapping[str, str] | None = None, duplicates: str = "ask") -> Report:
    options = ImportOptions(decisions=decisions or {}, duplicates=duplicates)
    return import_organizations(Batch(ACTOR), io.BytesIO(content.encode()), options)


@pytest.fixture
def larch() -> Organization:
    return make_organization("Larch Dental", external_id="u-1", domain="larchdental.example")


def test_pairs_are_told_with_a_score_and_taken_for_others(larch: Organization) -> None:
    report = run()
    assert report.counts == {Outcome.IMPORTED: 3}
    kept = ImportReport.objects.get(key=report.key)
    assert [(pair["line"], pair["organization"], pair["other_line"]) for pair in kept.pairs] == [
        (4, 0, 3), (2, larch.pk, 0)
    ]  # fmt: skip
    assert all(0.5 < pair["score"] <= 1 for pair in kept.pairs)
    assert "line 2 “Larch Dental LLC” and “Larch Dental” (what is there, " in kept.facts["Perhaps the same"]
    assert run().counts == {Outcome.SKIPPED: 3}, "found by their ids now"


def test_the_same_gets_what_is_new_and_is_found_again_by_the_tools_id(larch: Organization) -> None:
    report = run(decisions={"2": "same", "4": "same"})
    assert [row.message for row in report.rows] == [
        "changes other tools’ ids", "new organization", "is the same as line 3, as you said"
    ]  # fmt: skip
    larch.refresh_from_db()
    assert (larch.name, larch.external_id) == ("Larch Dental", "u-1")
    assert OrganizationIdentifier.objects.get(organization=larch).value == "12"
    assert run(decisions={"4": "same"}).counts == {Outcome.SKIPPED: 3}
    changed = run(WIKI.replace(",website", ",phone_number").replace("larchdental.example", "614-555-0100"))
    assert next(iter(changed.rows)).message == "changes phone"
    assert report.batch is not None
    undo_batch(ACTOR, report.batch)
    assert not OrganizationIdentifier.objects.present().filter(organization=larch).exists()


def test_another_one_is_told_no_more(larch: Organization) -> None:
    report = run(decisions={"2": "other"}, duplicates="other")
    assert (report.counts, report.pairs, "Perhaps the same" in report.facts) == (
        {Outcome.IMPORTED: 3},
        [],
        False,
    )


def test_of_two_rows_that_are_both_the_same_the_first_counts(larch: Organization) -> None:
    content = "id,name\n12,Larch Dental LLC\n13,Larch Dental Inc\n"
    options = ImportOptions(keep_good=True, duplicates="same")
    report = import_organizations(Batch(ACTOR), io.BytesIO(content.encode()), options)
    assert [row.message for row in report.rows] == [
        "changes other tools’ ids", "is the same as line 2, as you said"
    ]  # fmt: skip


def test_a_row_is_the_organization_that_a_person_names_or_is_left_out(larch: Organization) -> None:
    fern = make_organization("Fern Bakery")
    content = "id,name,phone\n12,Fern & Daughters,614-555-0100\n13,Moss Legal,\n14,Reed,\n"
    gone = make_organization("Gone")
    Organization.objects.filter(pk=gone.pk).update(deleted_at="2026-01-01T00:00:00Z")
    decisions = {"2": str(fern.key), "3": "", "4": str(gone.key)}
    options = ImportOptions(keep_good=True, decisions=decisions)
    report = import_organizations(Batch(ACTOR), io.BytesIO(content.encode()), options)
    assert [(row.outcome, row.message.split(":")[0]) for row in report.rows] == [
        (Outcome.UPDATED, "changes external id, name, phone"),
        (Outcome.SKIPPED, "left out"),
        (Outcome.FAILED, "the organization that it was said to be is not there any more"),
    ]
