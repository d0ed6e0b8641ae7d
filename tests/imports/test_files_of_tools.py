"""Files as tools and spreadsheets write them: what each column is, who left, and which ids are known."""

from __future__ import annotations

import io
import json

import pytest
import time_machine

from integrations.files.shape import ImportRefused, Shape
from integrations.models import ImportReport, Organization, OrganizationIdentifier
from integrations.services.audit import Actor, Batch
from integrations.services.history.undo import undo_batch
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import ImportOptions, Outcome, Reading, Report
from integrations.services.imports.rows import QuestionOpen
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
ACTOR = Actor("Tess", "test")
TENANT = "3f2c9a10-5b1e-4d7c-9a3e-6b8f0c2d4e5f"


def run(content: str | bytes, *, keep_good: bool = False, reading: Reading | None = None) -> Report:
    data = content.encode() if isinstance(content, str) else content
    options = ImportOptions(keep_good=keep_good, reading=reading or Reading())
    return import_organizations(Batch(ACTOR), io.BytesIO(data), options)


def active() -> dict[str, bool]:
    return dict(Organization.objects.values_list("name", "is_active"))


def known(name: str) -> set[tuple[str, str, str]]:
    rows = OrganizationIdentifier.objects.filter(organization__name=name)
    return set(rows.values_list("kind", "source", "value"))


def test_a_tenants_own_name_is_no_web_domain() -> None:
    report = run(
        "Microsoft ID,Company name,Primary domain name,Relationship\n"
        f"{TENANT},Larch Clinic,larchclinic.onmicrosoft.com,Reseller\n"
        f"{TENANT[:-1]}0,Moss Legal,https://www.mosslegal.example/,Reseller\n"
    )
    larch, moss = Organization.objects.order_by("name")
    assert (larch.external_id, larch.domain, moss.domain) == (TENANT, "", "mosslegal.example")
    tool = "Microsoft Partner Center"
    assert known("Larch Clinic") == {
        ("tenant_id", tool, TENANT), ("tenant_domain", tool, "larchclinic.onmicrosoft.com")
    }  # fmt: skip
    facts = ImportReport.objects.get(key=report.key).facts
    assert facts["Known as"] == "a file of Microsoft Partner Center"
    assert facts["Columns not used"] == "Relationship"
    assert facts["Microsoft’s own names"].startswith("1 ")


def test_two_ids_are_asked_and_the_other_columns_understood() -> None:
    content = "id,uid,name,autotaskCompanyName,autotaskCompanyId\n5,u-5,Larch,Larch LLC,2900\n6,u-6,Moss,,\n"
    with pytest.raises(QuestionOpen, match="“id” or “uid”"):
        run(content)
    assert not Organization.objects.exists()
    run(content, reading=Reading(columns={"uid": "external_id"}))
    assert Organization.objects.get(name="Larch").external_id == "u-5"
    assert known("Larch") == {("autotask_company_id", "Datto RMM", "2900")}
    assert known("Moss") == set()


def test_the_list_inside_an_answer_is_found() -> None:
    answer = {
        "page": {"count": 1},
        "clients": [{"id": 4, "name": "Larch", "toplevel_name": "A", "inactive": True}],
    }
    run(json.dumps(answer))
    assert (active(), Organization.objects.get().external_id) == ({"Larch": False}, "4")


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("organization_status", "Former", False),
        ("organization_status", "Active", True),
        ("Inactive", "False", True),
        ("Inactive", "True", False),
        ("archived", "yes", False),
        ("archived_at", "2024-03-01T10:00:00Z", False),
        ("Excluded", "false", True),
        ("enabled", "0", False),
        ("Status", "Prospect", True),
        ("Archiviert", "nein", True),
        ("Kundenstatus", "gekündigt", False),
        ("Statut", "Ancien client", False),
        ("Supprimé", "oui", False),
        ("Actief", "nee", False),
        ("Estado", "De baja", False),
        ("Company Type", "Former client", False),
        ("Company Type", "Vendor", True),
    ],
)
def test_who_left_is_inactive_in_five_languages(header: str, cells: str, expected: bool) -> None:
    run(f"id,name,{header}\n7,Larch,{cells}\n")
    assert active() == {"Larch": expected}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-12", False), ("12.03.2024", False), ("3/25/2024 10:15 AM", False), ("20240312", False),
        ("12 Mar 2024", False), ("March 12th 2024", False), ("12. März 2024", False), ("3 févr. 2023", False),
        ("15 de enero de 2024", False), ("Tue 12 Mar 2024", False), ("", True), ("2999-01-01", True),
        ("9999-12-31T00:00:00", True), ("31.12.2999", True), ("1 dec 2999", True),
        ("1/1/0001 12:00:00 AM", True), ("01/01/1970", True), ("00.00.0000", True), ("0000-00-00", True),
    ],
)  # fmt: skip
def test_who_left_on_a_day_is_inactive_once_it_has_come(written: str, expected: bool) -> None:
    report = run(f'name,Archived Date\nLarch,"{written}"\nFern,2024-03-12\n')
    assert active() == {"Larch": expected, "Fern": False}
    if "2999" in written:
        assert report.facts["Taken as active"] == f"Archived Date: {written} (1)", "it is told"


