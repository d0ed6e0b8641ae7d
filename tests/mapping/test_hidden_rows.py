"""Rows that the mapping table does not show are neither counted, ticked nor saved, at any door."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import (
    AuditEvent,
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    Right,
)
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch
from integrations.services.companies.filters import preview_filters
from integrations.services.mapping.counts import table_counts
from integrations.services.mapping.review import ReviewQueue
from integrations.services.mapping.rows import RowState, TableQuery
from integrations.services.mapping.table import mapping_table, row_states
from integrations.services.organizations.edit import delete_organization
from integrations.services.read_api.tokens import TokenSpec, create_token
from tests.conftest import make_user
from tests.mapping.test_counts import disorder
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import actor_of, make_organization, map_to
from tests.support.sweeps import first_few

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
HIDDEN = ("inactive", "elsewhere", "deleted", "merged", "locked", "ignored")


@dataclass
class Desk:
    """A person before a table in which one ticked suggestion is shown, and one of each kind is not."""

    main: IntegrationInstance
    rows: dict[str, Organization]
    person: User
    browser: Client

    def at(self, name: str, **values: object) -> str:
        """An address of the configuration."""
        return reverse(f"integrations:{name}", kwargs={"psa": "autotask", "pk": self.main.pk, **values})

    def page(self, **query: str) -> str:
        """The setup page."""
        return self.browser.get(self.at("setup"), query).content.decode()

    def ticked(self, **query: str) -> set[str]:
        """The organizations whose rows are ticked on the page."""
        boxes = re.findall(r"<input[^>]*name=\"ticked\"[^>]*>", self.page(size="200", **query))
        keys = {re.findall(r'value="(\d+)"', box)[0] for box in boxes if re.search(r"\schecked\b", box)}
        return {name for name, row in self.rows.items() if str(row.pk) in keys}

    def save(self, *ticked: str) -> list[str]:
        """Press Save Mappings on a page that showed these rows ticked; the messages that follow."""
        keys = [self.rows[name].pk for name in ticked]
        self.browser.cookies.pop("messages", None)  # those of before were read
        return said(self.browser.post(self.at("mappings_save"), {"shown": keys, "ticked": keys}))

    def mapped(self) -> set[str]:
        """The organizations that are mapped here and not deleted."""
        here = self.main.mappings.filter(removed_at=None, organization__deleted_at=None)
        return set(here.values_list("organization__name", flat=True))


def said(response: Any) -> list[str]:
    """The messages that the next page will show."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def suggest(user: User, organization: Organization, company: Company, **values: Any) -> MappingProposal:
    """A sure suggestion, ticked."""
    usual = {"tier": "sure", "confidence": 0.97, "reasons": ["same name"], "selected": True}
    return MappingProposal.objects.create(
        user=user,
        instance=company.instance,
        organization=organization,
        company=company,
        kind="suggested",
        **(usual | values),
    )


@pytest.fixture(params=["Owners", "Members"])
def desk(request: pytest.FixtureRequest, client_of: Callable[[User], Client]) -> Desk:
    person = make_user("pat", request.param)
    main = make_instance("Main", is_default=True, last_full_read_at=timezone.now())
    other = make_instance("Other")
    rows = {name: make_organization(name) for name in ("shown", *HIDDEN)}
    for number, row in enumerate(rows.values()):
        suggest(person, row, make_company(main, 100 + number, f"{row.name} company"))
    there = make_company(other, 900, "There")
    make_mapping(rows["locked"], there)
    make_mapping(rows["elsewhere"], there)
    Organization.objects.filter(name__in=["inactive", "elsewhere"]).update(is_active=False)
    Organization.objects.filter(name__in=["deleted", "merged"]).update(deleted_at=timezone.now())
    Organization.objects.filter(name="merged").update(merged_into=rows["shown"])
    IgnoredOrganization.objects.create(organization=rows["ignored"], psa="autotask")
    for row in rows.values():
        row.refresh_from_db()
    return Desk(main, rows, person, client_of(person))


# --- the page -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", first_few(["", *RowState], 3))
def test_no_hidden_row_is_ticked_on_any_tab(desk: Desk, state: str) -> None:
    shows_it = state in {"", RowState.SUGGESTED, RowState.UNMAPPED}
    assert desk.ticked(state=state) == ({"shown"} if shows_it else set())


