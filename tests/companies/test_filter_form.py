"""The company filter's form: alternatives, chips, what stands beside a value; there and back by any way."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from integrations.forms.filters import FilterFormSet, initial_rows
from integrations.models import AuditEvent, CompanyFilter, FilterOption, IntegrationInstance
from integrations.psa.autotask.queries import company_query
from integrations.psa.base import CompanyField, FilterCondition, FilterGroup, PicklistOption
from integrations.psa.fields import Filter
from integrations.psa.registry import provider_for
from integrations.services.audit import Actor, Batch
from integrations.services.companies import conditions_of, filter_text, save_filters
from integrations.services.companies.filter_rows import filters_of, rows_of, stored_rows
from integrations.services.exports.configurations import export_configurations
from integrations.services.history import undo_batch
from integrations.services.imports.configurations import _filters
from integrations.simulators.autotask.server import Simulator
from tests.support.forms import sent_by
from tests.support.properties import examples
from tests.support.rows import make_instance
from tests.support.simulated import VENDOR, actor_of, make_organization, map_to

HTMX = {"HX-Request": "true"}
ClientOf = Callable[[User], Client]
TYPE_OR_CITY = FilterGroup(
    "or", (FilterCondition("companyType", "eq", VENDOR), FilterCondition("city", "eq", "Dayton"))
)
NAMES = FilterCondition(
    "companyName", "in", ("Calloway & Sons Roofing", "Dunmore, Freight; Lines", '5" Pipes')
)


def at(name: str, instance: IntegrationInstance) -> str:
    return reverse(f"integrations:{name}", args=["autotask", instance.pk])


def opened(instance: IntegrationInstance) -> str:
    """The setup page with the company filter open."""
    return f"{at('setup', instance)}?open=filter"


def rows_of_form(*rows: dict[str, Any], **more: str) -> dict[str, Any]:
    """What the form sends for these rows."""
    data: dict[str, Any] = {"filters-TOTAL_FORMS": len(rows), "filters-INITIAL_FORMS": 0, **more}
    for number, row in enumerate(rows):
        data |= {f"filters-{number}-{name}": value for name, value in row.items()}
    return data


def page_of(response: Any) -> str:
    return str(response.content.decode())


def row(field: str, operation: str, value: str = "", **more: Any) -> dict[str, Any]:
    return {"field": field, "operation": operation, "value": value, **more}


# --- alternatives -------------------------------------------------------------------------------------------


def test_rows_joined_by_or_become_one_alternative_everywhere(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    window = client_of(owner)
    rows = rows_of_form(
        row("companyType", "eq", "vendor"),
        row("city", "eq", "Dayton", join="or"),
        row("isActive", "eq", "yes", join="and"),
    )
    preview = html.unescape(page_of(window.post(at("filters_preview", refreshed), rows)))
    assert "4 companies match" in preview  # two vendors, two in Dayton

    assert window.post(at("filters_save", refreshed), rows).status_code == 302
    assert conditions_of(refreshed) == [TYPE_OR_CITY, FilterCondition("isActive", "eq", True)]
    assert list(CompanyFilter.objects.values_list("group", flat=True)) == [1, 1, None]
    assert filter_text(refreshed) == [
        "Company type equals 7 (Vendor) or City equals “Dayton”", "Active is yes",
    ]  # fmt: skip
    [exported] = export_configurations([refreshed])
    assert exported["filters"] == [
        ["companyType", "eq", VENDOR, 1], ["city", "eq", "Dayton", 1], ["isActive", "eq", True],
    ]  # fmt: skip
    told = page_of(window.get(reverse("integrations:history")))
    event = AuditEvent.objects.filter(action="company filter changed").get()
    assert event.after == {"filters": exported["filters"]}
    batch = html.unescape(page_of(window.get(reverse("integrations:history_batch", args=[event.batch]))))
    assert "Company type equals 7 (Vendor) or City equals “Dayton”; Active is yes" in batch
    assert told

    page = page_of(window.get(opened(refreshed)))
    assert page.count('aria-label="One of these has to hold"') == 1
    sent = sent_by(page, "filter-form")
    assert [sent[f"filters-{number}-join"] for number in (1, 2)] == [["or"], ["and"]]


def test_a_group_is_previewed_saved_read_undone_and_made_again(
    refreshed: IntegrationInstance, owner: User
) -> None:
    actor = actor_of(owner)
    save_filters(Batch(actor), refreshed, [FilterCondition("companyType", "eq", 1)])
    save_filters(batch := Batch(actor), refreshed, [TYPE_OR_CITY, NAMES])
    undo_batch(actor, batch.key)
    assert conditions_of(refreshed) == [FilterCondition("companyType", "eq", 1)]
    undoing = AuditEvent.objects.filter(action="company filter put back").get()
    undo_batch(actor, undoing.batch)
    assert conditions_of(refreshed) == [TYPE_OR_CITY, NAMES]


def test_without_scripts_a_saved_filter_stays_open_while_its_rows_come_and_go(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, [TYPE_OR_CITY])
    window = client_of(owner)
    page = page_of(window.get(at("setup", refreshed)))
    assert "<details open>" not in page.split('id="filters"')[1].split("filter-form")[0]
    [link] = re.findall(r'href="([^"]+)#filters">Show the rows of the filter', page)
    page = page_of(window.get(link))
    assert "<details open>" in page.split('id="filters"')[1].split("filter-form")[0]
    for press in ({"add": "1"}, {"remove": "1"}):
        sent = {**sent_by(page, "filter-form"), **press}
        drawn = page_of(window.post(at("filters_edit", refreshed), sent))
        assert "<details open>" in drawn.split('id="filters"')[1].split("filter-form")[0]


def test_two_rows_with_user_defined_fields_are_refused_in_words(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    fields = [
        {**refreshed.company_fields[0], "name": f"udf:{name}", "label": name, "data_type": "string",
         "is_picklist": False, "is_reference": False, "is_queryable": True}
        for name in ("Contract", "Tier")
    ]  # fmt: skip
    IntegrationInstance.objects.filter(pk=refreshed.pk).update(
        company_fields=[*refreshed.company_fields, *fields]
    )
    window = client_of(owner)
    one = row("udf:Tier", "eq", "Gold")
    drawn = page_of(window.post(at("filters_edit", refreshed), rows_of_form(one), headers=HTMX))
    assert "Autotask takes one row with a user-defined field" in drawn
    for join in ("and", "or"):
        for address in ("filters_preview", "filters_save"):
            rows = rows_of_form(one, row("udf:Contract", "exist", join=join))
            page = page_of(window.post(at(address, refreshed), rows))
            assert "Autotask takes one row with a user-defined field in a filter, and here are 2" in page
            assert "Tier, Contract" in page
    assert not CompanyFilter.objects.exists()
    assert window.post(at("filters_save", refreshed), rows_of_form(one)).status_code == 302


def test_more_values_than_autotask_takes_in_all_rows_together_are_refused(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    many = ",".join(map(str, range(1, 251)))
    rows = rows_of_form(row("id", "in", many), row("companyNumber", "in", many))
    page = page_of(client_of(owner).post(at("filters_save", refreshed), rows))
    assert "These rows name 500 values and alternatives" in page
    assert not CompanyFilter.objects.exists()


# --- chips --------------------------------------------------------------------------------------------------


def test_several_values_are_chips_and_a_name_may_hold_a_comma(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    window = client_of(owner)
    typed = 'Calloway & Sons Roofing; "Dunmore, Freight; Lines"'
    rows = rows_of_form(row("companyName", "in", typed, values=['5" Pipes']))
    drawn = page_of(window.post(at("filters_edit", refreshed), rows, headers=HTMX))
    values = re.findall(r'name="filters-0-values" id="id_filters-0-values_\d" value="([^"]*)" checked', drawn)
    assert [html.unescape(value) for value in values] == [
        '5" Pipes', "Calloway & Sons Roofing", "Dunmore, Freight; Lines",
    ]  # fmt: skip
    window.post(at("filters_save", refreshed), rows)
    assert CompanyFilter.objects.get().value == [
        '5" Pipes', "Calloway & Sons Roofing", "Dunmore, Freight; Lines",
    ]  # fmt: skip
    # Unticking one without scripts takes it out.
    sent = sent_by(page_of(window.get(opened(refreshed))), "filter-form")
    sent["filters-0-values"].remove('5" Pipes')
    window.post(at("filters_save", refreshed), sent)
    assert CompanyFilter.objects.get().value == ["Calloway & Sons Roofing", "Dunmore, Freight; Lines"]


def test_a_name_typed_for_one_value_stays_one_when_the_operation_takes_several(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    rows = rows_of_form(row("companyName", "in", "Smith, Jones & Co", drawn="one"))
    drawn = html.unescape(page_of(client_of(owner).post(at("filters_edit", refreshed), rows, headers=HTMX)))
    assert 'value="Smith, Jones & Co" checked' in drawn
    back = rows_of_form(row("companyName", "eq", "", values=["Smith, Jones & Co"], drawn="many"))
    drawn = html.unescape(page_of(client_of(owner).post(at("filters_edit", refreshed), back, headers=HTMX)))
    assert re.search(r'name="filters-0-value" id="id_filters-0-value"\s+value="Smith, Jones & Co"', drawn)


def test_a_short_picklist_is_boxes_to_tick_and_says_what_is_no_value_of_it(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    window = client_of(owner)
    rows = rows_of_form(row("companyType", "in", "customer, 5", values=["7"]))
    drawn = html.unescape(page_of(window.post(at("filters_edit", refreshed), rows, headers=HTMX)))
    boxes = re.findall(r'values_\d+" value="(\w+)" (checked)?', drawn)
    assert {value for value, checked in boxes if checked} == {"1", "5", "7"}
    assert ("2", "") in boxes
    assert "5 is not used in this tenant; the guide's table says Cancelation." in drawn
    wrong = rows_of_form(row("companyType", "in", "custumer", values=["7"]))
    drawn = html.unescape(page_of(window.post(at("filters_edit", refreshed), wrong, headers=HTMX)))
    assert re.search(r'id="id_filters-0-value"\s+value="custumer"', drawn)  # where it can be corrected
    refused = html.unescape(page_of(window.post(at("filters_save", refreshed), wrong)))
    assert "the value must be an integer" in refused


# --- beside the value, and the fields -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "operation", "value", "said"),
    [
        ("createDate", "lte", "2026-01-31", "Dates are whole days in Europe/Berlin."),
        ("companyType", "eq", "1", "The value must be an integer."),
        ("companyType", "eq", "customer", "1 Customer"),
        ("companyType", "in", "", "put one that holds a comma in quotation marks"),
        ("isActive", "eq", "", "yes, no"),
    ],
)
def test_what_stands_beside_the_value(
    simulator: Simulator, refreshed: IntegrationInstance, owner: User, client_of: ClientOf, settings: Any,
    field: str, operation: str, value: str, said: str,
) -> None:  # fmt: skip
    settings.TIME_ZONE = "Europe/Berlin"
    rows = rows_of_form(row(field, operation, value))
    drawn = page_of(client_of(owner).post(at("filters_edit", refreshed), rows, headers=HTMX))
    [note] = re.findall(r'id="id_filters-0-value_note" class="form-text">(.*?)</div>', drawn, re.DOTALL)
    assert said in " ".join(re.sub("<[^>]+>", "", note).split())


def test_a_closed_filter_brings_its_form_when_it_is_opened(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, [TYPE_OR_CITY])
    window = client_of(owner)
    assert 'id="filter-form"' not in page_of(window.get(at("setup", refreshed)))
    part = page_of(window.get(opened(refreshed), headers=HTMX))
    whole = page_of(window.get(opened(refreshed)))
    assert sent_by(part, "filter-form").keys() == sent_by(whole, "filter-form").keys()
    assert "<h1" not in part
    assert 'id="mappings-form"' not in part
    assert not re.search(r"[?&;]open=filter[^\"]*#mappings", whole)  # the table's links do not keep it open


def test_often_used_fields_come_first_and_the_others_by_label(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    page = page_of(client_of(owner).get(opened(refreshed)))
    often, others = re.findall(r'<optgroup label="([^"]+)">(.*?)</optgroup>', page, re.DOTALL)
    labels = [re.findall(r">([^<]+)</option>", group[1]) for group in (often, others)]
    assert labels[0] == [
        "Company type", "Active", "Classification", "Territory", "Owner", "Country", "Market segment",
    ]  # fmt: skip
    assert labels[1] == sorted(labels[1], key=str.casefold)
    assert "City" in labels[1]


def test_a_field_that_is_gone_is_named_and_its_row_is_not_lost(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    save_filters(Batch(actor_of(owner)), refreshed, [FilterCondition("udf:Old tier", "notExist")])
    window = client_of(owner)
    page = page_of(window.get(opened(refreshed)))
    assert "Old tier (no longer in this Autotask)" in page
    refused = page_of(window.post(at("filters_save", refreshed), sent_by(page, "filter-form")))
    assert "Please correct what is marked" in refused
    assert CompanyFilter.objects.get().field == "udf:Old tier"


# --- who may, and what comes in files -----------------------------------------------------------------------


def test_who_may_edit_the_filter(
    refreshed: IntegrationInstance, owner: User, member: User, reader: User, stranger: User,
    client_of: ClientOf,
) -> None:  # fmt: skip
    rows = rows_of_form(row("companyType", "eq", "vendor"), row("city", "eq", "Dayton", join="or"))
    for person, status in ((owner, 302), (member, 302), (reader, 404), (stranger, 404)):
        CompanyFilter.objects.all().delete()
        assert client_of(person).post(at("filters_save", refreshed), rows).status_code == status
        assert CompanyFilter.objects.count() == (2 if status == 302 else 0)
    save_filters(Batch(actor_of(owner)), refreshed, [TYPE_OR_CITY, NAMES])
    page = page_of(client_of(reader).get(opened(refreshed)))
    assert "Dunmore, Freight; Lines" in html.unescape(page)
    assert not any(name.startswith("filters-0") for name in sent_by(page, "filter-form"))
    assert "Remove filter row" not in page
    assert client_of(stranger).get(at("setup", refreshed)).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([["city", "eq", "A", 0]], "must be a number from 1"),
        ([["city", "eq", "A", True]], "must be a number from 1"),
        ([["city", "eq", "A", "1"]], "must be a number from 1"),
        ([["city", "eq", "A", 1, 2]], "a filter row must be"),
        ([["udf:A", "exist", None], ["udf:B", "exist", None]], "one row with a user-defined field"),
    ],
)
def test_what_is_wrong_with_the_groups_of_a_file(rows: list[Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        _filters(json.dumps(rows), IntegrationInstance(psa="autotask"))


@pytest.mark.django_db
def test_a_name_is_understood_in_a_file_too() -> None:
    unread = IntegrationInstance(psa="autotask")
    for text in ("customer", "1", " Customer "):
        rows = json.dumps([["companyType", "eq", text], ["companyType", "in", [text, "Vendor"]]])
        assert _filters(rows, unread) == (
            FilterCondition("companyType", "eq", 1), FilterCondition("companyType", "in", (1, 6)),
        )  # fmt: skip


def test_rows_of_a_group_that_stand_apart_come_together() -> None:
    rows: list[list[Any]] = [
        ["city", "eq", "A", 7],
        ["isActive", "eq", True],
        ["city", "eq", "B", 7],
        ["state", "exist", None, 2],
    ]
    assert rows_of(filters_of(rows)) == [
        ["city", "eq", "A", 1], ["city", "eq", "B", 1], ["isActive", "eq", True], ["state", "exist", None],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "group",
    [
        FilterGroup("and", (NAMES, NAMES)),
        FilterGroup("or", (FilterGroup("or", (NAMES, NAMES)), NAMES)),
    ],
)
def test_what_rows_cannot_say_is_refused(group: FilterGroup) -> None:
    with pytest.raises(ValueError, match="joined by and"):
        rows_of([group])


# --- there and back -----------------------------------------------------------------------------------------

FIELDS = (
    CompanyField(
        "companyType", "integer", is_picklist=True,
        options=(PicklistOption(1, "Customer"), PicklistOption(7, "Vendor"), PicklistOption(8, "A, B; C")),
    ),
    CompanyField("companyName", "string"),
    CompanyField("isActive", "boolean"),
    CompanyField("createDate", "datetime"),
    CompanyField("assetValue", "decimal"),
    CompanyField("udf:Tier of, one", "string", label="Tier"),
)  # fmt: skip
LANGUAGE = provider_for("autotask").filters
WORDS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=12).filter(
    lambda text: text.strip() == text and text.isprintable()
)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "companyType": st.sampled_from(["1", "7", "customer", "A, B; C", "42"]),
    "companyName": WORDS | st.sampled_from(['"', "“”", "a,b", '5" x', ";", "'"]),
    "isActive": st.sampled_from(["yes", "no"]),
    "createDate": st.dates().map(str).filter(lambda text: "0001-01-02" < text < "9999-12-30"),
    "assetValue": st.sampled_from(["1", "-2.5", "0"]),
    "udf:Tier of, one": WORDS,
}


@st.composite
def conditions(draw: st.DrawFn, fields: tuple[CompanyField, ...]) -> FilterCondition:
    """A row that the form takes."""
    field = draw(st.sampled_from(fields))
    operation = draw(st.sampled_from(LANGUAGE.operations_for(field)))
    most = {"none": 0, "one": 1, "many": 4}[operation.takes]
    texts = draw(st.lists(VALUES[field.name], min_size=min(1, most), max_size=most))
    return FilterCondition(field.name, operation.key, LANGUAGE.parse_values(field, operation.key, texts))


@st.composite
def filters(draw: st.DrawFn) -> list[Filter]:
    """A filter that the form takes: rows and alternatives, at most one of them by a user-defined field."""
    groups = draw(st.lists(st.lists(conditions(FIELDS[:-1]), min_size=1, max_size=3), max_size=4))
    if draw(st.booleans()):
        groups.insert(0, [draw(conditions(FIELDS[-1:]))])
    return [group[0] if len(group) == 1 else FilterGroup("or", tuple(group)) for group in groups]


def through_the_form(wanted: list[Filter], *, typed: bool) -> list[Filter]:
    """What comes back when a browser sends a filter's form; ``typed``: chips are typed as a text instead."""
    provider = provider_for("autotask")
    rows = initial_rows(wanted, provider)
    if typed:
        for each in rows:
            if each["values"]:
                values = tuple(each["values"])
                text = LANGUAGE.text_of(FilterCondition(each["field"], each["operation"], values))
                each |= {"values": [], "value": text}
    data: dict[str, Any] = {"filters-TOTAL_FORMS": len(rows), "filters-INITIAL_FORMS": 0}
    for number, each in enumerate(rows):
        data |= {f"filters-{number}-{name}": value for name, value in each.items()}
    formset = FilterFormSet(
        data=_Sent(data), prefix="filters", form_kwargs={"provider": provider, "fields": FIELDS}
    )
    assert formset.is_valid(), (formset.errors, formset.non_form_errors())
    return list(formset.conditions())


