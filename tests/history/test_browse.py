"""History: what it tells, to whom, and that no secret is in it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations.forms.history import history_query
from integrations.models import AuditEvent, Company, IntegrationInstance, Organization, Right, WebhookEvent
from integrations.models.audit import Action
from integrations.psa.base import FilterCondition
from integrations.services.audit import Actor, Batch, Change, instance_change
from integrations.services.companies.filters import save_filters
from integrations.services.history import browse as history
from integrations.services.history import undo as undoing
from integrations.services.history.browse import HistoryQuery, history_page
from integrations.services.history.differences import DifferenceRenderer
from integrations.services.history.point_in_time import every_past_mapping
from integrations.services.mapping import proposals
from integrations.services.mapping import save as mappings
from integrations.services.organizations import edit as organizations
from integrations.services.read_api.tokens import TokenSpec, create_token
from integrations.services.webhooks.edit import WebhookSpec, create_webhook
from integrations.services.webhooks.review_notices import note_reviews
from tests.support.rows import make_company, make_instance
from tests.support.simulated import SECRETS, actor_of, connect, make_organization

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def map_rows(
    user: User, main: IntegrationInstance, pairs: Mapping[Organization, Company | None]
) -> uuid.UUID:
    """Save these pairs with one press of the button."""
    for organization, company in pairs.items():
        proposals.choose_company(user, main, organization, company)
    return mappings.save_mappings(Batch(actor_of(user)), user, main).batch


def words_of(event: AuditEvent) -> list[tuple[str, str, str]]:
    return [(each.label, each.before, each.after) for each in DifferenceRenderer([event]).differences(event)]


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


# --- the list -------------------------------------------------------------------------------------------


def test_a_batch_is_one_entry_and_its_page_lists_every_change(
    main: IntegrationInstance, abbott: Company, member: User, reader: User, client_of: ClientOf
) -> None:
    rows = {make_organization(f"Dental {number}"): abbott for number in range(3)}
    batch = map_rows(member, main, rows)
    organizations.add_organization(Batch(actor_of(member)), {"name": "Later"})

    page = history_page(HistoryQuery())

    later, saved = page.entries
    assert (later.size, later.event.target_name) == (1, "Later")
    assert saved.actions == {"mapping created": 3}
    listed = text_of(client_of(reader).get("/history/"))
    assert "3 × mapping created" in listed
    assert "192.0.2.7" in listed
    shown = text_of(client_of(reader).get(f"/history/{batch}/"))
    for number in range(3):
        assert f"Dental {number}" in shown
    assert "not mapped" in shown
    assert "Abbott Dental Care, LLC (id 101)" in shown
    assert "Undo" not in shown  # a reader may not


def test_the_address_chooses(
    main: IntegrationInstance, abbott: Company, member: User, owner: User, reader: User, client_of: ClientOf
) -> None:
    dental = make_organization("Dental")
    batch = map_rows(member, main, {dental: abbott})
    organizations.add_organization(Batch(actor_of(owner)), {"name": "Bakery"})
    day = timezone.localdate()
    tomorrow = day + dt.timedelta(days=1)
    client = client_of(reader)
    expected = {
        "": {"Dental", "Bakery"},
        "?who=marcus": {"Dental"},
        "?what=mapping": {"Dental"},
        "?what=organization": {"Bakery"},
        "?what=decision": set(),
        f"?instance={main.pk}": {"Dental"},
        f"?organization={dental.pk}": {"Dental"},
        f"?batch={batch}": {"Dental"},
        "?q=bak": {"Bakery"},
        f"?since={day}&until={day}": {"Dental", "Bakery"},
        f"?since={tomorrow}": set(),
        "?since=0001-01-01": {"Dental", "Bakery"},
        "?older=x&instance=99999999999999999999&what=nothing": {"Dental", "Bakery"},
    }
    for address, names in expected.items():
        events = [entry.event for entry in history_page(history_query(_query(address))).entries]
        assert {event.target_name for event in events} == names, address
        page = text_of(client.get(f"/history/{address}"))
        assert all(f"{name}<small" in page or f"of {name}" in page for name in names), address


def _query(address: str) -> dict[str, str]:
    return dict(part.split("=") for part in address.lstrip("?").split("&") if part)


def test_pages_follow_one_another_without_gap_or_double(member: User) -> None:
    for number in range(7):
        organizations.add_organization(Batch(actor_of(member)), {"name": f"Name {number}"})
    seen, older = [], None
    while True:
        page = history_page(HistoryQuery(older=older), size=3)
        seen.append([entry.event.target_name for entry in page.entries])
        if page.older is None:
            break
        older = page.older
    assert seen == [["Name 6", "Name 5", "Name 4"], ["Name 3", "Name 2", "Name 1"], ["Name 0"]]
    last = history_page(HistoryQuery(older=older), size=3)
    back = history_page(HistoryQuery(newer=last.newer), size=3)
    assert [entry.event.target_name for entry in back.entries] == seen[1]
    assert back.newer is not None
    assert history_page(HistoryQuery(newer=back.newer), size=3).newer is None


def test_the_list_costs_the_same_with_many_batches(member: User, reader: User, client_of: ClientOf) -> None:
    client = client_of(reader)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get("/history/").status_code == 200
        return len(caught)

    organizations.add_organization(Batch(actor_of(member)), {"name": "One"})
    client.get("/history/")
    few = queries()
    for number in range(60):
        organizations.add_organization(Batch(actor_of(member)), {"name": f"Name {number}"})
    assert queries() <= few < 15


def test_only_who_may_see_the_history_does(
    main: IntegrationInstance, abbott: Company, member: User, stranger: User, client_of: ClientOf
) -> None:
    batch = map_rows(member, main, {make_organization("Dental"): abbott})
    addresses = ["/history/", f"/history/{batch}/", f"/integrations/autotask/{main.pk}/as-of/"]
    for address in addresses:
        assert client_of(stranger).get(address).status_code == 404
        assert Client().get(address).status_code == 302
        assert client_of(member).get(address).status_code == 200
        assert client_of(member).post(address).status_code == 405
    assert client_of(member).get(f"/history/{uuid.uuid4()}/").status_code == 404


def test_hostile_names_are_text(member: User, reader: User, client_of: ClientOf) -> None:
    Batch(Actor("<b>mallory</b>", "<i>")).record(
        [
            Change(
                Action.ORGANIZATION_ADDED,
                "organization",
                "1",
                "<script>alert(1)</script>",
                None,
                {"name": "<u>"},
            )
        ]
    )
    page = client_of(reader).get("/history/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "<u>" not in page


# --- words ------------------------------------------------------------------------------------------------


def test_a_mapping_is_told_by_names(
    main: IntegrationInstance, abbott: Company, birchwood: Company, member: User
) -> None:
    dental = make_organization("Dental")
    map_rows(member, main, {dental: abbott})
    created = AuditEvent.objects.latest("pk")
    map_rows(member, main, {dental: birchwood})
    changed = AuditEvent.objects.latest("pk")
    map_rows(member, main, {dental: None})
    removed = AuditEvent.objects.latest("pk")
    assert words_of(created)[0] == ("Company", "not mapped", "Abbott Dental Care, LLC (id 101)")
    assert words_of(changed)[0][1:] == (
        "Abbott Dental Care, LLC (id 101)", "Birchwood Veterinary Clinic (id 102)"
    )  # fmt: skip
    assert words_of(removed)[0] == ("Company", "Birchwood Veterinary Clinic (id 102)", "not mapped")


def test_a_company_that_was_renamed_carries_both_names(
    main: IntegrationInstance, abbott: Company, member: User
) -> None:
    map_rows(member, main, {make_organization("Dental"): abbott})
    Company.objects.update(name="Abbott Group")
    words = words_of(AuditEvent.objects.get())
    assert words[0][2] == "Abbott Dental Care, LLC, now Abbott Group (id 101)"


def test_a_filter_is_told_row_by_row(main: IntegrationInstance, member: User) -> None:
    """In the words that the filter card uses, as they were chosen there."""
    save_filters(
        Batch(actor_of(member)),
        main,
        [FilterCondition("companyType", "in", (1, 3)), FilterCondition("companyName", "contains", "co")],
    )
    save_filters(Batch(actor_of(member)), main, [])
    made, removed = AuditEvent.objects.order_by("pk")
    told = "Company type is one of 1 (Customer), 3 (Prospect); Company name contains “co”"
    assert words_of(made) == [("Company filter", "", told)]
    assert words_of(removed) == [("Company filter", told, "")]
    main.delete()
    made.refresh_from_db()
    assert words_of(made) == [("Company filter", "", "companyType in 1, 3; companyName contains co")]


def test_a_mapping_that_needs_review_is_told_with_its_company_and_why(
    main: IntegrationInstance, abbott: Company, member: User
) -> None:
    map_rows(member, main, {make_organization("Dental"): abbott})
    Company.objects.update(is_active=False)
    note_reviews()
    Company.objects.update(is_active=True)
    note_reviews()
    needed, settled = AuditEvent.objects.filter(target_type="review").order_by("pk")
    company = ("Company", "", "Abbott Dental Care, LLC (id 101)")
    assert words_of(needed) == [company, ("Because", "", "Company is inactive")]
    assert words_of(settled) == [company, ("Because", "Company is inactive", "")]


def test_what_programs_may_is_told_by_names(main: IntegrationInstance, owner: User) -> None:
    token, _ = create_token(Batch(actor_of(owner)), TokenSpec("Robot", [Right.ORGANIZATIONS], [main], None))
    create_webhook(
        Batch(actor_of(owner)),
        WebhookSpec("Wallboard", "https://board.example/", [WebhookEvent.MAPPING_REVIEW]),
    )
    made, hooked = AuditEvent.objects.order_by("pk")
    assert ("Begins with", "", token.prefix) in words_of(made)
    assert ("May read", "", "Organizations") in words_of(made)
    assert ("Configurations", "", "Main") in words_of(made)
    assert ("Told when", "", "A mapping needs review, or no longer does") in words_of(hooked)


def test_a_token_and_a_configuration_are_told_in_the_words_of_the_pages(
    main: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    made = {"instances": "all", "expires_at": "2027-11-25T20:37:17.441742+00:00"}
    Batch(actor_of(owner)).record(
        [
            Change(Action.TOKEN_CREATED, "token", "1", "Ticket robot", None, made),
            instance_change(Action.INSTANCE_CONNECTED, main, None, {"name": "Main"}),
        ]
    )
    key = AuditEvent.objects.get(action="token created").batch
    page = client_of(owner).get(reverse("integrations:history_batch", args=[key])).content.decode()
    assert "2027-11-25 20:37" in page
    assert "17.441742" not in page
    assert "Configurations" in page
    assert "configuration connected" in page
    assert "instance connected" not in page


def test_what_looks_like_a_secret_is_never_told(reader: User, client_of: ClientOf) -> None:
    """The audit holds none; should a mistake ever put one there, it still does not come out."""
    Batch(Actor("x", "y")).record(
        [
            Change(
                Action.TOKEN_CREATED,
                "token",
                "1",
                "Name",
                {"secret": "hunter2"},
                {"secret": "hunter3", "api_token": "hunter4"},
            )
        ]
    )
    event = AuditEvent.objects.get()
    assert words_of(event) == [("Secret", "(hidden)", "(hidden)"), ("Api token", "(hidden)", "(hidden)")]
    out = io.StringIO()
    for form in ("table", "json", "csv"):
        call_command("history", "--format", form, stdout=out)
    pages = client_of(reader).get("/history/").content.decode() + out.getvalue()
    assert "hunter" not in pages


def test_no_page_of_history_holds_a_credential(
    simulator: object, owner: User, reader: User, client_of: ClientOf
) -> None:
    instance = connect(owner)
    connect_again = connect(owner, name="Main again")
    client = client_of(reader)
    pages = client.get("/history/").content.decode()
    for event in AuditEvent.objects.all():
        pages += client.get(f"/history/{event.batch}/").content.decode()
        pages += str(event.before) + str(event.after)
    assert instance.name in pages
    assert connect_again.name in pages
    assert "API User Password" in pages
    assert "set <time" in pages
    for secret in SECRETS:
        assert secret not in pages
        assert secret[:6] not in pages


# --- the table of another day -----------------------------------------------------------------------------


def test_the_table_of_another_moment(
    main: IntegrationInstance, abbott: Company, birchwood: Company, member: User
) -> None:
    other = make_instance("Second")
    there = make_company(other, 301, "Abbott Dental")
    rows = [make_organization(name) for name in ("Alpha", "Beta", "Gamma", "Delta")]
    alpha, beta, gamma, delta = rows
    map_rows(member, main, {alpha: abbott, beta: birchwood, gamma: abbott})
    map_rows(member, other, {delta: there})
    first = timezone.now()
    map_rows(member, main, {alpha: birchwood, beta: None})
    proposals.choose_company(member, other, gamma, there, moves=True)
    mappings.save_mappings(Batch(actor_of(member)), member, other)
    second = timezone.now()
    organizations.delete_organization(Batch(actor_of(member)), alpha)
    third = timezone.now()
    organizations.restore_organization(Batch(actor_of(member)), alpha)
    fourth = timezone.now()

    def table(moment: dt.datetime, where: IntegrationInstance = main) -> dict[str, tuple[str, str]]:
        return {row.organization: (row.company_id, row.now) for row in every_past_mapping(where, moment)}

    assert table(first - dt.timedelta(days=1)) == {}
    assert table(first) == {
        "Alpha": ("101", "Birchwood Veterinary Clinic"),
        "Beta": ("102", "not mapped"),
        "Gamma": ("101", "Abbott Dental in Second"),
    }
    assert table(second) == {"Alpha": ("102", "")}
    assert table(third) == {}
    assert table(fourth) == {"Alpha": ("102", "")}
    assert table(first, other) == {"Delta": ("301", "")}
    assert table(second, other) == {"Delta": ("301", ""), "Gamma": ("301", "")}


def test_the_page_and_the_file_of_another_day(
    main: IntegrationInstance, abbott: Company, member: User, reader: User, client_of: ClientOf
) -> None:
    map_rows(member, main, {make_organization("=Dental()"): abbott})
    client = client_of(reader)
    address = f"/integrations/autotask/{main.pk}/as-of/"
    today = timezone.localdate()
    assert "=Dental()" in text_of(client.get(f"{address}?date={today}"))
    yesterday = today - dt.timedelta(days=1)
    assert "Nothing was mapped" in text_of(client.get(f"{address}?date={yesterday}"))
    assert "=Dental()" in text_of(client.get(f"{address}?date=nonsense&page=-3"))
    response: Any = client.get(f"{address}?date={today}&format=csv")
    lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert [(line["organization"], line["company_id"]) for line in lines] == [("'=Dental()", "101")]


# --- undo by browser ---------------------------------------------------------------------------------------


def test_undo_of_a_batch_and_of_one_row(
    main: IntegrationInstance, abbott: Company, member: User, reader: User, owner: User, client_of: ClientOf
) -> None:
    rows = [make_organization(f"Dental {number}") for number in range(3)]
    batch = map_rows(member, main, dict.fromkeys(rows, abbott))
    event = AuditEvent.objects.get(target_name="Dental 1")
    for address in (f"/undo/{batch}/", f"/history/undo/{event.pk}/"):
        assert client_of(reader).post(address).status_code == 404
        assert client_of(member).get(address).status_code == 405
    assert client_of(member).post(f"/undo/{uuid.uuid4()}/").status_code == 404
    assert client_of(member).post("/history/undo/999999/").status_code == 404
    client = client_of(member)

    response = client.post(f"/history/undo/{event.pk}/", {"history": "1"}, follow=True)

    assert response.redirect_chain[-1][0] == f"/history/{batch}/"
    assert "1 mapping put back as before." in text_of(response)
    assert "taken back" in text_of(response)
    assert main.mappings.present().count() == 2
    response = client.post(f"/undo/{batch}/", {"history": "1"}, follow=True)
    assert "2 mappings put back as before. 1 left as they are: Dental 1 (changed again since)." in text_of(
        response
    )
    assert main.mappings.present().count() == 0
    assert client.post(f"/undo/{batch}/").headers["Location"].endswith("#mappings")


def test_a_role_without_the_right_to_delete_cannot_undo_an_addition(
    member: User, stranger: User, client_of: ClientOf
) -> None:
    from django.contrib.auth.models import Permission

    stranger.user_permissions.add(
        *Permission.objects.filter(codename__in=["view_auditevent", "map_organizations"])
    )
    organizations.add_organization(Batch(actor_of(member)), {"name": "Bakery"})
    batch = AuditEvent.objects.get().batch
    assert client_of(stranger).post(f"/undo/{batch}/").status_code == 404
    assert client_of(member).post(f"/undo/{batch}/").status_code == 302
    assert Organization.objects.present().count() == 0


def test_words_of_the_batch_page_for_what_cannot_be_undone(
    main: IntegrationInstance, owner: User, client_of: ClientOf
) -> None:
    Batch(actor_of(owner)).record([Change(Action.INSTANCE_CHECKED, "instance", str(main.pk), "Main")])
    batch = AuditEvent.objects.get().batch
    assert "Undo" not in text_of(client_of(owner).get(f"/history/{batch}/"))
    assert client_of(owner).post(f"/undo/{batch}/").status_code == 404
    with pytest.raises(undoing.NothingToUndo):
        undoing.undo_batch(actor_of(owner), batch)
    assert history.batch_summary(batch) is not None
