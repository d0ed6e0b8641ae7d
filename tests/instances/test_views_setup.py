"""The setup page in use, from adding a configuration to taking a save back, without a browser."""

from __future__ import annotations

import datetime as dt
import html
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.signals import got_request_exception
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from integrations import tasks
from integrations.models import (
    AuditEvent,
    Company,
    CompanyFilter,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.simulators.autotask.server import Simulator
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import (
    SECRET,
    SECRETS,
    TRACKING_IDENTIFIER,
    USERNAME,
    VENDOR,
    company_of,
    make_organization,
    map_to,
    table_contents,
)
from tests.support.sweeps import first_few

HTMX = {"HX-Request": "true"}
MASK = "••••••••"
Signed = Callable[[User], Client]
Organizations = dict[str, Organization]


@pytest.fixture
def window(owner: User, client_of: Signed) -> Client:
    """The owner's browser."""
    return client_of(owner)


def at(name: str, instance: IntegrationInstance, **values: object) -> str:
    return reverse(f"integrations:{name}", kwargs={"psa": "autotask", "pk": instance.pk, **values})


def form_of(**changes: str) -> dict[str, str]:
    values = {
        "name": "Main",
        "zone": "",
        "username": USERNAME,
        "secret": SECRET,
        "tracking_identifier": TRACKING_IDENTIFIER,
    }
    return {f"connection-{name}": value for name, value in (values | changes).items()}


def rows_of(*rows: tuple[str, str, str], **more: str) -> dict[str, str]:
    data = {"filters-TOTAL_FORMS": str(len(rows)), "filters-INITIAL_FORMS": "0", **more}
    for number, row in enumerate(rows):
        for name, value in zip(("field", "operation", "value"), row, strict=True):
            data[f"filters-{number}-{name}"] = value
    return data


def text_of(response: Any) -> str:
    """The page as its source, entities and all."""
    assert isinstance(response, HttpResponse)
    return response.content.decode()


def said(response: Any) -> list[str]:
    """The messages that the next page will show."""
    return [str(message) for message in get_messages(response.wsgi_request)]


# --- the connection card ------------------------------------------------------------------------------


def test_adding_a_configuration_checks_it_stores_it_and_asks_which_companies_count(
    simulator: Simulator, window: Client
) -> None:
    address = reverse("integrations:instance_add", args=["autotask"])
    assert "API Tracking Identifier" in text_of(window.get(address))

    response = window.post(address, form_of(description="Everybody's"), follow=True)

    instance = IntegrationInstance.objects.get()
    assert response.redirect_chain == [(instance.get_absolute_url(), 302)]
    page = html.unescape(text_of(response))
    assert "“Main” is connected" in page
    assert "Autotask counts 15 companies." in page
    assert "Choose a filter first" in page
    assert "Read all 15 companies" in page
    assert not Job.objects.exists()
    IntegrationInstance.objects.update(next_refresh_at=timezone.now() - dt.timedelta(hours=1))
    IntegrationInstance.objects.update(next_check_at=timezone.now() + dt.timedelta(hours=1))
    assert tasks.start_due() == 0  # nor does the schedule choose
    assert "once somebody has said which of them count" in text_of(window.get(instance.get_absolute_url()))
    assert len(simulator.requests.to("companies/query", "POST")) == 2  # the check: one company, and how many

    window.post(at("refresh", instance))

    assert Job.objects.get().state == Job.State.WAITING
    page = text_of(window.get(instance.get_absolute_url()))
    assert "Waiting for a worker" in page
    assert "Choose a filter first" not in page


def test_a_wrong_secret_gives_its_causes_on_the_page_and_stores_nothing(
    simulator: Simulator, window: Client
) -> None:
    address = reverse("integrations:instance_add", args=["autotask"])

    response = window.post(address, form_of(secret="Wrong-Secret-4711"))

    page = html.unescape(text_of(response))
    assert "Nothing was saved" in page
    assert "does not say which part is wrong" in page
    assert "inactive or locked" in page
    assert "Wrong-Secret-4711" not in page
    assert f'value="{USERNAME}"' in page  # what is no secret need not be typed again
    assert not IntegrationInstance.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize("field", ["secret", "tracking_identifier"])
@pytest.mark.parametrize("mask", [MASK, "********", "xxxxxxxx", "abc1••••••"])
def test_a_mask_is_refused_and_nothing_is_sent(
    simulator: Simulator, instance: IntegrationInstance, window: Client, field: str, mask: str
) -> None:
    before = table_contents(IntegrationInstance)
    simulator.requests.clear()
    response = window.post(at("connection_save", instance), form_of(**{field: mask}))
    assert "masked value" in text_of(response)
    assert mask not in text_of(response)
    assert len(simulator.requests) == 0
    assert table_contents(IntegrationInstance) == before


def test_empty_secrets_keep_what_is_stored(instance: IntegrationInstance, window: Client) -> None:
    data = form_of(name="Renamed", secret="", tracking_identifier="")
    response = window.post(at("connection_save", instance), data)
    assert response.status_code == 302
    instance.refresh_from_db()
    assert instance.name == "Renamed"
    assert instance.credentials.reveal()["secret"] == SECRET


@pytest.mark.parametrize("change", [{"username": "other@northwind.example"}, {"zone": "ww5"}])
def test_another_user_name_or_platform_demands_the_secrets_again(
    simulator: Simulator, instance: IntegrationInstance, window: Client, change: dict[str, str]
) -> None:
    simulator.requests.clear()
    response = window.post(
        at("connection_save", instance), form_of(secret="", tracking_identifier="", **change)
    )
    assert text_of(response).count("Enter it again") >= 2  # at each of the two fields
    assert len(simulator.requests) == 0
    instance.refresh_from_db()
    assert instance.username == USERNAME


def test_a_taken_name_is_said_at_its_field(
    simulator: Simulator, instance: IntegrationInstance, window: Client
) -> None:
    simulator.requests.clear()
    response = window.post(reverse("integrations:instance_add", args=["autotask"]), form_of(name="MAIN"))
    assert "Another configuration has this name." in text_of(response)
    assert len(simulator.requests) == 0
    assert IntegrationInstance.objects.count() == 1


def test_no_page_shows_a_secret(
    refreshed: IntegrationInstance, owner: User, window: Client, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 101)
    addresses = [
        reverse("integrations:home"),
        at("setup", refreshed),
        at("mappings", refreshed),
        at("job", refreshed),
        at("choose", refreshed, organization_id=organizations["Abbott"].pk),
        at("instance_delete", refreshed),
        reverse("integrations:instance_add", args=["autotask"]),
    ]
    wrong = form_of(username="other@northwind.example", secret=SECRET, tracking_identifier="")
    responses = [window.get(address) for address in addresses]
    responses.append(window.post(at("connection_save", refreshed), wrong))
    for response in responses:
        assert response.status_code == 200
        for secret in (*SECRETS, refreshed.credentials.token[:30]):
            assert secret not in text_of(response)
    setup = text_of(responses[1])
    assert 'type="password"' in setup
    assert "olivia" in setup.split('name="connection-secret"')[1][:1500]  # set on DATE by NAME


def test_an_error_report_of_a_failed_save_holds_no_secret(simulator: Simulator, window: Client) -> None:
    def refuse(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "integrations_integrationinstance"'):
            raise OSError("the disk is full")  # with the secrets at hand
        return execute(sql, *rest)

    window.raise_request_exception = False
    reports: list[str] = []

    def report(request: HttpRequest, **_: object) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.extend([reporter.get_traceback_html(), reporter.get_traceback_text()])

    got_request_exception.connect(report)
    try:
        with connection.execute_wrapper(refuse):
            response = window.post(reverse("integrations:instance_add", args=["autotask"]), form_of())
    finally:
        got_request_exception.disconnect(report)

    assert response.status_code == 500
    assert len(reports) == 2
    for text in (*reports, text_of(response)):
        for secret in SECRETS:
            assert secret not in text
    assert "connect_instance" in reports[1]


def test_testing_the_connection_says_how_it_went(
    simulator: Simulator, instance: IntegrationInstance, window: Client
) -> None:
    assert said(window.post(at("connection_test", instance))) == ["The connection works."]
    simulator.inject("locked-user")
    response = window.post(at("connection_test", instance), follow=True)
    assert "did not pass" in text_of(response)
    assert "inactive or locked" in text_of(response)


def test_deleting_asks_for_the_name_and_can_be_taken_back(
    refreshed: IntegrationInstance, owner: User, window: Client, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 101)
    assert "<strong>1 mapping</strong>" in text_of(window.get(at("instance_delete", refreshed)))
    assert "exactly as it is shown" in text_of(
        window.post(at("instance_delete", refreshed), {"name": "main"})
    )
    assert OrganizationMapping.objects.present().count() == 1

    response = window.post(at("instance_delete", refreshed), {"name": "Main"}, follow=True)
    assert "deleted with 1 mapping" in text_of(response)
    assert "Restore Main" in text_of(response)
    assert OrganizationMapping.objects.present().count() == 0

    assert "is back with 1 mapping" in said(window.post(at("instance_restore", refreshed)))[0]
    assert OrganizationMapping.objects.present().count() == 1


def test_a_restore_that_cannot_be_says_why(
    simulator: Simulator, instance: IntegrationInstance, window: Client
) -> None:
    window.post(at("instance_delete", instance), {"name": "Main"})
    window.post(reverse("integrations:instance_add", args=["autotask"]), form_of())
    response = window.post(at("instance_restore", instance))
    assert "Rename that one first" in said(response)[-1]


# --- the filter card ----------------------------------------------------------------------------------


def test_filter_rows_come_and_go_without_being_saved(instance: IntegrationInstance, window: Client) -> None:
    one = ("companyType", "eq", "1")
    for headers in (None, HTMX):
        added = window.post(at("filters_edit", instance), rows_of(one, add="1"), headers=headers)
        assert text_of(added).count("Remove filter row") == 2
        removed = window.post(
            at("filters_edit", instance), rows_of(one, ("city", "eq", "Akron"), remove="0"), headers=headers
        )
        assert text_of(removed).count("Remove filter row") == 1
        assert 'value="Akron"' in text_of(removed)
        assert ("<html" in text_of(removed)) == (headers is None)
    assert not CompanyFilter.objects.exists()


def test_a_value_without_a_field_is_not_passed_over(instance: IntegrationInstance, window: Client) -> None:
    lost = rows_of(("companyType", "eq", "1"), ("", "", "7"), ("", "", ""))
    for name in ("filters_preview", "filters_save"):
        page = html.unescape(text_of(window.post(at(name, instance), lost)))
        assert "Row 2, Filter: Choose the field that has this value, or remove the row." in page
        assert "Row 3" not in page
        assert 'aria-describedby="id_filters-1-field_error"' in page
        assert 'id="id_filters-1-field_error"' in page
    assert not CompanyFilter.objects.exists()


def test_the_preview_counts_and_names_what_drops_out(
    refreshed: IntegrationInstance, owner: User, window: Client, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 201)
    for headers in (None, HTMX):
        response = window.post(
            at("filters_preview", refreshed), rows_of(("companyType", "eq", "1")), headers=headers
        )
        page = html.unescape(text_of(response))
        assert "12 companies match" in page
        assert "1 of 1 mapped companies would drop out" in page
        assert "Paper & Toner Supply" in page
        assert ("<html" in page) == (headers is None)
    assert not CompanyFilter.objects.exists()


def test_a_preview_that_fails_says_so_on_the_card(
    simulator: Simulator, refreshed: IntegrationInstance, window: Client
) -> None:
    simulator.inject("gateway-error")
    response = window.post(
        at("filters_preview", refreshed), rows_of(("companyType", "eq", "1")), headers=HTMX
    )
    assert "Autotask did not answer" in text_of(response)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            ("companyType", "eq", "Custom"),
            "Company type: the value must be an integer, such as 1 for Customer.",
        ),
        (("companyType", "eq", "one"), "must be an integer"),
        (("companyType", "eq", ""), "Enter a value"),
        (("companyType", "beginsWith", "1"), "valid choice"),
        (("noSuchField", "eq", "1"), "valid choice"),
        (("isActive", "eq", "maybe"), "yes or no"),
        (("createDate", "gte", "yesterday"), "2026-01-31"),
    ],
)
def test_a_value_that_its_field_cannot_hold_is_explained_and_not_saved(
    refreshed: IntegrationInstance, window: Client, row: tuple[str, str, str], problem: str
) -> None:
    response = window.post(at("filters_save", refreshed), rows_of(row))
    assert problem in html.unescape(text_of(response))
    assert not CompanyFilter.objects.exists()


