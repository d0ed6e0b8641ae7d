"""Reading companies: by id, by query, counting, and what they are made of."""

from __future__ import annotations

import json

import pytest

from integrations.simulators.autotask.company_fields import COMPANY_FIELDS
from integrations.simulators.autotask.picklists import PicklistError, PicklistValue
from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import EVERYTHING, Caller, make_tenant


def test_a_company_by_id(caller: Caller) -> None:
    item = caller.get("Companies/3").json()["item"]
    assert (item["id"], item["companyName"], item["companyType"]) == (3, "Abel & Söhne GmbH", 1)
    assert item["isActive"] is True
    assert item["lastTrackedModifiedDateTime"] == "2024-01-15T10:30:00.000Z"
    assert set(item) == {field.name for field in COMPANY_FIELDS} | {"userDefinedFields"}


@pytest.mark.parametrize("company_id", ["1", "999999999999"])
def test_a_missing_company_is_a_null_item(caller: Caller, company_id: str) -> None:
    answer = caller.get(f"Companies/{company_id}")
    assert (answer.status_code, answer.json()) == (200, {"item": None})


def test_a_query_answers_the_same_by_either_verb(caller: Caller) -> None:
    condition = {"op": "eq", "field": "companyType", "value": 1}
    posted, got = caller.query(condition), caller.search(condition)
    assert posted.json() == got.json()
    assert [item["id"] for item in posted.json()["items"]] == [3, 6]
    assert posted.json()["pageDetails"] == {
        "count": 2,
        "requestCount": 500,
        "prevPageUrl": None,
        "nextPageUrl": None,
    }


def test_a_count_answers_the_same_by_either_verb(caller: Caller) -> None:
    content = {"filter": [{"op": "eq", "field": "companyType", "value": 1}]}
    posted = caller.post("Companies/query/count", content)
    got = caller.get("Companies/query/count", params={"search": json.dumps(content)})
    assert posted.json() == got.json() == {"queryCount": 2}


def test_keys_fields_and_operators_count_in_any_casing(caller: Caller) -> None:
    answer = caller.post(
        "companies/QUERY",
        {
            "MAXRECORDS": 1,
            "includefields": ["ID", "COMPANYNAME"],
            "Filter": [{"OP": "BeginsWith", "Field": "COMPANYNAME", "Value": "c"}],
        },
    )
    assert answer.json()["items"] == [{"id": 7, "companyName": "Cedar Dental Group", "userDefinedFields": []}]


def test_chosen_fields_come_with_an_empty_list_of_user_defined_ones(caller: Caller) -> None:
    answer = caller.query(EVERYTHING, IncludeFields=["id", "city"])
    assert answer.json()["items"][1] == {"id": 3, "city": "Köln", "userDefinedFields": []}
    chosen = caller.query(EVERYTHING, IncludeFields=["id", "contract"]).json()["items"][-1]
    assert chosen == {"id": 12, "userDefinedFields": [{"name": "Contract", "value": "Gold"}]}


def test_no_chosen_fields_means_all_of_them(caller: Caller) -> None:
    item = caller.query(EVERYTHING, IncludeFields=[]).json()["items"][-1]
    assert len(item) == len(COMPANY_FIELDS) + 1
    assert item["userDefinedFields"] == [
        {"name": "Contract", "value": "Gold"},
        {"name": "Region", "value": None},
    ]


def test_an_unknown_chosen_field_is_refused(caller: Caller) -> None:
    answer = caller.query(EVERYTHING, IncludeFields=["id", "accountName"])
    assert answer.status_code == 500
    assert answer.json() == {"errors": ["Unable to find accountName in the Company Entity"]}


def test_impersonation_is_refused_on_a_query(caller: Caller) -> None:
    answer = caller.post(
        "Companies/query", {"filter": [EVERYTHING]}, headers={"ImpersonationResourceId": "5"}
    )
    assert answer.status_code == 500
    assert "adequate permissions" in answer.json()["errors"][0]


def test_entity_information_names_access_in_words(caller: Caller) -> None:
    info = caller.get("Companies/entityInformation").json()["info"]
    assert (info["name"], info["userAccessForQuery"], info["canDelete"]) == ("Companies", "All", False)


def test_fields_describe_every_field_of_a_row(caller: Caller) -> None:
    fields = {
        each["name"]: each for each in caller.get("Companies/entityInformation/fields").json()["fields"]
    }
    row = caller.get("Companies/3").json()["item"]
    assert set(fields) == set(row) - {"userDefinedFields"}
    assert fields["companyName"]["length"] == 100
    assert fields["id"]["dataType"] == "long"
    assert fields["assetValue"]["isQueryable"] is False
    assert fields["ownerResourceID"]["referenceEntityType"] == "Resource"
    assert fields["companyName"]["picklistValues"] is None


def test_picklist_values_are_strings_in_metadata_and_integers_in_rows(caller: Caller) -> None:
    fields = {
        each["name"]: each for each in caller.get("Companies/entityInformation/fields").json()["fields"]
    }
    values = fields["companyType"]["picklistValues"]
    assert {each["value"]: each["label"] for each in values} == {
        "1": "Customer",
        "2": "Lead",
        "3": "Prospect",
        "4": "Dead",
        "6": "Cancelation",
        "7": "Vendor",
        "8": "Partner",
    }
    assert all(each["isSystem"] and each["isActive"] for each in values)
    assert any(not each["isActive"] for each in fields["territoryID"]["picklistValues"])
    assert caller.get("Companies/3").json()["item"]["companyType"] == 1


def test_a_tenant_may_have_its_own_picklists() -> None:
    own = {
        "companytype": {1: "Kunde", 7: "Lieferant"},
        "classification": (PicklistValue(9, "Alt", is_active=False),),
    }
    with Simulator([make_tenant(picklists=own)]) as simulator:
        answer = Caller(simulator).get("Companies/entityInformation/fields").json()
    fields = {each["name"]: each for each in answer["fields"]}
    assert [each["label"] for each in fields["companyType"]["picklistValues"]] == ["Kunde", "Lieferant"]
    assert fields["classification"]["picklistValues"][0]["isActive"] is False
    with pytest.raises(PicklistError, match="'city' is not a picklist field"):
        make_tenant(picklists={"city": {1: "Köln"}})


def test_user_defined_fields_are_described(caller: Caller) -> None:
    answer = caller.get("Companies/entityInformation/userDefinedFields").json()
    assert [(each["name"], each["label"], each["type"]) for each in answer["fields"]] == [
        ("Contract", "Contract", "string"),
        ("Region", "Region", "string"),
    ]


def test_companies_can_change_while_they_are_served(caller: Caller) -> None:
    store = caller.simulator.tenants["api@msp.example"].companies
    store.change(3, {"companyName": "Abel AG"})
    store.remove(6)
    store.put({"id": 4, "companyName": "New here"})
    assert caller.ids(EVERYTHING) == [0, 3, 4, 7, 12]
    changed = caller.get("Companies/3").json()["item"]
    assert changed["companyName"] == "Abel AG"
    assert changed["lastTrackedModifiedDateTime"] > "2025"
    for missing in (store.remove, lambda company_id: store.change(company_id, {})):
        with pytest.raises(KeyError):
            missing(6)