def test_the_bar_and_the_buttons_count_what_the_table_shows(desk: Desk) -> None:
    page = desk.page()
    bar = page[page.index('id="action-bar"') :]
    assert re.search(r"<strong>Not saved yet:</strong>\s*1 new\s*</p>", bar)
    assert "Select all sure (1)" in page
    assert table_counts(desk.main, desk.person).states == {
        RowState.SUGGESTED: 1,
        RowState.ELSEWHERE: 1,
        RowState.IGNORED: 1,
    }
    tick = desk.browser.post(desk.at("mappings_select_row"), {"shown": [desk.rows["inactive"].pk]})
    assert re.search(r"</strong>\s*1 new\s*</p>", tick.content.decode())


def test_the_filters_choose_what_their_rows_show(desk: Desk) -> None:
    """A suggestion that a row does not show is no reason to find the row."""
    Company.objects.filter(name__in=["locked company", "shown company"]).update(company_type=3)

    def found(**query: Any) -> list[str]:
        table = mapping_table(desk.main, desk.person, TableQuery(**query))
        return [row.name for row in table.page.object_list]

    assert found(tier="sure") == ["shown"]
    assert found(company_type=3) == ["shown"]
    assert found(text="locked company") == []
    assert found(text="There") == ["locked"]
    assert found(sort="confidence") == ["shown", "locked"]


def test_a_locked_row_offers_its_suggestion_to_who_moves_it(desk: Desk) -> None:
    locked = desk.rows["locked"]
    assert "Move here…</a>" in desk.page(state="elsewhere")
    Company.objects.filter(name="locked company").update(name="Quite Another Name")
    choices = desk.browser.get(desk.at("choose", organization_id=locked.pk), {"move": "1"})
    assert "Quite Another Name" in choices.content.decode()


# --- ticking and saving ---------------------------------------------------------------------------------


def test_save_mappings_saves_what_is_shown_and_says_what_was_lost_meanwhile(desk: Desk) -> None:
    """The page was drawn before a colleague took the other rows from the table."""
    before = list(MappingProposal.objects.exclude(organization=desk.rows["shown"]).values("pk", "selected"))

    messages = desk.save("shown", *HIDDEN)

    assert desk.mapped() == {"shown"}
    assert sorted(messages) == [
        "Mappings saved: 1 new.",
        "deleted was not saved. It was deleted meanwhile. Restore it first if it should be mapped.",
        "elsewhere was not saved. It was set inactive meanwhile. Set it active first if it should be mapped.",
        "ignored was not saved. It is ignored meanwhile. Restore it first if it should be mapped.",
        "inactive was not saved. It was set inactive meanwhile. Set it active first if it should be mapped.",
        "locked was not saved. It is mapped in “Other” now. Use “Move here” to take it over.",
        "merged was not saved. It was merged into “shown” meanwhile. Map that one instead.",
    ]
    kept = MappingProposal.objects.exclude(organization=desk.rows["shown"]).values("pk", "selected")
    assert list(kept) == before  # nothing is thrown away


def test_what_no_page_showed_ticked_is_not_told_at_every_save(desk: Desk) -> None:
    assert desk.save("shown") == ["Mappings saved: 1 new."]
    assert desk.save() == ["Nothing was saved: nothing was ticked or changed."]
    pressed_twice = "Nothing was saved here: the 1 ticked row was saved or discarded already, in another tab."
    assert desk.save("shown") == [pressed_twice]


def test_accept_all_sure_ticks_as_many_as_it_says(desk: Desk) -> None:
    MappingProposal.objects.update(selected=False)
    [chosen] = re.findall(
        r'name="chosen" value="([^"]*)"><button[^>]*>Select all sure \(1\)', desk.page().replace("&amp;", "&")
    )
    [message] = said(desk.browser.post(desk.at("mappings_select_all"), {"chosen": chosen, "ticked": "1"}))
    assert message == "1 row selected, on all pages. Nothing is saved yet."
    assert [each.organization.name for each in MappingProposal.objects.filter(selected=True)] == ["shown"]
    desk.save()
    assert desk.mapped() == {"shown"}


@pytest.mark.parametrize("chosen", ["", "tier=sure", "state=ignored", "state=elsewhere", "q=company"])
def test_selecting_all_that_match_ticks_no_hidden_row(desk: Desk, chosen: str) -> None:
    MappingProposal.objects.update(selected=False)
    desk.browser.post(desk.at("mappings_select_all"), {"chosen": chosen, "ticked": "1"})
    ticked = {each.organization.name for each in MappingProposal.objects.filter(selected=True)}
    assert ticked <= {"shown"}
    number = table_counts(desk.main, desk.person).pending["all"]
    assert number == len(ticked)