def test_saving_the_filter_reads_the_companies_anew(refreshed: IntegrationInstance, window: Client) -> None:
    response = window.post(at("filters_save", refreshed), rows_of(("companyType", "in", f"1, {VENDOR}")))
    assert response.status_code == 302
    assert "filter was saved" in said(response)[0]
    assert CompanyFilter.objects.get().value == [1, VENDOR]
    job = Job.objects.open().get()
    assert job.options["full"] is True
    assert AuditEvent.objects.filter(action="company filter changed").count() == 1
    page = text_of(window.get(f"{at('setup', refreshed)}?open=filter"))
    for value, label in ((1, "Customer"), (VENDOR, "Vendor")):
        assert re.search(rf'value="{value}" checked', page)
        assert f'<span class="chip-key">{value}</span> {label}' in page


def test_a_value_that_means_something_else_here_is_pointed_out(
    refreshed: IntegrationInstance, window: Client
) -> None:
    response = window.post(at("filters_edit", refreshed), rows_of(("companyType", "eq", "6")), headers=HTMX)
    assert "the guide's table says Vendor" in html.unescape(text_of(response))


# --- refreshing ---------------------------------------------------------------------------------------


def test_refresh_options_shows_its_progress_until_it_is_done(
    instance: IntegrationInstance, window: Client
) -> None:
    instance.last_check["budget"]["used"] = 7_777
    instance.save()
    assert window.post(at("refresh", instance), {"table": "state=mapped&size=25"})["Location"] == (
        at("setup", instance) + "?state=mapped&size=25#mappings"
    )
    waiting = window.get(at("job", instance))
    assert "Waiting for a worker" in text_of(waiting)
    assert "every 1s" in text_of(waiting)
    assert "HX-Trigger" not in waiting
    page = text_of(window.get(at("setup", instance)))  # survives a reload
    assert "Waiting for a worker" in page
    assert "Companies as of</dt><dd>not read yet" in page
    assert re.search(r"Requests used</dt><dd>[\d,]+ of [\d,]+ an hour, as of <time ", page)

    tasks.do_job(Job.objects.get().key)

    done = window.get(at("job", instance))
    assert "All 15 companies were read: 15 new." in text_of(done)
    assert "every 1s" not in text_of(done)
    assert done["HX-Trigger"] == "options-refreshed"
    head = text_of(done).partition('<dl id="status-facts" class="facts facts-inline" hx-swap-oob="true">')[2]
    assert "Requests used</dt><dd>7,777 of" not in head  # but as the read of several pages was told
    assert re.search(r"Requests used</dt><dd>[\d,]+ of [\d,]+ an hour, .*; \d+ more since", head)
    assert "Companies as of</dt><dd><time " in head


