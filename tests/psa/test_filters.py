"""The company filter as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.psa.autotask import filters, queries
from integrations.psa.autotask.filters import InvalidFilterValue, parse_value
from integrations.psa.base import CompanyField, FilterCondition, FilterValue, PicklistOption

TENANT_TYPES = (
    PicklistOption(1, "Customer"),
    PicklistOption(6, "Cancellation"),
    PicklistOption(7, "Vendor"),
    PicklistOption(8, "Partner", is_active=False),
)
TYPE = CompanyField("companyType", "integer", is_picklist=True, options=TENANT_TYPES)
NAME = CompanyField("companyName", "string")
ACTIVE = CompanyField("isActive", "boolean")
CREATED = CompanyField("createDate", "datetime")
RATING = CompanyField("surveyCompanyRating", "double")
NUMBER = CompanyField("taxRegionID", "integer")
PARENT = CompanyField("parentCompanyID", "integer", is_reference=True)
FIELDS = (TYPE, NAME, ACTIVE, CREATED, RATING, NUMBER, PARENT)


def test_operations_suit_the_type() -> None:
    keys = {field.name: [entry.key for entry in filters.operations_for(field)] for field in FIELDS}
    assert keys["companyType"][:4] == ["eq", "noteq", "in", "notIn"]
    assert keys["companyName"][:3] == ["contains", "beginsWith", "endsWith"]
    assert keys["isActive"] == ["eq"]
    assert set(keys["createDate"]) == {"gte", "gt", "lte", "lt", "exist", "notExist"}
    assert "contains" not in keys["surveyCompanyRating"]
    assert keys["parentCompanyID"] == keys["companyType"]
    assert filters.operations_for(CompanyField("assetValue", "decimal", is_queryable=False)) == ()
    offered = {key for each in keys.values() for key in each}
    assert offered == queries.OPERATIONS


@pytest.mark.parametrize(
    ("field", "operation", "raw", "value"),
    [
        (TYPE, "eq", " 1 ", 1),
        (TYPE, "in", "1, 7;8", (1, 7, 8)),
        (TYPE, "in", "1,1", (1,)),
        (TYPE, "exist", "", None),
        (TYPE, "eq", "5", 5),  # the guide's number is accepted; a warning tells what it means here
        (NAME, "contains", " Dental ", "Dental"),
        (NAME, "in", "A\nB", ("A", "B")),
        (ACTIVE, "eq", "Yes", True),
        (ACTIVE, "eq", "false", False),
        (CREATED, "gte", "2026-01-31", "2026-01-31T00:00:00Z"),
        (CREATED, "lt", "2026-01-31 08:30", "2026-01-31T08:30:00Z"),
        (CREATED, "lt", "2026-01-31T08:30+02:00", "2026-01-31T06:30:00Z"),
        (RATING, "gt", "12.5", 12.5),
        (NUMBER, "lte", "-3", -3),
        (PARENT, "eq", "29683500", 29683500),
    ],
)
def test_values_are_read_by_type(field: CompanyField, operation: str, raw: str, value: FilterValue) -> None:
    assert parse_value(field, operation, raw) == value


@pytest.mark.parametrize(
    ("field", "operation", "raw", "message"),
    [
        (TYPE, "eq", "", "Enter a value"),
        (TYPE, "eq", "Customer", "Customer is 1"),
        (TYPE, "eq", "cust", "such as 1 for Customer"),
        (TYPE, "eq", "1.5", "whole number"),
        (TYPE, "eq", "9" * 19, "whole number"),
        (TYPE, "eq", "١", "whole number"),
        (TYPE, "in", " , ", "at least one"),
        (TYPE, "in", ",".join(map(str, range(501))), "at most 500"),
        (TYPE, "in", "1,x", "whole number"),
        (TYPE, "exist", "1", "takes no value"),
        (TYPE, "contains", "1", "cannot be compared that way"),
        (TYPE, "ne", "1", "cannot be compared that way"),
        (NAME, "contains", "x" * 501, "longer than 500"),
        (NAME, "contains", "a\u202eb", "cannot be searched"),
        (ACTIVE, "eq", "maybe", "yes or no"),
        (CREATED, "gte", "31.01.2026", "2026-01-31"),
        (CREATED, "gte", "2026-02-30", "2026-01-31"),
        (CREATED, "gte", "0001-01-01T00:00+14:00", "2026-01-31"),
        (RATING, "gt", "nan", "Enter a number"),
        (RATING, "gt", "1e400", "Enter a number"),
    ],
)
def test_a_value_that_does_not_fit_gets_a_sentence(
    field: CompanyField, operation: str, raw: str, message: str
) -> None:
    with pytest.raises(InvalidFilterValue, match=message):
        parse_value(field, operation, raw)


@given(st.sampled_from(FIELDS), st.sampled_from(sorted(queries.OPERATIONS)), st.text(max_size=30))
def test_whatever_is_accepted_can_be_sent_and_said(field: CompanyField, operation: str, raw: str) -> None:
    try:
        value = parse_value(field, operation, raw)
    except InvalidFilterValue:
        return
    condition = FilterCondition(field.name, operation, value)
    queries.company_query((condition,))
    assert filters.describe(condition, FIELDS)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (FilterCondition("companyType", "eq", 1), "Company type equals 1 (Customer)"),
        (
            FilterCondition("COMPANYTYPE", "in", (7, 8)),
            "Company type is one of 7 (Vendor), 8 (Partner, inactive)",
        ),
        (FilterCondition("companyType", "eq", 5), "Company type equals 5 (not in this Autotask)"),
        (FilterCondition("companyName", "contains", "Dental"), "Company name contains “Dental”"),
        (FilterCondition("isActive", "eq", True), "Active is yes"),
        (
            FilterCondition("createDate", "gte", "2026-01-31T00:00:00Z"),
            "Created is on or after 2026-01-31T00:00:00Z",
        ),
        (FilterCondition("parentCompanyID", "notExist"), "Parent company ID is empty"),
        (FilterCondition("goneField", "eq", "x"), "Gone field equals “x”"),
    ],
)
def test_a_row_is_said_in_words(condition: FilterCondition, sentence: str) -> None:
    assert filters.describe(condition, FIELDS) == sentence


def test_before_anything_was_read_the_guides_types_are_offered() -> None:
    fields = filters.default_fields()
    assert [(option.value, option.label) for option in fields[0].options] == [
        (1, "Customer"),
        (2, "Lead"),
        (3, "Prospect"),
        (4, "Dead"),
        (5, "Cancelation"),
        (6, "Vendor"),
        (7, "Partner"),
    ]
    assert (
        filters.describe(FilterCondition("companyType", "eq", 7), fields) == "Company type equals 7 (Partner)"
    )
    assert all(filters.operations_for(field) for field in fields)
    assert filters.type_warning(7, ()) == ""


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        (1, ""),
        (7, "7 is Vendor in this tenant; the guide's table says Partner."),
        (6, "6 is Cancellation in this tenant; the guide's table says Vendor."),
        (5, "5 is not used in this tenant; the guide's table says Cancelation."),
        (8, "8 (Partner) is inactive in this tenant."),
        (42, "42 is no company type of this tenant."),
        (None, ""),
        ((1, 7), "7 is Vendor in this tenant; the guide's table says Partner."),
    ],
)
def test_a_type_that_means_something_else_here_is_flagged(value: FilterValue, warning: str) -> None:
    assert filters.type_warning(value, TENANT_TYPES) == warning


def test_two_spellings_are_one_word() -> None:
    assert filters.type_warning(5, (PicklistOption(5, "Cancellation"),)) == ""