def test_a_hidden_row_can_be_unticked_but_not_ticked(desk: Desk) -> None:
    keys = [row.pk for row in desk.rows.values()]
    desk.browser.post(desk.at("mappings_select_row"), {"shown": keys})
    assert not MappingProposal.objects.filter(selected=True).exists()
    desk.browser.post(desk.at("mappings_select_row"), {"shown": keys, "ticked": keys})
    assert [each.organization.name for each in MappingProposal.objects.filter(selected=True)] == ["shown"]


def test_select_none_counts_the_shown_and_leaves_nothing_ticked(desk: Desk) -> None:
    [message] = said(desk.browser.post(desk.at("mappings_select_all"), {"chosen": "", "ticked": "0"}))
    assert message == "1 row no longer selected, on all pages. Nothing is saved yet."
    assert not MappingProposal.objects.filter(selected=True).exists()


def test_a_choice_by_hand_is_hidden_with_its_row_too(desk: Desk) -> None:
    row = make_organization("by hand")
    choose(desk.person, row, make_company(desk.main, 300, "By hand"))
    assert table_counts(desk.main, desk.person).pending["new"] == 2
    Organization.objects.filter(pk=row.pk).update(is_active=False)
    assert table_counts(desk.main, desk.person).pending["new"] == 1
    desk.save("shown")
    assert desk.mapped() == {"shown"}


def test_an_inactive_organization_keeps_its_row_where_it_is_mapped(desk: Desk) -> None:
    """It can be cleared or mapped otherwise there; once cleared, it has no row and no second wish."""
    row = make_organization("leaving", is_active=False)
    make_mapping(row, make_company(desk.main, 301, "Leaving"))
    desk.rows["leaving"] = row
    desk.browser.post(desk.at("choose", organization_id=row.pk), {"company": ""})
    assert desk.ticked() == {"shown", "leaving"}
    assert table_counts(desk.main, desk.person).pending["removed"] == 1
    assert desk.save("shown", "leaving") == ["Mappings saved: 1 new, 1 removed."]
    assert desk.mapped() == {"shown"}
    assert desk.browser.get(desk.at("choose", organization_id=row.pk)).status_code == 404


def test_who_is_active_again_finds_the_proposal_as_it_was_left(desk: Desk) -> None:
    """Nothing is deleted: the row is back with its suggestion and its tick, in sight and counted."""
    inactive = desk.rows["inactive"]
    desk.save("shown")
    address = reverse("integrations:organization_edit", args=[inactive.pk])
    form = desk.browser.get(address).context["form"]
    values = {name: form[name].value() for name in form.fields if form[name].value() not in {None, False}}
    answer = desk.browser.post(address, {**values, "is_active": "on"})
    assert answer.status_code == 302
    inactive.refresh_from_db()
    assert inactive.is_active

    assert desk.ticked() == {"inactive"}
    assert table_counts(desk.main, desk.person).pending["all"] == 1
    assert desk.save("inactive") == ["Mappings saved: 1 new."]
    assert desk.mapped() == {"shown", "inactive"}


def test_who_is_no_longer_ignored_finds_the_proposal_again(desk: Desk) -> None:
    address = desk.at("ignore", organization_id=desk.rows["ignored"].pk)
    desk.browser.post(address, {"ignored": "0"})
    assert desk.ticked() == {"shown", "ignored"}


# --- review mode ----------------------------------------------------------------------------------------


def test_the_review_leads_through_shown_rows_alone(desk: Desk) -> None:
    assert ReviewQueue.read(desk.main, desk.person, TableQuery()).ids == [desk.rows["shown"].pk]
    page = desk.browser.get(desk.at("review"), {"state": "suggested", "tier": "sure"}).content.decode()
    assert "1 of 1 open rows" in page
    for name in ("inactive", "elsewhere", "deleted", "merged"):
        row = desk.rows[name]
        assert desk.browser.get(desk.at("review"), {"organization": row.pk}).status_code == 404
        address = desk.at("review_decide", organization_id=row.pk)
        assert desk.browser.post(address, {"decision": "accept"}).status_code == 404
    assert desk.mapped() == set()


def test_review_buttons_lead_to_as_many_rows_as_they_say(desk: Desk) -> None:
    """A suggestion for a row that a colleague has mapped meanwhile is no longer one to look through."""
    MappingProposal.objects.update(tier="likely")
    overtaken = make_organization("overtaken")
    suggest(desk.person, overtaken, make_company(desk.main, 302, "Overtaken"), tier="likely")
    make_mapping(overtaken, make_company(desk.main, 303, "Theirs"))
    [address] = re.findall(r'href="([^"]*)">Review likely \(1\)', desk.page())
    assert "1 of 1 open rows" in desk.browser.get(address.replace("&amp;", "&")).content.decode()