def test_the_line_of_a_job_does_not_speak_after_something_else_was_done(
    instance: IntegrationInstance, window: Client
) -> None:
    window.post(at("refresh", instance))
    tasks.do_job(Job.objects.get().key)
    told = "All 15 companies were read: 15 new."
    for _ in range(2):
        assert told in text_of(window.get(at("setup", instance)))
    window.post(at("suggest", instance))
    for _ in range(2):  # beside the outcome of it, and on the page after that
        assert told not in text_of(window.get(at("setup", instance)))
    window.post(at("refresh", instance))
    tasks.do_job(Job.objects.open().get().key)
    assert "nothing changed" in text_of(window.get(at("setup", instance)))


def test_a_failed_refresh_says_why_and_a_shrink_asks(
    simulator: Simulator, refreshed: IntegrationInstance, window: Client
) -> None:
    simulator.inject("restricted-rows", every=2)
    window.post(at("refresh", refreshed), {"full": "1"})
    tasks.do_job(Job.objects.open().get().key)
    page = text_of(window.get(at("job", refreshed)))
    assert "companies were not returned this time" in page
    assert f'href="{at("held", refreshed)}">See what would go</a>' in page


def test_a_waiting_refresh_can_be_cancelled(instance: IntegrationInstance, window: Client) -> None:
    window.post(at("refresh", instance))
    window.post(at("job_cancel", instance))
    assert Job.objects.get().state == Job.State.CANCELLED
    assert "Cancelled" in text_of(window.get(at("job", instance)))


