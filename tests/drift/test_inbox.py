"""The inbox: what it lists, who may decide, and that every decision is one that people can take back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    OrganizationMapping,
    RecordChange,
    ReviewCase,
)
from integrations.models.audit import Action
from integrations.models.drift import Changed
from integrations.models.review_reasons import needs_review
from integrations.services.drift import InboxQuery, read_inbox
from integrations.services.mapping.rows import TableQuery
from integrations.services.mapping.seen import row_keys
from integrations.services.mapping.table import mapping_table
from integrations.services.webhooks import note_reviews
from tests.support.markup import tree_of
from tests.support.rows import make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]
INBOX = "/drift/"


def drift(company: Company, kind: RecordChange.Kind = RecordChange.Kind.RETYPED, **values: Any) -> None:
    """Something of the company changed just now."""
    told: dict[str, Any] = {"kind": kind, "company": company.pk, "before": "1", "after": "7"}
    change = Changed(**(told | values))
    with transaction.atomic():
        RecordChange.objects.record([change], timezone.now())


@pytest.fixture
def drifted(main: IntegrationInstance, owner: User) -> list[OrganizationMapping]:
    """Three mappings whose companies are of another type since, and one that is in order."""
    rows = []
    for number, name in enumerate(("Ash", "Birch", "Cedar", "Dogwood"), start=1):
        company = make_company(main, number, f"{name} Ltd")
        rows.append(make_mapping(make_organization(name), company, owner, confirmed_name=company.name))
    for mapping in rows[:3]:
        drift(mapping.company)
    return rows[:3]


def key(mapping: OrganizationMapping) -> str:
    """The row as it is shown now."""
    return row_keys([OrganizationMapping.objects.with_names().get(pk=mapping.pk)])[mapping.pk]


def open_names() -> set[str]:
    return set(
        OrganizationMapping.objects.in_tables()
        .filter(needs_review())
        .values_list("organization__name", flat=True)
    )


def press(client: Client, decision: str, *rows: str, **values: object) -> str:
    """Press a button of the inbox; what the page says then."""
    number = {"number": len(set(rows))} if decision == "unmap" else {}  # asked and answered
    posted = {"decision": decision, "row": list(rows), **number, **values}
    return client.post(f"{INBOX}decide/", posted, follow=True).content.decode()


def undo(client: Client, page: str) -> None:
    """Press Undo in the message."""
    (address,) = re.findall(r'action="(/undo/[^"]+)"', page)
    assert client.post(address, {"inbox": "1"})["Location"] == INBOX


def test_it_lists_all_configurations_and_has_the_counts_of_the_mapping_page(
    drifted: list[OrganizationMapping],
    main: IntegrationInstance,
    owner: User,
    reader: User,
    client_of: Signed,
) -> None:
    other = make_company(make_instance("Other"), 9, "Elm Ltd", is_active=False)
    make_mapping(make_organization("Elm"), other, confirmed_name="Elm Ltd")
    page = client_of(reader).get(INBOX).content.decode()
    for name in ("Ash", "Birch", "Cedar", "Elm", "Company type changed since: ", "Company is inactive"):
        assert name in page
    assert "Dogwood" not in page
    assert "Keep" not in page, "a reader looks"
    one = client_of(owner).get(INBOX, {"instance": main.pk}).content.decode()
    assert "Elm" not in one
    found = read_inbox(IntegrationInstance.objects.filter(pk=main.pk), InboxQuery())
    table = mapping_table(main, owner, TableQuery())
    assert found.total == table.counts["review"] == 3
    assert {reason.warning: number for reason, number in found.counts.items()} == {"retyped": 3}
    assert table.warnings == {"retyped": 3}
    assert "Birch" in client_of(owner).get(INBOX, {"reason": "company_type_changed"}).content.decode()
    assert "Nothing here" in client_of(owner).get(INBOX, {"reason": "company_missing"}).content.decode()


def test_whoever_may_map_decides_and_others_get_404(
    drifted: list[OrganizationMapping],
    owner: User,
    member: User,
    reader: User,
    stranger: User,
    client_of: Signed,
) -> None:
    answers = {}
    for user in (owner, member, reader, stranger):
        client = client_of(user)
        answers[user.username] = (
            client.get(INBOX).status_code,
            client.get(reverse("integrations:refreshes")).status_code,
            client.post(f"{INBOX}decide/", {"decision": "keep"}).status_code,
        )
    assert answers == {
        "olivia": (200, 200, 302),
        "marcus": (200, 200, 302),
        "rita": (200, 200, 404),
        "stefan": (404, 404, 404),
    }


@pytest.mark.parametrize("decision", ["keep", "unmap", "ignore"])
def test_a_decision_in_bulk_settles_and_undo_brings_back(
    drifted: list[OrganizationMapping], member: User, client_of: Signed, decision: str
) -> None:
    client = client_of(member)
    page = press(client, decision, *(key(row) for row in drifted[:2]))
    assert "2 mappings" in page
    assert open_names() == {"Cedar"}
    undo(client, page)
    assert open_names() == {"Ash", "Birch", "Cedar"}
    assert all(row.is_in_force for row in OrganizationMapping.objects.all())


def test_to_unmap_several_asks_with_their_number(
    drifted: list[OrganizationMapping], member: User, reader: User, client_of: Signed
) -> None:
    client, asks = client_of(member), f"{INBOX}decide/unmap/"
    ticked = [key(row) for row in drifted[:2]]
    place = {"instance": str(drifted[0].instance_id), "reason": "company_type_changed"}
    for number in ("", "1"):  # not asked yet; fewer than are ticked now
        answer: Any = client.post(
            f"{INBOX}decide/", {"decision": "unmap", "row": ticked, "number": number, **place}
        )
        assert (answer.status_code, answer["Location"]) == (302, asks)  # Back and reload send nothing again
    page = client.get(asks).content.decode()
    assert "Unmap 2 rows of the inbox?" in page
    assert open_names() == {"Ash", "Birch", "Cedar"}
    main = tree_of(page).first("main")
    form = main.first("form", where=lambda each: each["method"] == "post") if main else None
    assert form is not None
    sent: dict[str, Any] = {each["name"]: each["value"] for each in form.all("input")}
    answer = client.post(form["action"], sent | {"decision": "unmap", "row": ticked}, follow=True)
    assert answer.redirect_chain == [(f"{INBOX}?{urlencode(place)}", 302)]
    assert open_names() == {"Cedar"}
    undo(client, answer.content.decode())
    assert open_names() == {"Ash", "Birch", "Cedar"}
    assert "Nothing is asked any more" in client.get(asks).content.decode()
    assert client_of(reader).get(asks).status_code == 404
    assert "1 mapping unmapped" in press(
        client, "unmap", key(drifted[2]), number=""
    )  # one is not asked about


def test_a_row_is_decided_by_its_own_button(
    drifted: list[OrganizationMapping], member: User, client_of: Signed
) -> None:
    press(client_of(member), f"keep:{key(drifted[0])}", key(drifted[1]))
    assert open_names() == {"Birch", "Cedar"}, "what is ticked is another press"


def test_the_proposed_company_is_taken_over(
    drifted: list[OrganizationMapping], main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    ash, better = drifted[0], make_company(main, 77, "Ash Incorporated")
    drift(better, RecordChange.Kind.BETTER, organization=ash.organization_id, before="", after=better.name)
    client = client_of(member)
    assert "Proposed: Ash Incorporated" in client.get(INBOX).content.decode()
    page = press(client, f"remap:{key(ash)}:{better.pk}")
    ash.refresh_from_db()
    assert ash.company == better
    assert open_names() == {"Birch", "Cedar"}
    undo(client, page)
    ash.refresh_from_db()
    assert (ash.company.name, open_names()) == ("Ash Ltd", {"Ash", "Birch", "Cedar"})


def test_ignored_lasts_until_something_changes_again(
    drifted: list[OrganizationMapping], member: User, client_of: Signed
) -> None:
    press(client_of(member), "ignore", key(drifted[0]))
    assert open_names() == {"Birch", "Cedar"}
    drift(drifted[0].company, RecordChange.Kind.READDRESSED, before="ash.example", after="oak.example")
    assert open_names() == {"Ash", "Birch", "Cedar"}
    assert drifted[0].version == OrganizationMapping.objects.get(pk=drifted[0].pk).version


def test_a_row_is_given_to_a_colleague_and_found_by_them(
    drifted: list[OrganizationMapping], owner: User, member: User, reader: User, client_of: Signed
) -> None:
    client = client_of(owner)
    page = press(client, "assign", key(drifted[1]), person=member.pk)
    mine = client_of(member).get(INBOX, {"mine": "1"}).content.decode()
    assert ("Birch" in mine, "Ash" in mine) == (True, False)
    assert "given to marcus" in client.get(INBOX).content.decode()
    assert "marcus" in client.get(reverse("integrations:history")).content.decode()
    undo(client, page)
    assert ReviewCase.objects.get().assigned_to is None
    press(client, "assign", key(drifted[1]), person=member.pk)
    page = press(client, "assign", key(drifted[1]), person=reader.pk)
    assert "cannot be given to this person" in page
    assert ReviewCase.objects.get().assigned_to == member, "a reader decides nothing"


def test_what_changed_since_the_page_was_shown_is_left(
    drifted: list[OrganizationMapping], owner: User, member: User, client_of: Signed
) -> None:
    shown = [key(row) for row in drifted[:2]]
    press(client_of(owner), "keep", key(drifted[0]))
    page = press(client_of(member), "unmap", *shown)
    assert "Left as they are" in page
    assert "Ash" in page
    assert OrganizationMapping.objects.get(pk=drifted[0].pk).is_in_force
    assert not OrganizationMapping.objects.get(pk=drifted[1].pk).is_in_force
    assert AuditEvent.objects.of(Action.MAPPING_REMOVED).count() == 1


@pytest.mark.parametrize("decision", ["keep", "ignore", "unmap"])
@pytest.mark.parametrize("how", ["its own button", "ticked"])
def test_what_a_refresh_brought_since_the_page_was_shown_is_left(
    drifted: list[OrganizationMapping], member: User, client_of: Signed, decision: str, how: str
) -> None:
    shown = key(drifted[0])
    drift(drifted[0].company, RecordChange.Kind.READDRESSED, before="ash.example", after="scrap.example")
    pressed = (f"{decision}:{shown}",) if how == "its own button" else (decision, shown)
    page = press(client_of(member), *pressed)
    assert "Left as they are" in page
    assert open_names() == {"Ash", "Birch", "Cedar"}
    assert OrganizationMapping.objects.get(pk=drifted[0].pk).is_in_force


@pytest.mark.parametrize("decision", ["keep", "ignore", "unmap", "assign"])
def test_what_nothing_asks_to_look_at_any_more_is_left(
    drifted: list[OrganizationMapping], owner: User, member: User, client_of: Signed, decision: str
) -> None:
    shown = key(drifted[0])
    press(client_of(owner), "ignore", shown)
    well = OrganizationMapping.objects.get(organization__name="Dogwood")
    page = press(client_of(member), decision, shown, key(drifted[0]), key(well), person=member.pk)
    assert "Left as they are" in page
    assert "Dogwood" in page
    assert not AuditEvent.objects.filter(actor=member).exists()
    assert OrganizationMapping.objects.present().count() == 4


@pytest.mark.parametrize("decision", ["", "burn", "keep:x:1", "remap:1:1", "keep:1"])
def test_what_no_button_sends_is_404(
    drifted: list[OrganizationMapping], member: User, client_of: Signed, decision: str
) -> None:
    assert client_of(member).post(f"{INBOX}decide/", {"decision": decision}).status_code == 404
    assert len(open_names()) == 3


def test_nothing_to_look_at_says_so(main: IntegrationInstance, reader: User, client_of: Signed) -> None:
    assert "Everything is settled" in client_of(reader).get(INBOX).content.decode()


def test_a_decision_comes_back_to_the_page_that_it_was_made_on(
    drifted: list[OrganizationMapping],
    main: IntegrationInstance,
    member: User,
    client_of: Signed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("integrations.services.drift.inbox.PAGE_SIZE", 1)
    client = client_of(member)
    shown = client.get(f"{INBOX}?instance={main.pk}&page=2").content.decode()
    lasting = dict(re.findall(r'<input type="hidden" name="(instance|page)" value="(\d+)"', shown))
    answer = client.post(f"{INBOX}decide/", {**lasting, "decision": f"keep:{key(drifted[1])}"})
    assert answer["Location"] == f"{INBOX}?instance={main.pk}&page=2"
    after = client.get(answer["Location"]).content.decode()
    assert "Cedar" in after
    (address,) = re.findall(r'action="(/undo/[^"]+)"', after)
    (table,) = re.findall(r'name="table" value="([^"]+)"', after)
    undone = client.post(address, {"inbox": "1", "table": table.replace("&amp;", "&")})
    assert undone["Location"] == f"{INBOX}?instance={main.pk}&page=2"


def test_who_may_not_map_any_more_is_given_nothing(
    drifted: list[OrganizationMapping], owner: User, member: User, client_of: Signed
) -> None:
    client = client_of(owner)
    press(client, "assign", key(drifted[0]), person=member.pk)
    member.groups.set(Group.objects.filter(name="Readers"))
    assert "given to" not in client.get(INBOX).content.decode()
    assert "Ash" not in client_of(member).get(INBOX, {"mine": "1"}).content.decode()


def test_what_drifts_again_after_it_was_decided_is_nobodys_yet(
    drifted: list[OrganizationMapping], owner: User, member: User, client_of: Signed
) -> None:
    client = client_of(owner)
    press(client, "assign", key(drifted[0]), person=member.pk)
    page = press(client, "keep", key(drifted[0]))
    drift(drifted[0].company, RecordChange.Kind.READDRESSED, before="ash.example", after="oak.example")
    assert "Ash" in open_names()
    assert "given to" not in client.get(INBOX).content.decode()
    assert "Ash" not in client_of(member).get(INBOX, {"mine": "1"}).content.decode()
    undo(client, page)
    assert "given to marcus" in client.get(INBOX).content.decode(), "nothing was decided"


def test_what_settled_by_itself_is_nobodys_when_it_drifts_again(
    drifted: list[OrganizationMapping], owner: User, member: User, client_of: Signed
) -> None:
    client, ash, birch = client_of(owner), drifted[0], drifted[1]
    note_reviews()
    press(client, "assign", key(ash), key(birch), person=member.pk)
    drift(ash.company, before="7", after="1")
    note_reviews()
    told = AuditEvent.objects.of(Action.REVIEW_ASSIGNED).latest("pk")
    assert (told.actor_name, told.target_name) == ("The portal", "Ash")
    assert (told.before["person"], told.after["person"]) == ("marcus", "")  # type: ignore[index]
    drift(ash.company)
    mine = client_of(member).get(INBOX, {"mine": "1"}).content.decode()
    assert ("Ash" in mine, "Birch" in mine) == (False, True)
    assert "Ash" in client.get(INBOX).content.decode()


def test_what_was_ignored_is_nobodys_when_it_drifts_again_and_undo_gives_it_back(
    drifted: list[OrganizationMapping], owner: User, member: User, client_of: Signed
) -> None:
    client, ash = client_of(member), drifted[0]
    press(client_of(owner), "assign", key(ash), person=member.pk)
    note_reviews()
    page = press(client, "ignore", key(ash))
    note_reviews()
    undo(client, page)
    assert "Ash" in client.get(INBOX, {"mine": "1"}).content.decode()
    press(client, "ignore", key(ash))
    drift(ash.company, RecordChange.Kind.READDRESSED, before="ash.example", after="oak.example")
    assert "Ash" in client.get(INBOX).content.decode()
    assert ">Ash<" not in client.get(INBOX, {"mine": "1"}).content.decode()