def test_a_locked_row_is_not_taken_over_from_the_review(desk: Desk) -> None:
    locked = desk.rows["locked"]
    company = Company.objects.get(name="locked company")
    address = desk.at("review_decide", organization_id=locked.pk)
    answer = desk.browser.post(address, {"decision": "accept", "company": company.pk}, headers=HTMX)
    assert "locked is mapped in “Other” now." in answer.content.decode()
    assert desk.mapped() == set()


def test_who_maps_an_ignored_row_after_all_has_chosen_it_by_hand(desk: Desk) -> None:
    company = Company.objects.get(name="ignored company")
    address = desk.at("review_decide", organization_id=desk.rows["ignored"].pk)
    desk.browser.post(address, {"decision": "accept", "company": company.pk}, headers=HTMX)
    assert OrganizationMapping.objects.get(instance=desk.main).source == "chosen"


# --- the home page, other pages, commands, programs -----------------------------------------------------


def test_the_home_page_counts_what_the_table_shows(desk: Desk) -> None:
    for name in ("deleted", "merged"):
        make_mapping(desk.rows[name], Company.objects.get(name=f"{name} company"))
    page = desk.browser.get("/").content.decode()
    card = page[page.index(">Main</a>") : page.index(">Other</a>")]
    numbers = dict(re.findall(r'class="coverage-(\w+)"><th.*?</th><td>(\d+)</td>', card))
    assert numbers == {"mapped": "0", "review": "0", "unmapped": "1", "ignored": "1", "elsewhere": "2"}
    assert "1 organization has a company in no configuration yet" in card


def test_a_mapping_of_a_deleted_organization_is_no_first_mapping(desk: Desk) -> None:
    OrganizationMapping.objects.all().delete()
    make_mapping(desk.rows["deleted"], Company.objects.get(name="deleted company"))
    assert "On the way to the first mapping" in desk.browser.get("/").content.decode()


def test_no_page_names_or_counts_a_mapping_of_a_deleted_organization(desk: Desk, owner: User) -> None:
    company = Company.objects.get(name="deleted company")
    make_mapping(desk.rows["deleted"], company)
    make_mapping(desk.rows["shown"], company)
    table = mapping_table(desk.main, desk.person, TableQuery(warning="shared"))
    assert list(table.page.object_list) == []
    assert "shared" not in table.warnings
    OrganizationMapping.objects.filter(organization=desk.rows["shown"]).delete()

    choices = desk.browser.get(
        desk.at("choose", organization_id=desk.rows["shown"].pk), {"q": "deleted company"}, headers=HTMX
    ).content.decode()
    assert "deleted company" in choices
    assert "mapped to" not in choices
    window = Client()
    window.force_login(owner)
    assert "<strong>0 mappings</strong>" in window.get(desk.at("instance_delete")).content.decode()
    [message] = said(window.post(desk.at("instance_delete"), {"name": "Main"}))
    assert "was deleted with 0 mappings" in message
    assert "is back with 0 mappings" in said(window.post(desk.at("instance_restore")))[-1]
    assert OrganizationMapping.objects.filter(company=company, removed_at=None).exists()


def test_a_company_of_a_deleted_organization_is_free_and_drops_out_of_no_filter(
    refreshed: IntegrationInstance, owner: User, client_of: Callable[[User], Client]
) -> None:
    gone = make_organization("Gone Dental")
    map_to(owner, refreshed, gone, 101)
    delete_organization(Batch(actor_of(owner)), gone)
    window = client_of(owner)
    missing = reverse("integrations:missing", args=["autotask", refreshed.pk])
    page = window.get(missing, {"q": "Abbott Dental"}).content.decode()
    assert "It is among the options and can be chosen." in page
    vendors = [FilterCondition("companyType", "eq", 7)]
    found = preview_filters(refreshed, vendors)
    assert (found.mapped, found.dropped) == (0, ())


def test_the_command_applies_suggestions_to_shown_rows_alone(desk: Desk) -> None:
    Company.objects.all().update(city="Dayton")
    Organization.objects.update(city="Dayton")
    for name, row in desk.rows.items():
        Organization.objects.filter(pk=row.pk).update(name=f"{name} harbour dental")
        Company.objects.filter(name=f"{name} company").update(name=f"{name} harbour dental")
    told = io.StringIO()
    call_command("suggest_mappings", "--instance", "Main", "--apply", "--min-tier", "likely", stdout=told)
    assert "1 organizations: " in told.getvalue()
    assert desk.mapped() == {"shown harbour dental"}