# --- mapping ------------------------------------------------------------------------------------------


def test_suggest_choose_save_and_undo(
    refreshed: IntegrationInstance, window: Client, organizations: Organizations
) -> None:
    response = window.post(at("suggest", refreshed), follow=True)
    assert "4 of 6 open organizations have suggestions" in text_of(response)
    assert not OrganizationMapping.objects.exists()
    shown = [str(row.pk) for row in organizations.values()]
    ticked = MappingProposal.objects.filter(selected=True).values_list("organization_id", flat=True)

    saved = window.post(
        at("mappings_save", refreshed), {"shown": shown, "ticked": [str(pk) for pk in ticked]}, follow=True
    )

    assert OrganizationMapping.objects.present().count() == len(ticked) > 2
    page = text_of(saved)
    assert f"Mappings saved: {len(ticked)} new" in page
    undo = page.split('action="/undo/')[1].split('"')[0]
    undone = window.post(f"/undo/{undo}", follow=True)
    assert f"{len(ticked)} mappings put back as before" in text_of(undone)
    assert not OrganizationMapping.objects.present().exists()


def test_choosing_by_search_with_and_without_javascript(
    refreshed: IntegrationInstance, window: Client, organizations: Organizations
) -> None:
    row = organizations["Zephyr"]
    address = at("choose", refreshed, organization_id=row.pk)
    whole = window.get(address, {"q": "kestrel"})
    part = window.get(address, {"q": "kestrel"}, headers=HTMX)
    for response in (whole, part):
        assert text_of(response).count("Kestrel Aviation Services") >= 1
        assert "Ironbridge" not in text_of(response)
    assert "<html" not in text_of(part)

    company = company_of(refreshed, 111)
    swapped = window.post(address, {"company": company.pk}, headers=HTMX)
    assert f'id="row-{row.pk}"' in text_of(swapped)
    assert 'hx-swap-oob="true"' in text_of(swapped)
    assert "1 new" in text_of(swapped)
    plain = window.post(address, {"company": company.pk, "table": "q=zephyr"})
    assert plain["Location"] == at("setup", refreshed) + "?q=zephyr#mappings"
    assert MappingProposal.objects.get().company == company
    discarded = window.post(at("discard", refreshed, organization_id=row.pk), headers=HTMX)
    assert f'id="row-{row.pk}"' in text_of(discarded)
    assert not MappingProposal.objects.exists()
    assert not OrganizationMapping.objects.exists()