def test_a_day_that_is_past_only_read_one_way_is_asked_about() -> None:
    with time_machine.travel("2026-06-15T12:00:00Z"):
        report = run("name,End date\nLarch,03/12/2026\nFern,2024-03-12\n", keep_good=True)
    assert active() == {"Fern": False}
    assert next(row.message for row in report.rows) == (
        "End date says “03/12/2026”, which is neither known as active nor as inactive"
    )


def test_a_day_that_has_come_since_the_portal_started_counts() -> None:
    for today, expected in (("2026-06-15", True), ("2026-07-01", False)):
        with time_machine.travel(f"{today}T12:00:00Z"):
            run("id,name,Archived Date\n7,Larch,2026-07-01\n")
            assert active() == {"Larch": expected}


def test_inactive_by_one_column_is_inactive() -> None:
    report = run("name,status,archived\nLarch,Active,true\nMoss,Active,false\n")
    assert active() == {"Larch": False, "Moss": True}
    assert [row.message for row in report.rows] == [
        "new organization, inactive: archived is “true”", "new organization"
    ]  # fmt: skip
    assert report.facts["Taken as inactive"] == "archived: true (1)"
    assert report.facts["Taken as active"] == "status: Active (2)"


def test_a_word_that_nobody_knows_is_no_active_customer() -> None:
    content = "name,status\nLarch,Active\nMoss,On hold\n"
    report = run(content, keep_good=True)
    assert active() == {"Larch": True}
    assert [row.message for row in report.rows][1] == (
        "status says “On hold”, which is neither known as active nor as inactive"
    )
    run(content, reading=Reading(meanings={"on hold": "inactive"}))
    assert active() == {"Larch": True, "Moss": False}
    with pytest.raises(QuestionOpen, match="“On hold”"):
        run("name,status\nMoss,On hold\n")
    run("name,status\nFern,On hold\n", reading=Reading(columns={"status": ""}))
    assert active()["Fern"], "whoever leaves the column out has said so"


def test_headers_with_hints_and_a_title_above() -> None:
    run(
        b"Organization ID [updates only];Name [required];Phone [required];Organization Type;Status\n"
        b"2900;L\xe4rche GmbH;030 1234567;Customer;Active\n"
    )
    row = Organization.objects.get()
    assert (row.name, row.external_id, row.phone) == ("Lärche GmbH", "2900", "030 1234567")
    assert known("Lärche GmbH") == {("autotask_company_id", "Autotask", "2900")}


def test_the_encoding_that_was_assumed_is_told() -> None:
    report = run("Firma;Kundennummer\nMüller GmbH;K-1\n".encode("cp1252"))
    facts = ImportReport.objects.get(key=report.key).facts
    assert "Windows-1252" in facts["Assumed"]
    forced = run(
        "name;id\nMüller KG;K-2\n".encode("cp1252"), reading=Reading(Shape(encoding="cp1252", delimiter=";"))
    )
    assert (forced.written, Organization.objects.count()) == (1, 2)


# --- nothing lost, nothing invented -------------------------------------------------------------------------


def test_an_unchanged_file_is_skipped_and_what_wrote_nothing_says_so() -> None:
    content = (
        "id,name,slug,company_type,id_number,archived,id_in_integration,phone_number\n"
        "7,Larch,l,Customer,A-1,false,2900,(614) 555-0100\n"
    )
    assert run(content).sentence() == "All rows were written."
    again = run(content)
    assert [(row.outcome, row.message) for row in again.rows] == [
        (Outcome.SKIPPED, "nothing differs from what is there")
    ]
    assert again.sentence() == "Nothing was written: no row changes anything."
    assert not ImportReport.objects.get(key=again.key).has_changes
    failed = run("id,name\n,\n8,\n", keep_good=True)
    assert failed.sentence() == "Nothing was written: 1 row failed, and no other changes anything."


