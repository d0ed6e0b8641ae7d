"""Companies and tenants from files: values by type, and faults named by row and column."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from integrations.simulators.autotask.company_store import CompanyRowError
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import (
    CompanyFileError,
    Tenant,
    load_companies,
    load_tenants,
)
from tests.simulator.conftest import EVERYTHING, Caller

CSV = """\ufeffID,companyName,companyType,isActive,postalCode,createDate,assetValue,udf:Contract
5,"Müller, Söhne & Co",1,TRUE,01067,2024-05-01,12.5,Gold

9,Night Owl,3,false,,2024-05-01T12:00:00+02:00,,
"""


def write(folder: Path, name: str, content: object) -> Path:
    file = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return file


def test_csv_values_are_read_by_the_type_of_their_field(tmp_path: Path) -> None:
    own, first, second = load_companies(write(tmp_path, "companies.csv", CSV))
    assert own["id"] == 0
    assert first == {
        "id": 5,
        "assetValue": 12.5,
        "companyName": "Müller, Söhne & Co",
        "companyType": 1,
        "createDate": "2024-05-01T00:00:00.000Z",
        "isActive": True,
        "postalCode": "01067",
        "userDefinedFields": [{"name": "Contract", "value": "Gold"}],
    }
    assert (second["isActive"], second["postalCode"]) == (False, None)
    assert second["createDate"] == "2024-05-01T10:00:00.000Z"


def test_json_and_csv_give_the_same(tmp_path: Path) -> None:
    from_csv = load_companies(write(tmp_path, "companies.csv", CSV))
    listed = write(tmp_path, "listed.json", from_csv)
    answered = write(tmp_path, "answered.json", {"items": from_csv})
    assert load_companies(listed) == load_companies(str(answered)) == from_csv


def test_a_company_0_of_the_file_is_kept(tmp_path: Path) -> None:
    companies = load_companies(write(tmp_path, "c.csv", "id,companyName\n0,Our MSP\n"))
    assert companies == [{"id": 0, "companyName": "Our MSP"}]


def test_loaded_companies_are_served(tmp_path: Path) -> None:
    companies = load_companies(write(tmp_path, "companies.csv", CSV))
    with Simulator([Tenant("api@msp.example", "s", "T", companies)]) as simulator:
        caller = Caller(simulator, secret="s", tracking_identifier="T")
        assert caller.ids(EVERYTHING) == [0, 5, 9]
        assert caller.ids({"op": "eq", "field": "Contract", "udf": True, "value": "gold"}) == [5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.csv: empty; the first row must name the columns"),
        ("id,name\n1,x\n", "c.csv, row 1, column name: companies have no such field"),
        ("id,companyName,ID\n", "c.csv, row 1, column ID: occurs twice"),
        ("id,city\n", "c.csv, row 1, column companyName: missing"),
        ("companyName\n", "c.csv, row 1, column id: missing"),
        ("id,companyName\n1,A\nx,B\n", "c.csv, row 3, column id: 'x' is not an integer"),
        ("id,companyName\n1,\n", "c.csv, row 2, column companyName: missing"),
        ("id,companyName\n,A\n", "c.csv, row 2, column id: missing"),
        ("id,companyName\n-1,A\n", "c.csv, row 2, column id: -1 is negative"),
        ("id,companyName\n1,A\n1,B\n", "c.csv, row 3, column id: 1 was already given in row 2"),
        ("id,companyName\n1,A,B\n", "c.csv, row 2: 3 cells, but 2 columns"),
        ('id,companyName\n1,"two\nlines"\n2\n', "c.csv, row 4: 1 cells, but 2 columns"),
        (
            "id,companyName,isActive\n1,A,yes\n",
            "c.csv, row 2, column isActive: 'yes' is not true or false",
        ),
        (
            "id,companyName,createDate\n1,A,soon\n",
            "c.csv, row 2, column createDate: 'soon' is not a date and time",
        ),
        (
            "id,companyName,surveyCompanyRating\n1,A,NaN\n",
            "column surveyCompanyRating: 'NaN' is not a number",
        ),
        ('id,companyName\n1,"A\n', "c.csv, row 2: "),
    ],
)
def test_a_fault_in_a_csv_file_is_named_by_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CompanyFileError, match=re.escape(message)):
        load_companies(write(tmp_path, "c.csv", text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "c.json: not JSON"),
        ("[" * 100_000, "c.json: not JSON"),
        ({}, "c.json: neither a list of companies nor an object with 'items'"),
        (["x"], "c.json, row 1: not an object"),
        ([{"id": 1, "companyName": "A"}, {"id": True, "companyName": "B"}], "row 2, column id: True is not"),
        ([{"id": 1, "companyName": ["A"]}], "c.json, row 1, column companyName: ['A'] is not text"),
        ([{"id": 1, "companyName": "A", "userDefinedFields": {}}], "column userDefinedFields: is not a list"),
        ([{"id": 1, "companyName": "A", "userDefinedFields": ["x"]}], "an entry is not {name, value}"),
        ([{"id": 2**63, "companyName": "A"}], "column id: 9223372036854775808 is not an integer"),
    ],
)
def test_a_fault_in_a_json_file_is_named_by_row_and_column(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(CompanyFileError, match=re.escape(message)):
        load_companies(write(tmp_path, "c.json", content))


@pytest.mark.parametrize("name", ["c.csv", "c.json"])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes("id,companyName\n1,Müller\n".encode("latin-1"))
    with pytest.raises(CompanyFileError, match=f"{name}: not UTF-8"):
        load_companies(tmp_path / name)


def test_companies_of_a_program_are_checked_alike() -> None:
    with pytest.raises(CompanyRowError, match="column id: 1 occurs twice"):
        Tenant("u", "s", "t", [{"id": 1, "companyName": "A"}, {"id": "1", "companyName": "B"}])


def test_tenants_of_a_file(tmp_path: Path) -> None:
    write(tmp_path, "companies.csv", "id,companyName\n5,From a file\n")
    file = write(
        tmp_path,
        "tenants.json",
        [
            {
                "username": "first@msp.example",
                "secret": "s",
                "tracking_identifier": "T",
                "companies": "companies.csv",
                "zone": 5,
                "hourly_used": 9000,
                "picklists": {"companyType": {"1": "Kunde"}},
            },
            {
                "username": "second@msp.example",
                "secret": "s",
                "tracking_identifier": "T",
                "companies": [{"id": 1, "companyName": "In place"}],
            },
        ],
    )
    first, second = load_tenants(file)
    assert (first.username, first.zone, first.budget.used) == ("first@msp.example", 5, 9000)
    assert first.companies.snapshot().ids == (0, 5)
    assert first.picklists["companyType"][0].label == "Kunde"
    assert (second.zone, second.companies.snapshot().ids) == (14, (1,))
    assert "'s'" not in repr(first)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "t.json: not a list of tenants"),
        (["x"], "t.json, tenant 1: not an object"),
        ([{"username": "u", "secret": "s"}], "t.json, tenant 1: tracking_identifier is missing"),
        (
            [{"username": "u", "secret": "", "tracking_identifier": "t"}],
            "t.json, tenant 1: secret is missing",
        ),
        (
            [{"username": "u", "secret": "s", "tracking_identifier": "t", "colour": 1}],
            "t.json, tenant 1: ",
        ),
        (
            [{"username": "u", "secret": "s", "tracking_identifier": "t", "companies": [{"id": 1}]}],
            "t.json, tenant 1: column companyName: missing",
        ),
        (
            [{"username": "u", "secret": "s", "tracking_identifier": "t", "picklists": {"city": {"1": "K"}}}],
            "t.json, tenant 1: 'city' is not a picklist field",
        ),
        (
            [{"username": "u", "secret": "s", "tracking_identifier": "t", "picklists": ["city"]}],
            "t.json, tenant 1: ",
        ),
    ],
)
def test_a_fault_in_a_file_of_tenants_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(CompanyFileError, match=re.escape(message)):
        load_tenants(write(tmp_path, "t.json", content))