def test_unticking_a_row_keeps_it_from_being_saved(
    refreshed: IntegrationInstance, owner: User, window: Client, organizations: Organizations
) -> None:
    choose(owner, organizations["Abbott"], company_of(refreshed, 101))
    shown = [str(organizations["Abbott"].pk)]
    bar = window.post(at("mappings_select_row", refreshed), {"shown": shown})
    assert "hidden" in text_of(bar)
    assert save(owner, refreshed).saved == 0
    assert "1 new" in text_of(
        window.post(at("mappings_select_row", refreshed), {"shown": shown, "ticked": shown})
    )


def test_an_organization_mapped_elsewhere_is_locked_named_linked_and_can_be_moved(
    refreshed: IntegrationInstance,
    second: IntegrationInstance,
    owner: User,
    window: Client,
    organizations: Organizations,
) -> None:
    row = organizations["Abbott"]
    map_to(owner, second, row, 301)
    page = text_of(window.get(at("setup", refreshed)))
    assert f'Mapped in <a href="{second.get_absolute_url()}">Second</a> to Abbott Dental' in page
    address = at("choose", refreshed, organization_id=row.pk)
    refused = window.post(address, {"company": company_of(refreshed, 101).pk})
    assert "is mapped in “Second”" in said(refused)[0]
    assert not MappingProposal.objects.exists()

    window.post(address, {"company": company_of(refreshed, 101).pk, "move": "1"})
    saved = window.post(at("mappings_save", refreshed), {"shown": [row.pk], "ticked": [row.pk]})

    assert "1 moved here" in said(saved)[-1]
    assert OrganizationMapping.objects.get().instance == refreshed