class _Sent(dict[str, Any]):
    """Data with lists, as a request has them."""

    def getlist(self, name: str) -> list[str]:
        value = self.get(name, [])
        return value if isinstance(value, list) else [value]


class ThereAndBack(TestCase):
    """Form, storage, files, query and text all say the same filter."""

    @given(filters())
    @examples(60)
    def test_a_filter_is_the_same_by_every_way(self, wanted: list[Filter]) -> None:
        assert through_the_form(wanted, typed=False) == wanted
        has_quotes = any(set('"“”') & set(str(each)) for each in rows_of(wanted))
        if not has_quotes:
            assert through_the_form(wanted, typed=True) == wanted

        instance = make_instance("Main")
        batch = Batch(Actor("somebody", "here"))
        save_filters(batch, instance, wanted)
        assert conditions_of(instance) == wanted
        rows = stored_rows(instance.filters.all())
        assert rows_of(wanted) == rows
        assert json.loads(json.dumps(rows)) == rows
        unread = IntegrationInstance(psa="autotask")
        assert list(_filters(json.dumps(rows), unread)) == wanted
        if wanted:
            body = json.loads(company_query(wanted))
            [query] = body["filter"]
            assert [item["op"] == "or" for item in query["items"]] == [
                isinstance(each, FilterGroup) for each in wanted
            ]
        for each, sentence in zip(wanted, filter_text(instance), strict=True):
            assert sentence.count(" or ") >= (len(each.items) - 1 if isinstance(each, FilterGroup) else 0)


