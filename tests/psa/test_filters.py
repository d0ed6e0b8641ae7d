"""The company filter as people write it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.psa.autotask import filter_values, filters, queries
from integrations.psa.autotask.filters import AutotaskFilters, InvalidFilterValue, parse_value
from integrations.psa.base import CompanyField, FilterCondition, FilterGroup, FilterValue, PicklistOption
from tests.support.sweeps import first_few

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
OWNER = CompanyField(
    "ownerResourceID", "integer", is_reference=True, options=(PicklistOption(29682901, "Dana Whitlock"),)
)
USER_CHOICE = CompanyField(
    "udf:Customer tier",
    "string",
    is_picklist=True,
    options=(PicklistOption("G", "Gold"), PicklistOption("S", "Silver")),
    label="Tier of the customer",
)
TWINS = CompanyField(
    "territoryID",
    "integer",
    is_picklist=True,
    options=(PicklistOption(1, "North"), PicklistOption(2, "north")),
)
FIELDS = (TYPE, NAME, ACTIVE, CREATED, RATING, NUMBER, PARENT, OWNER, USER_CHOICE)
BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")


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
        (TYPE, "eq", "customer", 1),
        (TYPE, "eq", "Cancelation", 6),
        (TYPE, "in", "Customer, 7, Partner", (1, 7, 8)),
        (OWNER, "eq", "dana whitlock", 29682901),
        (USER_CHOICE, "eq", "Gold", "G"),
        (USER_CHOICE, "eq", "G", "G"),
        (NAME, "eq", '"A, B"', '"A, B"'),
        (NAME, "in", '"Smith, Jones & Co"', ("Smith, Jones & Co",)),
        (NAME, "in", '"Smith, Jones & Co", Acme', ("Smith, Jones & Co", "Acme")),
        (NAME, "in", 'Acme; "A;B" \n"C"', ("Acme", "A;B", "C")),
        (NAME, "in", "“Smith, Jones”, Acme", ("Smith, Jones", "Acme")),
        (NAME, "in", '"5"" Pipes, Ltd"', ('5" Pipes, Ltd',)),
        (NAME, "in", '5" Pipes, "A" Team', ('5" Pipes', '"A" Team')),
    ],
)
def test_values_are_read_by_type(field: CompanyField, operation: str, raw: str, value: FilterValue) -> None:
    assert parse_value(field, operation, raw) == value


@pytest.mark.parametrize(
    ("field", "operation", "raw", "message"),
    [
        (TYPE, "eq", "", "Enter a value"),
        (TYPE, "eq", "cust", "Company type: the value must be an integer, such as 1 for Customer."),
        (TYPE, "eq", "1.5", "must be an integer"),
        (TYPE, "eq", "9" * 19, "must be an integer"),
        (TYPE, "eq", "١", "must be an integer"),
        (NUMBER, "eq", "x", "must be an integer"),
        (TWINS, "eq", "North", "the name of several: 1, 2"),
        (NAME, "in", '"Smith, Jones', "not closed"),
        (CREATED, "lte", "9999-12-31", "2026-01-31"),
        (TYPE, "in", " , ", "at least one"),
        (TYPE, "in", ",".join(map(str, range(501))), "at most 500"),
        (TYPE, "in", "1,x", "must be an integer"),
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


@pytest.mark.parametrize(
    ("operation", "label", "holds_on_that_day"),
    [
        ("gte", "is on or after", True),
        ("gt", "is after", False),
        ("lte", "is on or before", True),
        ("lt", "is before", False),
    ],
)
@pytest.mark.parametrize("zone", [dt.UTC, BERLIN, KATHMANDU], ids=str)
@pytest.mark.parametrize("day", ["2026-01-31", "2026-03-29", "2026-10-25"])
def test_a_date_means_the_whole_day_where_the_portal_is(
    operation: str, label: str, holds_on_that_day: bool, zone: dt.tzinfo, day: str
) -> None:
    """Two of the days have 23 and 25 hours in Berlin."""
    assert {each.key: each.label for each in filters.operations_for(CREATED)}[operation] == label
    sent = str(parse_value(CREATED, operation, day, zone))
    bound = dt.datetime.fromisoformat(sent)
    first = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), zone)
    next_day = dt.datetime.combine(dt.date.fromisoformat(day) + dt.timedelta(days=1), dt.time(), zone)
    moment = dt.timedelta(milliseconds=4)
    by_operation: dict[str, Callable[[dt.datetime], bool]] = {
        "gte": lambda held: held >= bound,
        "gt": lambda held: held > bound,
        "lte": lambda held: held <= bound,
        "lt": lambda held: held < bound,
    }
    compare = by_operation[operation]
    inside = [first, first.astimezone(dt.UTC) + dt.timedelta(hours=12), next_day.astimezone(dt.UTC) - moment]
    assert [compare(held) for held in inside] == [holds_on_that_day] * 3
    after = operation in {"gt", "gte"}
    assert (compare(first.astimezone(dt.UTC) - moment), compare(next_day)) == (not after, after)
    language = AutotaskFilters(zone)
    assert language.text_of(FilterCondition("createDate", operation, sent)) == day
    assert language.describe(FilterCondition("createDate", operation, sent), FIELDS).endswith(
        f"{label} {day}"
    )
    assert str(zone) in language.value_hint(CREATED, operation)


def test_a_time_of_day_is_that_of_the_portal() -> None:
    language = AutotaskFilters(BERLIN)
    sent = language.parse_value(CREATED, "lt", "2026-07-31 08:30")
    assert sent == "2026-07-31T06:30:00Z"
    assert language.text_of(FilterCondition("createDate", "lt", sent)) == "2026-07-31 08:30"
    with pytest.raises(InvalidFilterValue, match="Europe/Berlin"):
        language.parse_value(CREATED, "lt", "noon")


@given(st.sampled_from(FIELDS), st.sampled_from(sorted(queries.OPERATIONS)), st.text(max_size=30))
@example(NAME, "in", '"a""b, c", d')
@example(CREATED, "lte", "2026-01-31")
@example(CREATED, "lt", "2026-01-31 08:30:01.123456")
def test_what_is_shown_reads_back_as_it_was(field: CompanyField, operation: str, raw: str) -> None:
    language = AutotaskFilters(BERLIN)
    try:
        value = language.parse_value(field, operation, raw)
    except InvalidFilterValue:
        return
    condition = FilterCondition(field.name, operation, value)
    texts = language.texts_of(condition)
    assert language.parse_values(field, operation, texts) == value
    if all("“" not in text and "”" not in text for text in texts):
        assert language.parse_value(field, operation, language.text_of(condition)) == value


@pytest.mark.parametrize(
    "zone", first_few(["Europe/Berlin", "Africa/Cairo", "America/Santiago", "America/Havana"])
)
def test_a_moment_is_shown_so_that_saving_it_again_changes_nothing(zone: str) -> None:
    """Days of 23 and of 25 hours too, midnights that there are not, and hours that come twice."""
    local, first = ZoneInfo(zone), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for half_hours in range(2 * 24 * 365):
        moment = (first + dt.timedelta(minutes=30 * half_hours)).isoformat().replace("+00:00", "Z")
        shown = filter_values.text_of(FilterCondition("createDate", "gte", moment), local)
        assert parse_value(CREATED, "gte", shown, local) == moment, shown
    for number in range(365):
        day = (first.date() + dt.timedelta(days=number)).isoformat()
        for operation in ("gte", "gt", "lte", "lt"):
            sent = parse_value(CREATED, operation, day, local)
            assert filter_values.text_of(FilterCondition("createDate", operation, sent), local) == day


def test_a_choice_whose_label_is_the_number_of_another_stays_what_it_is() -> None:
    options = (PicklistOption(12, "5"), PicklistOption(5, "12"), PicklistOption(7, "2024"))
    field = CompanyField("classification", "integer", is_picklist=True, options=options)
    for option in options:
        shown = filter_values.text_of(FilterCondition("classification", "eq", option.value))
        assert parse_value(field, "eq", shown) == option.value
    assert parse_value(field, "eq", "2024") == 7


def test_a_label_is_not_mistaken_for_one_that_is_nearly_the_same() -> None:
    options = (PicklistOption(1, "Hall"), PicklistOption(2, "Hal"), PicklistOption(3, "Cancelation"))
    field = CompanyField("territoryID", "integer", is_picklist=True, options=options)
    typed = ("hall", "Hal", "Cancellation")
    assert [parse_value(field, "eq", text) for text in typed] == [1, 2, 3]


@pytest.mark.parametrize("name", ["“Foo” Ltd, Bar", "5” Pipes", 'a"b, c', "x, ”", "“a”", '"a"'])
def test_a_quoted_name_keeps_its_own_quotation_marks(name: str) -> None:
    row = FilterCondition("companyName", "in", (name, "Acme"))
    assert parse_value(NAME, "in", filter_values.text_of(row)) == (name, "Acme")


@pytest.mark.parametrize("number", ["0.00001", "100000000000000000"])
def test_a_number_is_shown_as_it_can_be_typed(number: str) -> None:
    row = FilterCondition("assetValue", "eq", float(number))
    assert filter_values.text_of(row) == number


def test_often_used_fields_come_first_and_the_others_by_their_label() -> None:
    fields = (
        NAME,
        CompanyField("zebraID", "integer"),
        OWNER,
        CompanyField("assetValue", "decimal", is_queryable=False),
        USER_CHOICE,
        TYPE,
        ACTIVE,
    )
    often, others = AutotaskFilters().field_groups(fields)
    assert [field.name for field in often] == ["companyType", "isActive", "ownerResourceID"]
    assert [field.name for field in others] == ["companyName", "udf:Customer tier", "zebraID"]


def test_what_stands_beside_a_value() -> None:
    hint = AutotaskFilters().value_hint
    assert hint(TYPE, "eq") == "The value must be an integer."
    assert hint(TYPE, "in").startswith("The value must be an integer. Separate several by commas")
    assert hint(NAME, "contains") == ""
    assert hint(CREATED, "exist") == ""


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
            "Created is on or after 2026-01-31",
        ),
        (
            FilterCondition("createDate", "lte", "2026-01-31T00:00:00Z"),
            "Created is on or before 2026-01-31 00:00",
        ),
        (FilterCondition("parentCompanyID", "notExist"), "Parent company is empty"),
        (FilterCondition("ownerResourceID", "eq", 29682901), "Owner equals 29682901 (Dana Whitlock)"),
        (FilterCondition("ownerResourceID", "eq", 5), "Owner equals 5"),
        (FilterCondition("udf:Customer tier", "eq", "G"), "Tier of the customer equals G (Gold)"),
        (FilterCondition("udf:Gone", "eq", "G"), "Gone equals “G”"),
        (
            FilterGroup(
                "or",
                (
                    FilterCondition("companyType", "eq", 1),
                    FilterGroup(
                        "and",
                        (FilterCondition("isActive", "eq", True), FilterCondition("companyName", "exist")),
                    ),
                ),
            ),
            "Company type equals 1 (Customer) or (Active is yes and Company name has a value)",
        ),
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