def test_a_number_written_otherwise_is_no_change_and_stays_as_it_was_written() -> None:
    make_organization("Larch", phone="+1 614-555-0100", postal_code="SW1A 1AA", domain="larch.example")
    report = run("name,phone,zip,website\nLarch,+1 (614) 555 0100,sw1a1aa,https://LARCH.example/about\n")
    assert report.counts == {Outcome.SKIPPED: 1}
    assert Organization.objects.get().phone == "+1 614-555-0100"
    assert run("name,phone\nLarch,+1 614-555-0199\n").counts == {Outcome.UPDATED: 1}


def test_names_that_came_late_and_odd_ids_are_told() -> None:
    rows = [{"name": f"Larch {number}"} for number in range(1_001)] + [{"name": "Moss", "colour": "red"}]
    assert "colour" in run(json.dumps(rows)).ignored
    report = run("name,autotask id\nFern,none\n")
    assert report.facts["Ids left out"].startswith("none (1)")


def test_another_id_of_the_same_tool_replaces_it_and_undo_takes_it_back() -> None:
    run("uid,name,autotaskCompanyId\nu-1,Larch,2900\n")
    report = run("uid,name,autotaskCompanyId\nu-1,Larch,2901\n")
    assert [row.message for row in report.rows] == ["changes other tools’ ids"]
    assert known("Larch") == {("autotask_company_id", "Datto RMM", "2901")}
    assert report.batch is not None
    undo_batch(ACTOR, report.batch)
    assert known("Larch") == {("autotask_company_id", "Datto RMM", "2900")}


def test_a_profile_and_columns_that_do_not_fit_are_refused_with_words() -> None:
    for reading, words in (
        (Reading(profile="notes"), "No profile is called “notes”"),
        (Reading(columns={"colour": "name"}), "has no column “colour”"),
        (Reading(columns={"name": "size"}), "cannot be “size”"),
    ):
        with pytest.raises(ImportRefused, match=words):
            run("name\nLarch\n", reading=reading)


def test_what_was_chosen_survives_a_job() -> None:
    reading = Reading(Shape(sheet="A"), "hudu", {"x": "name", "y": ""}, {"Gold": "active"})
    assert ImportOptions.from_json(json.loads(json.dumps(ImportOptions(reading=reading).to_json()))) == (
        ImportOptions(reading=reading)
    )


def test_what_programs_write_for_nothing_is_nothing_and_told() -> None:
    report = run(
        "name,id,domain,phone,city,archived_at\n"
        "Larch,NULL,N/A,n/a,-,NULL\nMoss,null,(null),\u2014,NULL,2024-01-05\nNULL,7,,,,\n",
        keep_good=True,
    )
    assert active() == {"Larch": True, "Moss": False}
    assert set(Organization.objects.values_list("external_id", "domain", "phone", "city")) == {
        ("", "", "", "")
    }
    assert [row.message for row in report.rows][2:] == ["name is empty"]
    assert "NULL (3)" in report.facts["Taken as empty"]
    assert run("name,archived_at\nFern,NULL\nIvy,\n").counts[Outcome.IMPORTED] == 2, "nothing is asked"


@pytest.mark.parametrize("field", ["external_id", "phone", "zip", "tenant_id", "autotask_company_id"])
def test_a_number_that_a_spreadsheet_cut_short_is_no_value(field: str) -> None:
    for written in ("1.23457E+11", "1,23457E+11", "6.14E+09"):
        content = f'name;{field}\nLarch;"{written}"\nMoss;\n'
        message = next(row.message for row in run(content, keep_good=True).rows)
        assert f"“{written}”, a number that a spreadsheet has cut short" in message
    assert active() == {"Moss": True}


def test_a_number_in_scientific_form_with_all_its_digits_is_that_number() -> None:
    run("name,id,phone\nLarch,1.23456789012E+11,1.6145550100E+10\nMoss,12E5,\n")
    rows = set(Organization.objects.values_list("name", "external_id", "phone"))
    assert rows == {("Larch", "123456789012", "16145550100"), ("Moss", "12E5", "")}


def test_a_spreadsheets_error_is_no_value() -> None:
    report = run("name,id,city\n#N/A,1,\nLarch,#NAME?,\nMoss,3,#REF!\n", keep_good=True)
    assert active() == {}
    assert all("spreadsheet's error #" in row.message for row in report.rows)


def test_an_own_export_is_read_as_it_was_written() -> None:
    key = make_organization("N/A").key
    run(f"portal_key,name,external_id,city\n{key},N/A,1.2E+11,'-\n")
    assert Organization.objects.get().external_id == "1.2E+11"