@pytest.mark.parametrize("value", ["--5", "-", "\uff11\uff12", "9" * 40, "9" * 19, "A, B"])
def test_a_value_that_is_nearly_a_number_is_offered_as_what_it_is(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf, value: str
) -> None:
    FilterOption.objects.create(instance=refreshed, field="companyType", value=value, label="Odd kind")
    row = {"field": "companyType", "operation": "eq", "value": "Odd kind"}
    saved = client_of(owner).post(at("filters_save", refreshed), rows_of_form(row))
    assert saved.status_code == 302
    page = client_of(owner).get(refreshed.get_absolute_url())
    assert page.status_code == 200
    assert f"Company type equals {value} (Odd kind)" in html.unescape(page_of(page))


def test_a_filter_by_which_mapped_companies_drop_out_asks_first(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    map_to(owner, refreshed, make_organization("Abbott"), 101)
    map_to(owner, refreshed, make_organization("Birchwood"), 201)
    window, row = client_of(owner), {"field": "companyType", "operation": "eq", "value": "1"}
    asked = window.post(at("filters_save", refreshed), rows_of_form(row))
    assert asked.status_code == 200
    assert "1 of 2 mapped companies would drop out" in page_of(asked)
    assert 'name="drop" value="1"' in page_of(asked)
    assert not refreshed.filters.exists()
    saved = window.post(at("filters_save", refreshed), rows_of_form(row, drop="1"))
    assert saved["Location"] == f"{refreshed.get_absolute_url()}?state=review#mappings"
    assert refreshed.filters.count() == 1


def test_an_empty_filter_before_the_first_read_asks_what_to_read(
    instance: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    page = page_of(client_of(owner).post(at("filters_save", instance), rows_of_form({"field": ""})))
    assert "No filter was saved and nothing was read" in page
    assert not instance.jobs.exists()


def test_another_field_keeps_only_a_value_that_it_can_have(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    """What was typed for a city is no company type; for a state it may be meant."""
    window, typed = client_of(owner), 'value="Nowhereville"'
    for field, kept in (("companyType", False), ("state", True)):
        rows = rows_of_form(row(field, "", "Nowhereville", drawn_field="city"))
        drawn = page_of(window.post(at("filters_edit", refreshed), rows, headers=HTMX))
        assert (typed in drawn) is kept, field
        assert f'name="filters-0-drawn_field" value="{field}"' in drawn


def test_a_preview_counts_among_the_requests_that_are_known(
    refreshed: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    """What was sent since the budget was told stands beside it, at once and on the next page."""
    window = client_of(owner)
    IntegrationInstance.objects.filter(pk=refreshed.pk).update(
        last_check={"budget": {"used": 5, "limit": 10_000, "timeframe_minutes": 60}}
    )
    rows = rows_of_form(row("companyType", "eq", "1"))
    for sent in (2, 4):  # to count them, and to have a few
        drawn = page_of(window.post(at("filters_preview", refreshed), rows, headers=HTMX))
        for page in (drawn, page_of(window.get(refreshed.get_absolute_url()))):
            assert re.search(rf"5 of 10,000 an hour(, as of .*?)?; {sent} more since", page)
