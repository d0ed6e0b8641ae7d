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
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.psa.autotask import calls, company_rows, payloads
from integrations.psa.autotask.json_values import read_json
from integrations.psa.base import CompanyField, RemoteCompany, RequestBudget, UnexpectedAnswer

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "autotask" / "samples"

READERS: dict[str, Callable[[object], object]] = {
    "zone": payloads.read_zone,
    "version": payloads.read_version,
    "budget": payloads.read_budget,
    "access": payloads.read_access,
    "count": payloads.read_count,
    "errors": payloads.read_errors,
    "fields": payloads.read_fields,
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
        for module in (payloads, company_rows)
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
    used = set(re.findall(r"\b(read_[a-z]+)\b", source))
    assert used == {f"read_{name}" for name in READERS} - {"read_errors"}  # errors: the transport


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None)
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
    ("info", "access"),
    [
        ({"userAccessForQuery": "All"}, "all"),
        ({"UserAccessForQuery": "restricted"}, "restricted"),
        ({"userAccessForQuery": "None"}, "none"),
        ({"userAccessForQuery": 0}, "none"),
        ({"userAccessForQuery": 1}, "restricted"),
        ({"userAccessForQuery": 2}, "all"),
        ({"canQuery": False, "userAccessForQuery": "All"}, "none"),
        ({}, "unknown"),
    ],
)
def test_access_is_read_as_words_and_as_numbers(info: dict[str, object], access: str) -> None:
    assert payloads.read_access({"info": info}) == access


def test_picklist_values_become_integers_and_inactive_ones_are_kept() -> None:
    company_type, asset_value = payloads.read_fields(GOOD["fields"])
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
    assert [field.name for field in payloads.read_fields({"fields": fields})] == ["city"]
    twice = [{"name": "city"}, {"name": "CITY"}]
    broken_lists: list[object] = [[{"name": 5}], [{}], [{"name": "x y"}], [], twice]
    for broken in broken_lists:
        with pytest.raises(UnexpectedAnswer):
            payloads.read_fields({"fields": broken})


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
        assert company_rows.read_page(payload).companies() == (expected,)


def row_with(**values: object) -> RemoteCompany:
    """The sample company with some fields otherwise."""
    page = {**GOOD["page"], "items": [{**GOOD["page"]["items"][0], **values}]}
    return company_rows.read_page(page).companies()[0]


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
    odd = row_with(lastTrackedModifiedDateTime="yesterday")
    assert (odd.modified_at, odd.notes) == (None, ("modification date not understood",))
    assert row_with(postalCode=12061).postal_code == "12061"
    assert row_with(isActive=None).is_active
    assert row_with(parentCompanyID=None).parent_id == ""


@pytest.mark.parametrize(
    "values",
    [
        {"id": "1"},
        {"id": True},
        {"id": 1.0},
        {"id": None},
        {"id": -1},
        {"id": 2**63},
        {"companyName": 5},
        {"companyType": "Customer"},
        {"isActive": "yes"},
        {"city": ["Springfield"]},
        {"parentCompanyID": "root"},
        {"lastTrackedModifiedDateTime": 5},
    ],
)
def test_wrong_types_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UnexpectedAnswer):
        row_with(**values)


def test_a_page_with_an_id_twice_or_without_names_is_refused() -> None:
    row = GOOD["page"]["items"][0]
    with pytest.raises(UnexpectedAnswer, match="same id twice"):
        company_rows.read_page({**GOOD["page"], "items": [row, row]})
    nameless = {name: value for name, value in row.items() if name != "companyName"}
    with pytest.raises(UnexpectedAnswer, match="without companyName"):
        company_rows.read_page({**GOOD["page"], "items": [nameless]}).companies()


def sample(name: str) -> Any:
    """A sample from beside this project; skips the test where there are none."""
    file = SAMPLES / name
    if not file.is_file():
        pytest.skip("the samples are not beside this project")
    return json.loads(file.read_text(encoding="utf-8"))


def test_recorded_answers_are_understood() -> None:
    page = company_rows.read_page(sample("companies-query-page.django-autotask.json"))
    assert [company.name for company in page.companies()] == ["Autotask Corporation"]
    assert company_rows.read_page(sample("companies-query-includefields.apigrate.json")).ids == (29683616,)
    assert company_rows.read_page(sample("query-empty.django-autotask.json")).ids == ()
    assert payloads.read_count(sample("query-count.apigrate.json")) == 7
    assert payloads.read_access(sample("entityinformation-companies.panoramicdata.json")) == "restricted"
    (company_type,) = payloads.read_fields(sample("companies-fields-companyType.django-autotask.json"))
    assert isinstance(company_type, CompanyField)
    assert company_type.options[0].value == 3
    names = [field.name for field in payloads.read_fields(sample("entityinformation-fields.apigrate.json"))]
    assert names == ["ActionType", "ActivityDescription"]
