"""Undo beyond one page: the step before, the same after a reload or a new sign-in, and from the history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from integrations.models import AuditEvent, Company, IntegrationInstance, Organization, OrganizationMapping
from tests.support.markup import tree_of
from tests.support.rows import seen_of
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


def accept(client: Client, main: IntegrationInstance, organization: Organization, company: Company) -> None:
    form = {"decision": "accept", "company": company.pk, "seen": seen_of(organization)}
    client.post(f"{main.get_absolute_url()}review/{organization.pk}/", form)


def undo_on(client: Client, page: str) -> tuple[str, dict[str, str]]:
    """What U presses there: the address, "" when there is none, and what is sent; then Undo is pressed."""
    tree = tree_of(client.get(page).content.decode())
    button = tree.first("button", where=lambda each: each["data-key"] == "undo")
    if button is None:
        return "", {}
    form = next(each for each in button.above() if each.tag == "form")
    sent = {each["name"]: each["value"] for each in form.all("input")}
    return form["action"], sent


def mapped() -> set[str]:
    return set(OrganizationMapping.objects.present().values_list("organization__name", flat=True))


@pytest.mark.parametrize("where", ["", "review/", "/drift/"])
def test_the_second_undo_takes_back_the_step_before(
    member: User,
    main: IntegrationInstance,
    abbott: Company,
    birchwood: Company,
    client_of: ClientOf,
    where: str,
) -> None:
    client, first, second = client_of(member), make_organization("Quill One"), make_organization("Quill Two")
    page = where if where.startswith("/") else f"{main.get_absolute_url()}{where}"
    accept(client, main, first, abbott)
    accept(client, main, second, birchwood)
    assert mapped() == {"Quill One", "Quill Two"}
    for left in ({"Quill One"}, set[str]()):
        address, sent = undo_on(client, page)
        answer = client.post(address, sent, follow=True).content.decode()
        assert mapped() == left
        assert "1 mapping put back as before." in answer
        assert "has no company." in answer
        assert "Redo" in answer
    assert undo_on(client, page)[0] == ""

    # The undo of the undo has a name of its own, and says who is mapped to what; then Undo means it.
    last = AuditEvent.objects.order_by("-pk").values_list("batch", flat=True)[0]
    answer = client.post(f"/undo/{last}/", follow=True).content.decode()
    assert "Quill One is mapped to Abbott" in answer
    assert "Redo" not in answer
    client.get(page)  # the message is gone with its page
    address, sent = undo_on(client, page)
    client.post(address, sent)
    assert mapped() == set()


def test_undo_is_offered_after_a_reload_and_a_new_sign_in_to_who_did_it(
    member: User, owner: User, main: IntegrationInstance, abbott: Company, client_of: ClientOf
) -> None:
    organization = make_organization("Quill One")
    client = client_of(member)
    accept(client, main, organization, abbott)
    page = main.get_absolute_url()
    client.get(page)
    batch = AuditEvent.objects.get(target_name="Quill One").batch
    assert undo_on(client, page)[0] == f"/undo/{batch}/"
    assert undo_on(client_of(member), page)[0] == f"/undo/{batch}/"
    assert undo_on(client_of(owner), page)[0] == ""
    later = AuditEvent.objects.last_step(member.pk, timezone.now() + dt.timedelta(seconds=1))
    assert not later.exists()


def test_the_history_takes_back_what_can_be_and_was_not(
    member: User, reader: User, main: IntegrationInstance, abbott: Company, client_of: ClientOf
) -> None:
    client = client_of(member)
    accept(client, main, make_organization("Quill One"), abbott)
    batch = AuditEvent.objects.get(target_name="Quill One").batch
    button = f'action="/undo/{batch}/"'
    assert button in client.get("/history/").content.decode()
    assert button in client.get(f"/history/{batch}/").content.decode()
    assert button not in client_of(reader).get("/history/").content.decode()
    client.post(f"/undo/{batch}/", {"history": "1"}, follow=True)
    assert mapped() == set()
    assert button not in client.get("/history/").content.decode()
    assert button not in client.get(f"/history/{batch}/").content.decode()