def test_a_conflict_is_told_with_both_values(
    refreshed: IntegrationInstance, owner: User, member: User, window: Client, organizations: Organizations
) -> None:
    row = organizations["Abbott"]
    choose(owner, row, company_of(refreshed, 102))
    map_to(member, refreshed, row, 101)

    response = window.post(at("mappings_save", refreshed), {"shown": [row.pk], "ticked": [row.pk]})

    [message] = said(response)
    for part in (
        "Abbott Dental Care was not saved",
        "marcus",
        "Abbott Dental Care, LLC",
        "Birchwood Veterinary Clinic",
    ):
        assert part in message
    assert OrganizationMapping.objects.get().company == company_of(refreshed, 101)


def test_a_readers_page_has_no_buttons_that_write(
    refreshed: IntegrationInstance, owner: User, reader: User, client_of: Signed, organizations: Organizations
) -> None:
    map_to(owner, refreshed, organizations["Abbott"], 101)
    page = text_of(client_of(reader).get(at("setup", refreshed)))
    assert "Abbott Dental Care, LLC" in page
    for word in (
        "Save Mappings",
        "Refresh Options",
        "Suggest Values",
        "Save filter",
        "connection-secret",
        "Test connection",
    ):
        assert word not in page


# --- what it costs ------------------------------------------------------------------------------------


def test_the_setup_page_costs_the_same_for_25_and_200_rows(owner: User, window: Client) -> None:
    instance = make_instance("Main", is_default=True)
    other = make_company(make_instance("Other"), 900, "There")
    companies = [make_company(instance, 100 + number, f"Company {number}") for number in range(210)]
    rows = Organization.objects.bulk_create(Organization(name=f"Row {number:03}") for number in range(210))
    for number, row in enumerate(rows):
        if number % 5 == 0:
            make_mapping(row, companies[number], owner)
        elif number % 5 == 1:
            make_mapping(row, other, owner)
        elif number % 5 == 2:
            choose(owner, row, companies[number])
    counts = {}
    for size in (25, 200):
        window.get(at("setup", instance), {"size": size})
        with CaptureQueriesContext(
            connection,
        ) as captured:
            response = window.get(at("setup", instance), {"size": size})
        assert text_of(response).count('id="row-') == size
        counts[size] = len(captured)
    assert counts[25] == counts[200]
    assert counts[200] <= 21


# --- hostile data -------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert('x')</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    '=HYPERLINK("http://evil.example","x")',
    "{{ settings.SECRET_KEY }}{% debug %}",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("name", first_few(HOSTILE, 2))
def test_hostile_names_are_shown_as_text(owner: User, window: Client, name: str) -> None:
    instance = make_instance(name[:100])
    company = make_company(instance, 101, name, city=name[:100])
    row = make_organization(name, domain=name)
    make_mapping(make_organization(f"{name} 2"), company, owner)
    MappingProposal.objects.create(
        user=owner, instance=instance, organization=row, company=company, kind="suggested",
        tier="sure", confidence=0.9, reasons=[name],
    )  # fmt: skip
    Job.objects.create(kind="refresh_options", instance=instance, state="failed", error=name)
    pages = [
        window.get(reverse("integrations:home")),
        window.get(at("setup", instance)),
        window.get(at("setup", instance), {"q": name}),
        window.get(at("choose", instance, organization_id=row.pk), {"q": name}),
        window.get(at("choose", instance, organization_id=row.pk), headers=HTMX),
        window.get(at("instance_delete", instance)),
        window.get(reverse("integrations:organizations")),
        window.post(at("mappings_save", instance), {"shown": [row.pk], "ticked": []}, follow=True),
        window.post(at("instance_delete", instance), {"name": name[:100]}, follow=True),
    ]
    for response in pages:
        assert response.status_code == 200
        page = text_of(response)
        assert html.escape(name) in page or html.escape(name[:40]) in page
        if "<" in name:
            assert name not in page
        assert 'href="javascript:' not in page


def test_bidi_and_control_marks_from_autotask_reach_no_page(
    simulator: Simulator, instance: IntegrationInstance, window: Client, organizations: Organizations
) -> None:
    simulator.inject("strange-names", path="companies/query")
    window.post(at("refresh", instance))
    tasks.do_job(Job.objects.get().key)
    assert Company.objects.exists()
    page = text_of(window.get(at("choose", instance, organization_id=organizations["Abbott"].pk), {"q": "a"}))
    assert not set(page) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x07\x1b")
