"""The message after a write carries Undo, and pressing it puts everything back as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from integrations.models import (
    AuditEvent,
    CompanyFilter,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    RejectedMatch,
)
from integrations.services.audit import Actor, Batch
from integrations.services.history.undo import undo_batch, undo_event
from integrations.services.suggestions.decisions import reject_match
from tests.support.rows import make_company, make_instance, make_mapping, save
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
UNDO = re.compile(r'action="(/[^"]*undo[^"]*)"')
Signed = Callable[[User], Client]


@pytest.fixture
def main() -> IntegrationInstance:
    """A configuration with one company."""
    made = make_instance("Main")
    make_company(made, 101, "Abbott Dental Care, LLC")
    return made


@pytest.fixture
def abbott() -> Organization:
    """An organization."""
    return make_organization("Abbott Dental Care")


def address(name: str, *rest: object) -> str:
    return reverse(f"integrations:{name}", args=["autotask", *rest])


def press(browser: Client, address: str, values: Mapping[str, object] | None = None) -> list[str]:
    """Send a form and look at the page that follows; returns where its Undo buttons lead."""
    return undo_buttons(browser.post(address, dict(values or {}), follow=True).content.decode())


def undo_buttons(page: str) -> list[str]:
    """Where the Undo buttons of the messages lead."""
    return UNDO.findall(page)


def test_ignoring_and_restoring_can_be_taken_back(
    main: IntegrationInstance, abbott: Organization, member: User, client_of: Signed
) -> None:
    browser = client_of(member)
    ignore = address("ignore", main.pk, abbott.pk)
    [undo] = press(browser, ignore, {"ignored": "1", "table": "q=abbott"})
    assert IgnoredOrganization.objects.filter(organization=abbott).exists()
    page = browser.post(undo, {"table": "q=abbott&sort=company"}, follow=True)
    assert not IgnoredOrganization.objects.exists()
    # Back to the table as it was shown, and the undo can be undone in its turn.
    assert page.redirect_chain[-1][0] == f"{main.get_absolute_url()}?q=abbott&sort=company#mappings"
    [again] = undo_buttons(page.content.decode())
    press(browser, again)
    assert IgnoredOrganization.objects.filter(organization=abbott).exists()

    [undo] = press(browser, ignore, {"ignored": "0"})
    assert not IgnoredOrganization.objects.exists()
    press(browser, undo)
    assert IgnoredOrganization.objects.filter(organization=abbott).exists()


def test_a_swapped_row_brings_the_button_along(
    main: IntegrationInstance, abbott: Organization, member: User, client_of: Signed
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{main.get_absolute_url()}?q=abbott"}
    page = client_of(member).post(
        address("ignore", main.pk, abbott.pk), {"ignored": "1"}, headers=headers
    ).content.decode()  # fmt: skip
    assert len(undo_buttons(page)) == 1
    assert '<input type="hidden" name="table" value="q=abbott">' in page


@pytest.mark.parametrize("decision", ["ignore", "reject", "accept"])
def test_a_decision_of_the_review_is_taken_back_there(
    main: IntegrationInstance, abbott: Organization, member: User, client_of: Signed, decision: str
) -> None:
    browser = client_of(member)
    company = main.companies.get()
    MappingProposal.objects.create(
        user=member, instance=main, organization=abbott, company=company, kind="suggested", tier="sure",
        confidence=0.99, reasons=["same name"], selected=True,
    )  # fmt: skip
    decide = f"{address('review_decide', main.pk, abbott.pk)}?q=dental"
    page = browser.post(
        decide, {"decision": decision, "company": company.pk}, headers={"HX-Request": "true"}
    ).content.decode()
    [undo] = undo_buttons(page)
    assert '<input type="hidden" name="table" value="q=dental">' in page
    assert '<input type="hidden" name="review" value="1">' in page
    answer = browser.post(undo, {"table": "q=dental", "review": "1"}, follow=True)
    assert answer.redirect_chain[-1][0] == f"{address('review', main.pk)}?q=dental&organization={abbott.pk}"
    assert "1 of 1 open rows" in answer.content.decode()
    assert not IgnoredOrganization.objects.exists()
    assert not RejectedMatch.objects.exists()
    assert not main.mappings.present().exists()
    assert 'data-key="accept"' in answer.content.decode(), "it is suggested again"
    [again] = undo_buttons(answer.content.decode())
    press(browser, again)
    assert not MappingProposal.objects.exists()
    decided = IgnoredOrganization.objects.exists(), RejectedMatch.objects.exists(), main.mappings.present()
    assert sum(map(bool, decided)) == 1


def test_a_save_that_is_taken_back_suggests_again_what_it_took(
    main: IntegrationInstance, abbott: Organization, owner: User, member: User
) -> None:
    """Not ticked: another save takes it only if somebody wishes that."""
    company, hill = main.companies.get(), make_organization("Hill Legal")
    proposal = MappingProposal.objects.create(
        user=member, instance=main, organization=abbott, company=company, kind="suggested", tier="likely",
        confidence=0.83, reasons=["same name"], rivals=[{"id": 7}], match_kind="same_name", selected=True,
    )  # fmt: skip
    law = make_company(main, 102, "Hill Law")
    MappingProposal.objects.create(
        user=member,
        instance=main,
        organization=hill,
        company=law,
        kind="suggested",
        tier="sure",
        selected=True,
    )
    outcome = save(member, main)
    assert outcome.saved == 2
    assert not MappingProposal.objects.exists()
    RejectedMatch.objects.create(organization=hill, company=law, company_name="Hill Law")
    undo_batch(Actor("marcus", "here", member), outcome.batch)
    [back] = MappingProposal.objects.all()
    for name in (
        "user",
        "organization",
        "company",
        "kind",
        "tier",
        "confidence",
        "reasons",
        "rivals",
        "match_kind",
    ):
        assert getattr(back, name) == getattr(proposal, name), name
    assert not back.selected
    MappingProposal.objects.update(selected=True)
    again = save(member, main)
    assert (again.saved, again.conflicts) == (1, [])


@pytest.mark.parametrize("is_answer", [True, False])  # or several equals, of which none was the answer
def test_the_suggestion_that_another_company_replaced_comes_back(
    main: IntegrationInstance, abbott: Organization, member: User, client_of: Signed, is_answer: bool
) -> None:
    browser, company, other = client_of(member), main.companies.get(), make_company(main, 102, "Abbot Dental")
    suggestion = MappingProposal.objects.create(
        user=member, instance=main, organization=abbott, company=company if is_answer else None,
        kind="suggested", tier="likely", confidence=0.83, reasons=["same name"], match_kind="same_name",
        rivals=[{"company": other.pk, "reasons": ["close name"]}], matcher_version="7",
    )  # fmt: skip
    kept = ("company_id", "confidence", "reasons", "matcher_version", "tier", "match_kind", "rivals")
    accept = {"decision": "accept", "company": other.pk, "seen": ""}
    answer = browser.post(
        address("review_decide", main.pk, abbott.pk), accept, headers={"HX-Request": "true"}
    )
    page = answer.content.decode()
    for _ in range(2):  # taken back, done again, taken back again
        assert main.mappings.present().get().company == other
        assert not MappingProposal.objects.exists()
        [undo] = undo_buttons(page)
        page = browser.post(undo, {"review": "1"}, follow=True).content.decode()
        back = MappingProposal.objects.get()
        assert [getattr(back, name) for name in kept] == [getattr(suggestion, name) for name in kept]
        assert (back.kind, back.selected) == ("suggested", False)
        [redo] = undo_buttons(page)
        page = browser.post(redo, {"review": "1"}, follow=True).content.decode()
    [undo] = undo_buttons(page)
    browser.post(undo)
    browser.post(address("review_decide", main.pk, abbott.pk), accept | {"company": company.pk})
    assert main.mappings.present().get().company == company


def test_the_suggestion_that_was_replaced_in_the_table_comes_back(
    main: IntegrationInstance, abbott: Organization, member: User, client_of: Signed
) -> None:
    browser, company = client_of(member), main.companies.get()
    others = [make_company(main, 102, "Abbot Dental"), make_company(main, 103, "Abbey Dental")]
    suggestion = MappingProposal.objects.create(
        user=member, instance=main, organization=abbott, company=company, kind="suggested", tier="likely",
        confidence=0.83, reasons=["same name"], match_kind="same_name", matcher_version="7",
    )  # fmt: skip
    for other in others:  # the second choice remembers what the first one replaced
        browser.post(address("choose", main.pk, abbott.pk), {"company": other.pk})
    page = browser.post(address("mappings_save", main.pk), follow=True).content.decode()
    assert main.mappings.present().get().company == others[1]
    [undo] = undo_buttons(page)
    browser.post(undo)
    back, kept = MappingProposal.objects.get(), ("company_id", "confidence", "reasons", "tier", "match_kind")
    assert [getattr(back, name) for name in kept] == [getattr(suggestion, name) for name in kept]
    assert (back.kind, back.selected, back.replaced) == ("suggested", False, None)


def test_suggestions_come_back_where_nothing_was_decided_since(
    main: IntegrationInstance, abbott: Organization, owner: User, member: User, reader: User
) -> None:
    other, company = make_instance("Other"), main.companies.get()
    common = {"organization": abbott, "company": company, "kind": "suggested", "tier": "sure"}
    before = [
        MappingProposal.objects.create(user=user, instance=main, rivals=[{"id": 7}], **common)
        for user in (owner, member, reader)
    ]
    reject_match(Batch(Actor("marcus", "here", member)), main, abbott, company)
    assert not MappingProposal.objects.exists()
    chosen = MappingProposal.objects.create(
        user=owner, instance=main, organization=abbott, company=company, kind="chosen"
    )
    User.objects.filter(pk=reader.pk).update(is_active=False)
    [event] = AuditEvent.objects.all()
    undo_event(Actor("marcus", "here", member), event.pk)
    there = {row.user: row for row in MappingProposal.objects.all()}
    assert there.keys() == {owner, member}
    assert there[owner] == chosen
    kept = ("company", "kind", "tier", "selected", "confidence", "reasons", "rivals", "seen_version")
    assert [getattr(there[member], name) for name in kept] == [getattr(before[1], name) for name in kept]

    # Mapped meanwhile: nothing is suggested beside the mapping.
    reject_match(Batch(Actor("marcus", "here", member)), main, abbott, company)
    make_mapping(abbott, make_company(other, 55, "Abbott"))
    undo_event(Actor("marcus", "here", member), AuditEvent.objects.latest("pk").pk)
    assert [row.kind for row in MappingProposal.objects.all()] == ["chosen"]


def test_what_changed_nothing_offers_no_undo(
    main: IntegrationInstance, abbott: Organization, member: User, client_of: Signed
) -> None:
    browser = client_of(member)
    ignore = address("ignore", main.pk, abbott.pk)
    assert [len(press(browser, ignore, {"ignored": "1"})) for _ in range(2)] == [1, 0]


def test_nobody_is_offered_what_others_must_undo(reader: User, client_of: Signed) -> None:
    reader.user_permissions.add(Permission.objects.get(codename="add_organization"))
    values = {"name": "Calloway", "is_active": "on"}
    assert press(client_of(reader), reverse("integrations:organization_add"), values) == []
    assert Organization.objects.filter(name="Calloway").exists()


def test_the_filter_and_the_schedule_can_be_taken_back(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    browser = client_of(member)
    rows: dict[str, object] = {
        "filters-TOTAL_FORMS": "1", "filters-INITIAL_FORMS": "0",
        "filters-0-field": "companyType", "filters-0-operation": "eq", "filters-0-value": "1",
    }  # fmt: skip
    [undo] = press(browser, address("filters_save", main.pk), rows)
    assert CompanyFilter.objects.count() == 1
    press(browser, undo)
    assert CompanyFilter.objects.count() == 0

    hours = main.refresh_every_hours
    values: dict[str, object] = {"refresh_every_hours": hours + 5, "check_daily": "on"}
    [undo] = press(browser, address("schedule_save", main.pk), values)
    main.refresh_from_db()
    assert main.refresh_every_hours == hours + 5
    press(browser, undo)
    main.refresh_from_db()
    assert main.refresh_every_hours == hours


def test_organizations_can_be_taken_back(owner: User, abbott: Organization, client_of: Signed) -> None:
    browser = client_of(owner)
    [undo] = press(browser, reverse("integrations:organization_delete", args=[abbott.pk]))
    abbott.refresh_from_db()
    assert abbott.deleted_at is not None
    press(browser, undo)
    abbott.refresh_from_db()
    assert abbott.deleted_at is None

    values = {"name": "Abbott & Sons", "is_active": "on", "seen": abbott.updated_at.isoformat()}
    [undo] = press(browser, reverse("integrations:organization_edit", args=[abbott.pk]), values)
    abbott.refresh_from_db()
    assert abbott.name == "Abbott & Sons"
    press(browser, undo)
    abbott.refresh_from_db()
    assert abbott.name == "Abbott Dental Care"