def test_what_a_command_ignores_is_saved_by_nobody(desk: Desk, tmp_path: Path) -> None:
    """An imported "ignored" leaves the suggestions of other people where they are."""
    file = tmp_path / "ignored.csv"
    file.write_text("name,instance,company_id,source\nshown,Main,,ignored\n", encoding="utf-8")
    call_command("import_mappings", str(file), stdout=io.StringIO())
    assert IgnoredOrganization.objects.filter(organization=desk.rows["shown"]).exists()
    assert table_counts(desk.main, desk.person).pending["all"] == 0
    assert desk.ticked(state="ignored") == set()
    desk.save()
    assert desk.mapped() == set()


def test_programs_read_what_the_table_shows(desk: Desk, settings: Any) -> None:
    """The read API, its changes, the figures and the export know no mapping of a hidden row."""
    settings.METRICS_TOKEN = "a-token-of-the-monitoring"
    monitoring = Client(headers={"Authorization": "Bearer a-token-of-the-monitoring"})
    desk.save("shown", *HIDDEN)
    make_mapping(desk.rows["deleted"], Company.objects.get(name="deleted company"))
    rights = (Right.MAPPINGS, Right.ORGANIZATIONS)
    _, plain = create_token(
        Batch(actor_of(desk.person)), TokenSpec("billing", rights, [desk.main], for_portal=True)
    )
    program = Client(headers={"Authorization": f"Bearer {plain}"})

    def names(path: str, **query: int) -> set[str]:
        items = json.loads(program.get(f"/api/v1/{path}", query).content)["items"]
        return {item.get("name") or item["organization"]["name"] for item in items}

    assert names("mappings", instance=desk.main.pk) == {"shown"}
    assert names("organizations") == {"shown"}
    saved = AuditEvent.objects.filter(target_type="mapping", instance=desk.main)
    assert [event.target_name for event in saved] == ["shown"]
    figures = monitoring.get("/metrics").content.decode()
    assert re.search(r'portal_mappings{[^}]*instance="Main"[^}]*} 1\n', figures)
    told = io.StringIO()
    call_command("export_mappings", "--instance", "Main", "--format", "json", stdout=told)
    assert {row["name"] for row in json.loads(told.getvalue()) if row["company_id"]} == {"shown"}


# --- any portal -----------------------------------------------------------------------------------------


def shown_ticks(instance: IntegrationInstance, user: User) -> set[int]:
    """The organizations with a tick on any page of any tab, as the rows tell it."""
    ticks = set()
    for state in ("", *RowState):
        for row in mapping_table(instance, user, TableQuery(state=state, size=200)).page.object_list:
            proposal: Any = row.proposal  # type: ignore[attr-defined]
            is_answer = proposal and (proposal.kind != "suggested" or proposal.company_id)
            if is_answer and proposal.selected:
                ticks.add(row.pk)
    return ticks


def test_the_rule_names_the_rows_that_the_table_shows() -> None:
    instance = disorder(1, [])
    with_row = set(Organization.objects.with_row(instance.pk, instance.psa).values_list("pk", flat=True))
    assert 0 < len(with_row) < Organization.objects.count()
    assert with_row == {row.pk for row in row_states(instance, make_user("marcus"), TableQuery())}


@pytest.mark.parametrize("seed", first_few(range(6)))
def test_as_many_rows_are_saved_as_are_counted_and_shown_ticked(seed: int) -> None:
    """After any inactivations, deletions, merges, ignores and mappings elsewhere."""
    users = [make_user("marcus", "Members"), make_user("olivia", "Owners")]
    instance = disorder(seed, users)
    dice = random.Random(seed)
    for user in users:
        for organization in Organization.objects.all():
            if dice.random() < 0.2:
                organization.is_active = not organization.is_active
                organization.save()
        for pk in dice.sample(list(Organization.objects.present().values_list("pk", flat=True)), 4):
            Organization.objects.filter(pk=pk).update(deleted_at=timezone.now())
        ticks = shown_ticks(instance, user)
        mappings = OrganizationMapping.objects.filter(psa=instance.psa)
        before = {row.organization_id: row.version for row in mappings}
        assert table_counts(instance, user).pending["all"] == len(ticks)
        outcome = save(user, instance)

        told = {conflict.organization.pk for conflict in outcome.conflicts}
        written = {
            row.organization_id for row in mappings.all() if before.get(row.organization_id, 0) != row.version
        }
        assert written <= ticks
        assert told <= ticks - written
        assert outcome.saved == len(written)
        assert outcome.saved + outcome.unchanged + len(told) == len(ticks)
