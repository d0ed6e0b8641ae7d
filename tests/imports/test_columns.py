"""Which column of a file is what: by known tools, by names in five languages, by values, and by choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from integrations.services.imports.columns import (
    FIELDS,
    ColumnPlan,
    Kind,
    propose_columns,
)
from integrations.services.imports.profiles import PROFILES


def plan(
    header: str,
    *rows: str,
    kind: Kind = Kind.ORGANIZATIONS,
    chosen: Mapping[str, str] | None = None,
    profile: str = "",
) -> ColumnPlan:
    cells: Sequence[list[str]] = [row.split(",") for row in rows]
    return propose_columns(kind, header.split(","), cells, chosen=chosen or {}, profile=profile)


def fields(found: ColumnPlan) -> list[str]:
    return [column.field for column in found.columns]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("NAME,External_ID,post-code", "name external_id postal_code"),
        ("companyName,customerId,zipCode", "name external_id postal_code"),
        ("Company Name [required],Customer ID (unique),Phone No.*", "name external_id phone"),
        ("Firmenname,Kundennummer,PLZ,Ort,Rufnummer", "name external_id postal_code city phone"),
        ("Firma,Bundesland", "name state"),
        ("Société,Identifiant,Code postal,Ville,Téléphone", "name external_id postal_code city phone"),
        ("Klantnaam,Klant-ID,Postcode,Plaats,Telefoonnummer", "name external_id postal_code city phone"),
        ("Razón social,ID cliente,Código postal,Ciudad,Tel", "name external_id postal_code city phone"),
        ("NAME,GELOESCHT,TENANTID,AUTOTASKCOMPANYID", "name is_inactive tenant_id autotask_company_id"),
        ("name,address.city,company.website,attributes.phone", "name city domain phone"),
        ("Customer,Customer City,Main Address Zip", "name city postal_code"),
    ],
)  # fmt: skip
def test_names_are_known_in_any_writing_and_five_languages(header: str, wanted: str) -> None:
    found = plan(header)
    assert (" ".join(fields(found)), found.questions, found.problems) == (wanted, (), ())
    assert {column.why for column in found.columns} <= {"named so", "named so; yes means inactive"}


def test_two_columns_that_fit_one_field_alike_are_a_question_and_a_choice_answers_it() -> None:
    row = "9,2c1f6a52-7f0e-4b7e-9a57-3d6c1a5b9f01,Brook Dairy"
    found = plan("id,uid,name", row)
    [question] = found.questions
    assert (question.field, question.columns, question.proposed) == ("external_id", ("id", "uid"), "uid")
    assert "“id” or “uid”" in question.text
    assert fields(found) == ["", "external_id", "name"]
    for chosen in ({"id": "external_id"}, {"UID": ""}):
        answered = plan("id,uid,name", row, chosen=chosen)
        assert (fields(answered), answered.questions) == (["external_id", "", "name"], ())


def test_one_that_is_empty_asks_nothing_and_our_own_name_wins() -> None:
    assert fields(plan("id,uid,name", "9,,Brook Dairy")) == ["external_id", "", "name"]
    found = plan("id,company,name,external id", "1,Holding,Brook Dairy,7")
    assert (fields(found), found.questions) == (["", "", "name", "external_id"], ())
    assert found.columns[1].why == "“name” is taken as name"
    assert found.unused == ("id", "company")


def test_two_that_say_the_same_in_every_row_ask_nothing() -> None:
    rows = ("Brook,https://www.brook.example/en,brook.example", "Marsh,,marsh.example")
    found = plan("name,website,primary domain", *rows)
    assert (fields(found), found.questions) == (["name", "domain", ""], ())
    assert plan("name,website,primary domain", "Brook,brook.example,reed.example").questions
    chosen = {"website": "domain", "primary domain": "domain"}
    assert plan("name,website,primary domain", *rows, chosen=chosen).questions, "chosen twice is asked"


def test_a_field_that_was_chosen_twice_is_a_question() -> None:
    found = plan("a,b,name", "1,2,Brook", chosen={"a": "phone", "b": "phone"})
    assert [(each.field, each.columns) for each in found.questions] == [("phone", ("a", "b"))]


def test_columns_of_one_name_are_told_apart() -> None:
    found = plan("name,Phone,Phone,", "Brook,614-555-0100,614-555-0101,x")
    assert [column.name for column in found.columns] == ["name", "Phone", "Phone (2)", "Column 4"]
    assert found.questions[0].columns == ("Phone", "Phone (2)")


def test_values_speak_where_names_say_nothing() -> None:
    found = plan(
        "F1,F2,F3,F4,F5,Kennung X",
        "Brook Dairy,brook.example,+1 614-555-0100,43215,active,0b0e4f6e-1111-4a4a-8a8a-0123456789ab",
        "Marsh Mill,https://marsh.example/,(614) 555-0101,43004,former,0b0e4f6e-2222-4a4a-8a8a-0123456789ab",
    )
    assert fields(found) == ["name", "domain", "phone", "postal_code", "is_active", "external_id"]
    assert found.columns[1].why == "its values look like domains"
    portals = plan("name,portalUrl", "A,https://p.example/1", "B,https://q.example/2")
    assert fields(portals) == ["name", ""], "a portal's address is no customer's"
    numbers = plan("name,badge", "A,10001", "B,10002")
    assert fields(numbers) == ["name", ""], "five digits are no postal code by themselves"


def test_state_and_company_are_taken_by_what_they_hold() -> None:
    assert fields(plan("name,State", "A,Active", "B,Former")) == ["name", "is_active"]
    assert fields(plan("name,Estado", "A,Jalisco", "B,Puebla")) == ["name", "state"]
    assert fields(plan("Client,Client Name", "17,Brook", "18,Marsh")) == ["external_id", "name"]


def test_several_columns_may_say_who_left() -> None:
    found = plan("name,status,archived", "Brook,active,true")
    assert (fields(found), found.questions) == (["name", "is_active", "is_inactive"], ())


def test_a_status_in_words_that_nobody_knows_is_asked_about() -> None:
    found = plan("name,Status", "Brook,Gold", "Marsh,Silver")
    [question] = found.questions
    assert (question.columns, question.proposed) == (("Status",), "")
    assert "“Gold”, “Silver”" in question.text
    for choice in ("", "is_active"):
        assert plan("name,Status", "Brook,Gold", chosen={"Status": choice}).questions == ()


def test_a_column_that_says_inactive_is_never_read_as_active() -> None:
    found = plan("name,Archiviert", "Brook,ja", chosen={"archiviert": "is_active"})
    assert found.columns[1].field == "is_inactive"
    assert found.columns[1].why == "you chose it; by its name, yes means inactive"


@pytest.mark.parametrize(
    ("header", "profile"),
    [
        ("Microsoft ID,Company name,Primary domain name,Relationship,Tags", "partner_center"),
        ("displayName,defaultDomainName,customerId,initialDomainName,Excluded", "cipp"),
        ("uid,name,autotaskCompanyId", "datto_rmm"),
        ("id,name,organization_type,organization_status,short_name", "it_glue"),
        ("id,type,attributes.name,attributes.organization-status-name", "it_glue"),
        ("id,slug,name,nickname,company_type,id_number,archived,id_in_integration", "hudu"),
        ("ID,Client Name,Toplevel,Website,Inactive", "halopsa"),
        ("name,description,nodeApprovalMode,id", "ninjaone"),
        ("customerId,customerName,parentId,externalId", "n_able"),
        ("id,identifier,name,status.id,status.name,deletedFlag", "connectwise"),
        ("id,firstname,lastname,business_name,disabled", "syncro"),
        ("Organization ID [updates only],Name [required],Organization Type [required],Status", "autotask"),
        ("name,id", ""),
    ],
)
def test_tools_are_known_by_their_columns(header: str, profile: str) -> None:
    found = plan(header)
    assert (found.profile, found.problems) == (profile, ())
    assert "name" in fields(found)
    if profile:
        called = [column for column in found.columns if column.why.startswith(PROFILES[profile].label)]
        assert called, "what the tool calls so is told"


def test_every_profile_means_fields_that_there_are() -> None:
    known = {*FIELDS[Kind.ORGANIZATIONS], *FIELDS[Kind.MAPPINGS], ""}
    for profile in PROFILES.values():
        assert set(profile.columns.values()) <= known
        assert profile.marks


def test_a_mapping_file_in_another_tools_words() -> None:
    found = plan(
        "uid,name,autotaskCompanyName,autotaskCompanyId", "u-1,Brook,Brook LLC,29683", kind=Kind.MAPPINGS
    )
    assert fields(found) == ["external_id", "name", "company_name", "company_id"]
    assert (found.profile_label, found.questions, found.problems) == ("Datto RMM", (), ())


def test_what_cannot_be_is_a_problem_with_what_can() -> None:
    assert "has no column" in plan("city,phone", "Erie,1").problems[0]
    wrong = plan("name,city", "A,Erie", chosen={"town": "city", "city": "town"}, profile="notes")
    assert [problem.split(".")[0] for problem in wrong.problems] == [
        "No profile is called “notes”",
        "The file has no column “town”",
        "A column cannot be “town”",
    ]


def test_five_samples_of_a_column_are_shown() -> None:
    found = plan("name", *[f"Brook {number}" for number in range(9)], "x" * 99)
    assert found.columns[0].samples == tuple(f"Brook {number}" for number in range(5))


@pytest.mark.parametrize(
    "name",
    [
        "Archived Date", "Date of deletion", "Inactive since", "gelöscht am", "Geloescht am",
        "End date", "enddate", "Kündigungsdatum", "Loeschdatum", "Datum der Löschung",
        "Date de résiliation", "Supprimée le", "Fecha Fin", "fecha de baja", "Datum opzegging",
        "Opgezegd per", "Einddatum", "date_deleted", "Deleted Date/Time (UTC)", "Customer end date",
        "Active until", "Kunde bis", "attributes.archived-date", "DateCancelled",
    ],
)  # fmt: skip
def test_a_column_that_says_when_somebody_left_is_known_by_its_words(name: str) -> None:
    found = plan(f"name,{name}", "Brook,", "Marsh,2024-03-12")
    assert (fields(found), found.questions) == (["name", "is_inactive"], ())
    assert found.columns[1].why == "named so; yes means inactive"
    chosen = plan(f"name,{name}", "Brook,2024-03-12", chosen={name: "is_active"})
    assert fields(chosen) == ["name", "is_inactive"]


@pytest.mark.parametrize(
    "name",
    [
        "Deleted by", "End user date", "Send date", "Customer since", "Start date", "Contract end date",
        "Last active date", "Warranty end date", "Valid from", "Until", "Weekend", "Modified date",
    ],
)  # fmt: skip
def test_other_days_say_nothing_of_who_left(name: str) -> None:
    assert fields(plan(f"name,{name}", "Brook,2024-03-12")) == ["name", ""]
