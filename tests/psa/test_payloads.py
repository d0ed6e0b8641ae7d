"""Readers of answers: the samples that are known, and anything at all."""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.psa.autotask import calls, company_rows, metadata, payloads
from integrations.psa.autotask.json_values import read_json
from integrations.psa.base import CompanyField, PicklistOption, RemoteCompany, RequestBudget, UnexpectedAnswer
from tests.support.properties import examples

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "autotask" / "samples"

READERS: dict[str, Callable[[object], object]] = {
    "zone": payloads.read_zone,
    "version": payloads.read_version,
    "budget": payloads.read_budget,
    "access": payloads.read_access,
    "count": payloads.read_count,
    "errors": payloads.read_errors,
    "fields": metadata.read_fields,
    "user_fields": metadata.read_user_fields,
    "labels": metadata.read_labels,
    "page": lambda data: company_rows.read_page(data).companies(),
}

GOOD: dict[str, Any] = {
    "zone": {
        "zoneName": "AE02",
        "url": "https://webservices14.autotask.net/ATServicesRest/",
        "webUrl": "https://ww14.autotask.net/",
        "ci": 513558,
    },
    "version": {"majorVersion": "2026", "minorVersion": "1", "build": "42", "customerType": "x"},
    "budget": {
        "externalRequestThreshold": 10000,
        "requestThresholdTimeframe": 60,
        "currentTimeframeRequestCount": 17,
    },
    "access": {"info": {"name": "Companies", "canQuery": True, "userAccessForQuery": "All"}},
    "count": {"queryCount": 7},
    "errors": {"errors": ["Unable to find x in the Company Entity"]},
    "fields": {
        "fields": [
            {
                "name": "CompanyType",
                "dataType": "short",
                "length": 0,
                "isQueryable": True,
                "isReference": False,
                "isPickList": True,
                "picklistValues": [
                    {
                        "value": "7",
                        "label": "Vendor",
                        "sortOrder": 5,
                        "parentValue": "",
                        "isActive": False,
                        "isSystem": True,
                    },
                    {"value": "1", "label": "Customer", "sortOrder": 1},
                ],
            },
            {
                "name": "assetValue",
                "dataType": "decimal",
                "isQueryable": False,
                "isPickList": False,
                "picklistValues": None,
            },
        ]
    },
    "user_fields": {
        "fields": [
            {
                "name": "Test UDF",
                "label": "Test UDF",
                "type": "string",
                "length": 8000,
                "isPickList": True,
                "picklistValues": [{"value": "1", "label": "One", "isActive": True, "sortOrder": 0}],
            },
            {"name": "Customer key", "label": "", "type": "string", "isPickList": False},
        ]
    },
    "labels": {
        "items": [{"id": 5, "name": "Dana Whitlock", "isActive": False}, {"id": 6, "name": None}],
        "pageDetails": {"nextPageUrl": "x"},
    },
    "page": {
        "items": [
            {
                "id": 29683500,
                "companyName": "Harbour Dental",
                "companyNumber": "H-1",
                "companyType": 1,
                "isActive": True,
                "webAddress": "www.harbour.example",
                "phone": "555-0100",
                "city": "Springfield",
                "state": "IL",
                "postalCode": "62701",
                "parentCompanyID": 0,
                "lastTrackedModifiedDateTime": "2026-01-15T09:30:00.000Z",
                "userDefinedFields": [],
            }
        ],
        "pageDetails": {"count": 1, "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None},
    },
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, categories=None), max_size=12)
    | st.sampled_from(["1", "-7", "none", "All", "2026-01-15T09:30:00Z", "https://x.autotask.net/"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def damage(data: st.DataObject, value: object) -> object:
    """``value`` with one part, somewhere inside, replaced by anything at all (or left out)."""
    if isinstance(value, dict) and value and data.draw(st.booleans(), "deeper"):
        key = data.draw(st.sampled_from(sorted(value)), "key")
        if data.draw(st.integers(0, 5), "left out") == 0:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: damage(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.booleans(), "deeper"):
        index = data.draw(st.integers(0, len(value) - 1), "index")
        return [*value[:index], damage(data, value[index]), *value[index + 1 :]]
    return data.draw(json_values, "anything")


def texts_in(value: object) -> Iterator[str]:
    """Every text inside a value that a reader returned."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts_in(each)
    elif dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            yield from texts_in(getattr(value, each.name))


def test_every_reader_is_among_those_that_are_fed_anything() -> None:
    """A reader takes JSON as it came (``object``); a new one belongs into READERS and GOOD."""
    found = {
        name
        for module in (payloads, company_rows, metadata)
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).parameters.get("data") is not None
    }
    assert found == {f"read_{name}" for name in READERS}
    assert GOOD.keys() == READERS.keys()


def test_every_answer_that_the_client_asks_for_goes_through_one_of_them() -> None:
    source = inspect.getsource(calls)
    used = set(re.findall(r"\b(read_[a-z_]+)\b", source))
    assert used == {f"read_{name}" for name in READERS} - {"read_errors"}  # errors: the transport


@pytest.mark.parametrize("name", READERS)
@examples(40)
@given(data=st.data())
def test_any_json_gives_a_value_or_unexpected_answer(name: str, data: st.DataObject) -> None:
    for payload in (data.draw(json_values), damage(data, GOOD[name]), damage(data, damage(data, GOOD[name]))):
        try:
            found = READERS[name](payload)
        except UnexpectedAnswer:
            continue
        for text in texts_in(found):
            text.encode("utf-8")  # nothing that cannot be stored
            assert "\x00" not in text


@given(st.binary(max_size=200))
def test_any_bytes_give_json_or_unexpected_answer(body: bytes) -> None:
    try:
        found = read_json(body)
    except UnexpectedAnswer:
        return
    assert json.loads(body.decode("utf-8-sig")) == found or found != found


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html></html>",
        b'{"items":[{"id":1,',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\xff\xfe"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 30 + b"1" + b"}" * 30,
        b"9" * 5000,
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_json(body)


def test_depth_is_counted_exactly() -> None:
    assert read_json(b"[" * 24 + b"]" * 24, max_depth=24)
    with pytest.raises(UnexpectedAnswer, match="deeper than 23"):
        read_json(b"[" * 24 + b"]" * 24, max_depth=23)


def test_small_answers() -> None:
    zone = payloads.read_zone(GOOD["zone"])
    assert (zone.name, zone.database_id) == ("AE02", 513558)
    assert payloads.read_version(GOOD["version"]) == "2026.1.42"
    assert payloads.read_budget(GOOD["budget"]) == RequestBudget(17, 10_000, 60)
    assert payloads.read_count({"QueryCount": 7}) == 7
    assert payloads.read_errors({"Message": "no\r\nsuch method"}) == ("no such method",)
    assert payloads.read_errors({"errors": ["a", 5, None, "b"]}) == ("a", "b")


@pytest.mark.parametrize(
    ("odd", "database_id"),
    [
        ({"ci": "513558"}, 513558),
        ({"ci": None}, None),
        ({"ci": -1}, None),
        ({"ci": True}, None),
        ({"ci": 5.0}, None),
        ({"ci": 2**63}, None),
        ({"ci": "none"}, None),
        ({"zoneName": 5, "webUrl": ["x"]}, 513558),
    ],
)
def test_an_odd_part_of_the_zone_keeps_nobody_from_connecting(
    odd: dict[str, object], database_id: int | None
) -> None:
    good = GOOD["zone"]
    assert isinstance(good, dict)
    zone = payloads.read_zone({**good, **odd})
    assert (zone.url, zone.database_id) == (good["url"], database_id)
    assert (zone.name, zone.web_url) == (
        ("", "") if "zoneName" in odd else (good["zoneName"], good["webUrl"])
    )


@pytest.mark.parametrize(
    ("info", "access"),
    [
        ({"userAccessForQuery": "All"}, "all"),
        ({"UserAccessForQuery": "restricted"}, "restricted"),
        ({"userAccessForQuery": "None"}, "none"),
        ({"userAccessForQuery": 0}, "none"),
        ({"userAccessForQuery": 1}, "all"),
        ({"userAccessForQuery": 2}, "restricted"),
        ({"canQuery": False, "userAccessForQuery": "All"}, "none"),
        ({}, "unknown"),
        ({"userAccessForQuery": True}, "unknown"),
        ({"userAccessForQuery": ["All"]}, "unknown"),
    ],
)
def test_access_is_read_as_words_and_as_numbers(info: dict[str, object], access: str) -> None:
    assert payloads.read_access({"info": info}) == access


def test_a_picklist_without_its_list_says_nothing_about_its_values() -> None:
    read = metadata.read_fields(
        {"fields": [{"name": "companyType", "dataType": "short", "isPickList": True, "picklistValues": None}]}
    )
    assert (read.fields[0].options, read.oddities) == ((), ())
    assert read.unsure == {"companyType"}


def test_picklist_values_become_integers_and_inactive_ones_are_kept() -> None:
    company_type, asset_value = metadata.read_fields(GOOD["fields"]).fields
    assert company_type.name == "CompanyType"
    assert [(option.value, option.label, option.is_active) for option in company_type.options] == [
        (1, "Customer", True),
        (7, "Vendor", False),
    ]
    assert company_type.options[1].is_system
    assert not asset_value.is_queryable
    assert asset_value.options == ()


def test_a_field_that_could_not_be_queried_by_its_name_is_not_offered() -> None:
    fields = [{"name": name} for name in ("city", "x y", "a;b", "straße", "z" * 101)]
    fields = [{**field, "dataType": "string"} for field in fields]
    assert [field.name for field in metadata.read_fields({"fields": fields}).fields] == ["city"]
    broken_lists: list[object] = [[{"name": 5}], [{}], [{"name": "x y"}], [], {"name": "city"}]
    for broken in broken_lists:
        with pytest.raises(UnexpectedAnswer):
            metadata.read_fields({"fields": broken})


def test_a_company_is_read_whatever_the_case_of_the_names() -> None:
    expected = RemoteCompany(
        id="29683500",
        name="Harbour Dental",
        number="H-1",
        company_type=1,
        is_active=True,
        web_address="www.harbour.example",
        phone="555-0100",
        city="Springfield",
        state="IL",
        postal_code="62701",
        parent_id="0",
        modified_at=dt.datetime(2026, 1, 15, 9, 30, tzinfo=dt.UTC),
    )
    row = GOOD["page"]["items"][0]
    details = GOOD["page"]["pageDetails"]
    for spelling in (lambda name: name, str.lower, lambda name: name[0].upper() + name[1:]):
        payload = {
            spelling("items"): [{spelling(name): value for name, value in row.items()}],
            spelling("pageDetails"): details,
        }
        assert company_rows.read_page(payload).companies() == ((expected,), ())


def row_with(**values: object) -> RemoteCompany:
    """The sample company with some fields otherwise."""
    page = {**GOOD["page"], "items": [{**GOOD["page"]["items"][0], **values}]}
    (company,) = company_rows.read_page(page).companies()[0]
    return company


def test_odd_but_harmless_values_become_notes() -> None:
    assert row_with(companyName="\u202eevil\x00 name").notes == ("name cleaned of control characters",)
    long = row_with(companyName="x" * 10_000)
    assert len(long.name) == 300
    assert long.notes == ("name cut at 300 characters",)
    assert row_with(companyName=None).name == company_rows.NO_NAME
    assert row_with(companyName=" \u200b ").notes == (
        "name cleaned of control characters",
        "Autotask holds no name",
    )
    # The first and the last year are the absence of a date, and cannot be told in every time zone.
    for moment in ("yesterday", "0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999Z"):
        odd = row_with(lastTrackedModifiedDateTime=moment)
        assert (odd.modified_at, odd.notes) == (None, ("modification date not understood",))
    assert row_with(postalCode=12061).postal_code == "12061"
    assert row_with(isActive=None).is_active
    assert row_with(parentCompanyID=None).parent_id == ""


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"companyName": 5}, "companyName is a number"),
        ({"companyType": "Customer"}, "companyType is text"),
        ({"isActive": "yes"}, "isActive is text"),
        ({"city": ["Springfield"]}, "city is a list"),
        ({"phone": ["555", "0100"]}, "phone is a list"),
        ({"parentCompanyID": "root"}, "parentCompanyID is text"),
        ({"parentCompanyID": -1}, "parentCompanyID is out of range"),
        ({"lastTrackedModifiedDateTime": 5}, "lastTrackedModifiedDateTime is a number"),
    ],
)
def test_a_company_with_an_impossible_value_is_set_aside_by_name_and_id(
    values: dict[str, object], reason: str
) -> None:
    good = GOOD["page"]["items"][0]
    page = {**GOOD["page"], "items": [{**good, "id": 7}, {**good, **values}, {**good, "id": 9}]}
    rows = company_rows.read_page(page)
    companies, set_aside = rows.companies()
    assert [company.id for company in companies] == ["7", "9"]
    assert rows.ids == (7, 29683500, 9)
    (aside,) = set_aside
    assert (aside.id, aside.reason.startswith(reason)) == ("29683500", True)
    assert aside.name == ("(no name)" if "companyName" in values else "Harbour Dental")
    assert aside.sentence.startswith(f"{aside.name} (id 29683500): {reason}")


@pytest.mark.parametrize("broken", ["1", True, 1.0, None, -1, 2**63])
def test_a_company_whose_id_cannot_be_read_is_no_known_company(broken: object) -> None:
    good = GOOD["page"]["items"][0]
    rows = company_rows.read_page({**GOOD["page"], "items": [{**good, "id": broken}, {**good, "id": 9}, 5]})
    assert rows.ids == (9,)
    assert [(each.id, each.name) for each in rows.companies()[1]] == [
        ("", "Harbour Dental"),
        ("", "(no name)"),
    ]


def test_a_page_with_an_id_twice_is_refused_and_one_without_names_set_aside() -> None:
    row = GOOD["page"]["items"][0]
    with pytest.raises(UnexpectedAnswer, match="same id twice"):
        company_rows.read_page({**GOOD["page"], "items": [row, row]})
    nameless = {name: value for name, value in row.items() if name != "companyName"}
    companies, (aside,) = company_rows.read_page({**GOOD["page"], "items": [nameless]}).companies()
    assert (companies, aside.reason) == ((), "a company without companyName")


@pytest.mark.parametrize(
    ("address", "followed", "more"),
    [
        (None, False, False),
        ("", False, False),
        ("https://webservices14.autotask.net/x", True, True),
        ("x" * 2049, False, True),
        ("x" * 21_000, False, True),
        (7, False, True),
        ({"url": "x"}, False, True),
    ],
)
def test_a_next_page_is_known_of_also_where_its_address_is_of_no_use(
    address: object, followed: bool, more: bool
) -> None:
    details = {**GOOD["page"]["pageDetails"], "nextPageUrl": address}
    rows = company_rows.read_page({**GOOD["page"], "pageDetails": details})
    assert (bool(rows.next_url), rows.more) == (followed, more)


ODD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "sort order true": (
        {"sortOrder": True},
        "companyType 4: sortOrder is true or false, not a whole number.",
    ),
    "sort order a list": ({"sortOrder": [1]}, "companyType 4: sortOrder is a list, not a whole number."),
    "sort order out of range": ({"sortOrder": 2**40}, "companyType 4: sortOrder is out of range."),
    "sort order a fraction": (
        {"sortOrder": 1.5},
        "companyType 4: sortOrder is a decimal number, not a whole number.",
    ),
    "value null": ({"value": None}, "companyType: the value “Dead” is left out, for it is null."),
    "value empty": ({"value": ""}, "companyType: the value “Dead” is left out, for it is empty."),
    "flag a word": ({"isActive": "perhaps"}, "companyType 4: isActive is text, not true or false."),
}


@pytest.mark.parametrize("case", ODD_FIELDS)
def test_one_odd_picklist_value_hides_no_other(case: str) -> None:
    odd, sentence = ODD_FIELDS[case]
    dead = {"value": "4", "label": "Dead", "sortOrder": 2, "isActive": True, **odd}
    values = [{"value": "1", "label": "Customer", "sortOrder": 1}, dead]
    field = {"name": "companyType", "dataType": "short", "isPickList": True, "picklistValues": values}
    found = metadata.read_fields({"fields": [field, {"name": "city", "dataType": "string"}]})
    assert [each.name for each in found.fields] == ["companyType", "city"]
    assert 1 in {option.value for option in found.fields[0].options}
    assert found.oddities == (sentence,)
    lacking = odd.get("value", "4") in {None, ""}
    assert found.unsure == ({"companyType"} if lacking else frozenset())
    assert len(found.fields[0].options) == 2 - lacking


def test_fields_that_the_tenant_added() -> None:
    found = metadata.read_user_fields(GOOD["user_fields"])
    assert [(field.name, field.label) for field in found.fields] == [
        ("udf:Test UDF", "Test UDF"),
        ("udf:Customer key", "Customer key"),
    ]
    assert [(option.value, option.label) for option in found.fields[0].options] == [(1, "One")]
    odd = [{"name": name} for name in ("  padded ", "a\u202eb", "", "x" * 91, None, "Fine")]
    found = metadata.read_user_fields({"fields": odd})
    assert [field.name for field in found.fields] == ["udf:Fine"]
    assert len(found.oddities) == 5
    assert metadata.read_user_fields({"fields": []}).fields == ()
    recorded = metadata.read_user_fields(sample("userDefinedFields.django-autotask.json"))
    assert [field.name for field in recorded.fields] == ["udf:Test UDF"]


def test_labels_are_what_the_rows_are_called() -> None:
    page = metadata.read_labels(GOOD["labels"])
    assert (page.options, page.more) == ((PicklistOption(5, "Dana Whitlock", is_active=False),), True)


def test_odd_fields_are_left_out_by_name_and_untidy_ones_are_understood() -> None:
    found = metadata.read_fields(
        {
            "fields": [
                {"name": "City", "dataType": "string", "length": "30", "isQueryable": "1"},
                {"name": "city", "dataType": "string"},
                {"name": "phone", "dataType": None},
                {"name": "territoryID", "dataType": "integer", "isPickList": True, "picklistValues": "none"},
                {"name": "x y", "dataType": "string"},
                "a word",
            ]
        }
    )
    assert [(field.name, field.length, field.is_queryable) for field in found.fields] == [
        ("City", 30, True),
        ("territoryID", 0, True),
    ]
    assert found.oddities == (
        "The field city is described twice; the first description is used.",
        "The field phone has no known type, and is left out.",
        "territoryID: its values are text, not a list.",
        "The field “x y” has a name that cannot be asked for, and is left out.",
        "A field without a name is left out.",
    )
    assert found.unsure == {"phone", "territoryID"}


def sample(name: str) -> Any:
    """A sample from beside this project; skips the test where there are none."""
    file = SAMPLES / name
    if not file.is_file():
        pytest.skip("the samples are not beside this project")
    return json.loads(file.read_text(encoding="utf-8"))


def test_recorded_answers_are_understood() -> None:
    page = company_rows.read_page(sample("companies-query-page.django-autotask.json"))
    assert [company.name for company in page.companies()[0]] == ["Autotask Corporation"]
    assert company_rows.read_page(sample("companies-query-includefields.apigrate.json")).ids == (29683616,)
    assert company_rows.read_page(sample("query-empty.django-autotask.json")).ids == ()
    assert payloads.read_count(sample("query-count.apigrate.json")) == 7
    assert payloads.read_access(sample("entityinformation-companies.panoramicdata.json")) == "restricted"
    (company_type,) = metadata.read_fields(sample("companies-fields-companyType.django-autotask.json")).fields
    assert isinstance(company_type, CompanyField)
    assert company_type.options[0].value == 3
    recorded = metadata.read_fields(sample("entityinformation-fields.apigrate.json"))
    names = [field.name for field in recorded.fields]
    assert names == ["ActionType", "ActivityDescription"]
