"""Repairs in the admin: audited, versioned, undoable, never a hard deletion."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import (
    ApiToken,
    AuditEvent,
    Company,
    IgnoredOrganization,
    IntegrationInstance,
    Job,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
    Right,
)
from integrations.services.audit import Batch
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.history.undo import undo_batch
from integrations.services.jobs import run as jobs
from integrations.services.mapping import assign, proposals
from integrations.services.organizations.edit import delete_organization
from integrations.services.read_api.tokens import TokenSpec, create_token
from integrations.services.suggestions.decisions import ignore_organization, reject_match
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from integrations.tasks import enqueue_refresh
from tests.support.simulated import SECRET, actor_of, company_of, make_organization, map_to


def address(model: type[models.Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:integrations_{model._meta.model_name}_{page}", args=arguments)


def form_of(desk: Client, where: str) -> dict[str, Any]:
    """What the page's form would send if nothing was typed."""
    response = desk.get(where)
    assert response.status_code == 200
    form = response.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def send(desk: Client, where: str, **changes: Any) -> Any:
    """Open the page, change something, press Save."""
    return desk.post(where, form_of(desk, where) | changes)


def press(
    desk: Client, model: type[models.Model], action: str, *rows: models.Model, shown: str = "", **more: Any
) -> Any:
    """Tick rows of a list (``shown`` narrows it) and press an action; the page that follows."""
    values = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return desk.post(address(model, "changelist") + shown, values, follow=True)


def told(response: Any) -> list[str]:
    """The messages on the page."""
    return [str(message) for message in response.context["messages"]]


def errors_of(response: Any) -> str:
    """What the form refuses."""
    assert response.status_code == 200, "it was saved"
    return str(response.context["errors"])


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


# --- organizations ------------------------------------------------------------------------------------------


def test_an_organization_is_added_and_changed_through_the_service(desk: Client, superuser: User) -> None:
    added = desk.post(
        address(Organization, "add"),
        {"name": "  Kestrel   Aviation ", "domain": "https://www.kestrel.example/start", "is_active": "on"},
    )
    assert added.status_code == 302
    organization = Organization.objects.get()
    assert (organization.name, organization.domain) == ("Kestrel Aviation", "kestrel.example")
    event = last_event()
    assert (event.action, event.actor, event.origin) == ("organization added", superuser, "127.0.0.1")

    where = address(Organization, "change", organization.pk)
    assert send(desk, where, city="Xenia").status_code == 302
    event = last_event()
    assert event.action == "organization changed"
    assert (event.before or {})["city"] == ""
    assert (event.after or {})["city"] == "Xenia"


def test_an_organization_that_changed_meanwhile_is_not_overwritten(desk: Client) -> None:
    organization = make_organization("Kestrel")
    where = address(Organization, "change", organization.pk)
    seen = form_of(desk, where)
    organization.city = "Lima"
    organization.save()
    assert "Somebody has changed this organization" in errors_of(desk.post(where, seen | {"city": "Xenia"}))
    organization.refresh_from_db()
    assert organization.city == "Lima"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "   "}, "Enter the name"),
        ({"domain": "not a domain"}, "Domain must look like example.com"),
        ({"phone": "=1+1"}, "Phone must be a telephone number"),
        ({"external_id": "7"}, "Another organization has this external id"),
    ],
)
def test_what_an_organization_may_not_hold_is_said_beside_the_field(
    desk: Client, values: dict[str, str], message: str
) -> None:
    make_organization("Taken", external_id="7")
    organization = make_organization("Kestrel")
    assert message in errors_of(send(desk, address(Organization, "change", organization.pk), **values))
    assert not AuditEvent.objects.exists()


def test_deleting_organizations_is_soft_and_can_be_taken_back(desk: Client, superuser: User) -> None:
    one, two = make_organization("One", external_id="1"), make_organization("Two")
    page = desk.get(address(Organization, "delete", one.pk)).content.decode()
    assert "One" in page
    desk.post(address(Organization, "delete", one.pk), {"post": "yes"})
    press(desk, Organization, "delete_selected", two, post="yes")
    assert Organization.objects.present().count() == 0
    assert Organization.objects.count() == 2
    assert [event.action for event in AuditEvent.objects.all()] == ["organization deleted"] * 2

    listed = desk.get(address(Organization, "changelist"), {"deleted": "no"}).content.decode()
    assert ">One<" in listed
    assert ">One<" not in desk.get(address(Organization, "changelist")).content.decode()
    assert 'name="_save"' not in desk.get(address(Organization, "change", one.pk)).content.decode()

    make_organization("Successor", external_id="1")
    answer = press(desk, Organization, "restore", one, two, shown="?deleted=no")
    assert told(answer) == ["One: “Successor” has this external id.", "1 restored."]
    assert set(Organization.objects.present().values_list("name", flat=True)) == {"Two", "Successor"}


def test_organizations_are_made_inactive_and_active_in_bulk(desk: Client) -> None:
    rows = [make_organization("One"), make_organization("Two", is_active=False)]
    assert told(press(desk, Organization, "deactivate", *rows)) == ["1 changed."]
    assert not Organization.objects.filter(is_active=True).exists()
    assert told(press(desk, Organization, "activate", *rows)) == ["2 changed."]
    assert AuditEvent.objects.filter(action="organization changed").count() == 3


# --- mappings -----------------------------------------------------------------------------------------------


def test_a_mapping_is_made_changed_and_removed_and_undo_knows_it(
    desk: Client, superuser: User, refreshed: IntegrationInstance, organizations: dict[str, Organization]
) -> None:
    abbott = organizations["Abbott"]
    first, other = company_of(refreshed, 102), company_of(refreshed, 101)
    add = address(OrganizationMapping, "add")
    assert desk.post(add, {"organization": abbott.pk, "company": first.pk}).status_code == 302
    mapping = OrganizationMapping.objects.get()
    assert (mapping.version, mapping.instance, mapping.psa) == (1, refreshed, "autotask")
    assert (mapping.confirmed_by, mapping.confirmed_name) == (superuser, first.name)

    where = address(OrganizationMapping, "change", mapping.pk)
    assert send(desk, where, company=other.pk).status_code == 302
    mapping.refresh_from_db()
    assert (mapping.company, mapping.version) == (other, 2)
    changed = last_event()

    assert desk.post(address(OrganizationMapping, "delete", mapping.pk), {"post": "yes"}).status_code == 302
    mapping.refresh_from_db()
    assert mapping.removed_at is not None
    assert mapping.version == 3
    actions = ["mapping created", "mapping changed", "mapping removed"]
    assert [
        event.action for event in AuditEvent.objects.filter(target_type="mapping").order_by("pk")
    ] == actions

    assert undo_batch(actor_of(superuser), last_event().batch).restored == 1
    mapping.refresh_from_db()
    assert mapping.company == other
    assert mapping.removed_at is None
    outcome = undo_batch(actor_of(superuser), changed.batch)  # it changed again since
    assert (outcome.restored, outcome.left) == (0, ["Abbott Dental Care"])


def test_saving_without_a_change_changes_nothing(
    desk: Client, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> None:
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    before = AuditEvent.objects.count()
    assert send(desk, address(OrganizationMapping, "change", mapping.pk)).status_code == 302
    mapping.refresh_from_db()
    assert (mapping.version, mapping.confirmed_by) == (1, owner)
    assert AuditEvent.objects.count() == before


def test_a_removed_mapping_comes_back_by_saving_it_and_by_adding_it(
    desk: Client, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> None:
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    press(desk, OrganizationMapping, "delete_selected", mapping, post="yes")
    assert not OrganizationMapping.objects.present().exists()
    assert send(desk, address(OrganizationMapping, "change", mapping.pk)).status_code == 302
    mapping.refresh_from_db()
    assert (mapping.removed_at, mapping.version) == (None, 3)

    press(desk, OrganizationMapping, "delete_selected", mapping, post="yes")
    values = {"organization": organizations["Abbott"].pk, "company": mapping.company_id}
    assert desk.post(address(OrganizationMapping, "add"), values).status_code == 302
    mapping.refresh_from_db()
    assert (mapping.removed_at, mapping.version) == (None, 5)
    assert OrganizationMapping.objects.count() == 1


def test_a_mapping_moves_to_another_configuration(
    desk: Client,
    refreshed: IntegrationInstance,
    second: IntegrationInstance,
    organizations: dict[str, Organization],
    owner: User,
) -> None:
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    where = address(OrganizationMapping, "change", mapping.pk)
    assert send(desk, where, company=company_of(second, 301).pk).status_code == 302
    mapping.refresh_from_db()
    assert mapping.instance == second
    assert last_event().action == "mapping moved"


def test_what_cannot_be_mapped_is_refused_beside_the_field(
    desk: Client, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> None:
    add, abbott = address(OrganizationMapping, "add"), organizations["Abbott"]
    own = {"organization": abbott.pk, "company": company_of(refreshed, 0).pk}
    assert "the MSP itself" in errors_of(desk.post(add, own))

    refreshed.companies.filter(remote_id="105").update(missing_since=timezone.now())
    refreshed.companies.filter(remote_id="106").update(is_pending=True)
    for remote_id in (105, 106):
        absent = {"organization": abbott.pk, "company": company_of(refreshed, remote_id).pk}
        assert "not in Autotask" in errors_of(desk.post(add, absent))

    mapping = map_to(owner, refreshed, abbott, 101)
    again = {"organization": abbott.pk, "company": company_of(refreshed, 102).pk}
    assert "It is mapped already, to Abbott Dental Care, LLC" in errors_of(desk.post(add, again))

    where = address(OrganizationMapping, "change", mapping.pk)
    seen = form_of(desk, where)
    map_to(owner, refreshed, abbott, 103)  # a colleague, meanwhile
    later = desk.post(where, seen | {"company": company_of(refreshed, 104).pk})
    assert "Somebody has changed this mapping" in errors_of(later)

    delete_organization(Batch(actor_of(owner)), organizations["Birchwood"])
    gone = {"organization": organizations["Birchwood"].pk, "company": company_of(refreshed, 102).pk}
    assert "The organization is deleted" in errors_of(desk.post(add, gone))
    mapping.refresh_from_db()
    assert mapping.company.remote_id == "103"


def test_a_change_between_form_and_service_is_told_and_nothing_is_written(
    desk: Client,
    refreshed: IntegrationInstance,
    organizations: dict[str, Organization],
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    where = address(OrganizationMapping, "change", mapping.pk)
    seen = form_of(desk, where)
    clean = assign.set_mapping

    def just_before(*args: Any, **options: Any) -> Any:
        map_to(owner, refreshed, organizations["Abbott"], 103)
        return clean(*args, **options)

    monkeypatch.setattr("integrations.admin.mappings.set_mapping", just_before)
    answer = desk.post(where, seen | {"company": company_of(refreshed, 104).pk}, follow=True)
    assert any("somebody else changed this in the same moment" in text for text in told(answer))


def test_the_service_refuses_what_the_form_would(
    refreshed: IntegrationInstance, organizations: dict[str, Organization], superuser: User
) -> None:
    actor, abbott = actor_of(superuser), organizations["Abbott"]
    with pytest.raises(proposals.CompanyNotOffered):
        assign.set_mapping(Batch(actor), abbott, company_of(refreshed, 0), seen_version=0)
    refreshed.companies.filter(remote_id="105").update(missing_since=timezone.now())
    with pytest.raises(proposals.CompanyNotOffered):
        assign.set_mapping(Batch(actor), abbott, company_of(refreshed, 105), seen_version=0)
    with pytest.raises(ChangedMeanwhile):
        assign.set_mapping(Batch(actor), abbott, company_of(refreshed, 101), seen_version=4)
    delete_organization(Batch(actor), abbott)
    with pytest.raises(assign.OrganizationDeleted):
        assign.set_mapping(Batch(actor), abbott, company_of(refreshed, 101), seen_version=0)
    assert not OrganizationMapping.objects.exists()


def test_a_search_field_offers_what_can_be_mapped_and_tells_twins_apart(
    desk: Client, refreshed: IntegrationInstance, second: IntegrationInstance
) -> None:
    def answers(field: str, term: str) -> list[str]:
        query = {
            "app_label": "integrations",
            "model_name": "organizationmapping",
            "field_name": field,
            "term": term,
        }
        return [each["text"] for each in desk.get(reverse("admin:autocomplete"), query).json()["results"]]

    assert answers("company", "abbott") == [
        "Abbott Dental (id 301, Second)",
        "Abbott Dental Care, LLC (id 101, Main)",
    ]
    assert answers("company", "managed it") == []  # the MSP itself
    refreshed.companies.filter(remote_id="102").update(in_filter=False)
    assert answers("company", "birchwood") == []
    gone = make_organization("Gone")
    make_organization("Gone but another")
    delete_organization(Batch(actor_of(User.objects.get(username="sonja"))), gone)
    assert answers("organization", "gone") == ["Gone but another"]


# --- decisions and unsaved work ----------------------------------------------------------------------------


def test_a_no_and_a_gap_are_taken_back_through_the_service(
    desk: Client, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> None:
    actor, abbott, zephyr = actor_of(owner), organizations["Abbott"], organizations["Zephyr"]
    reject_match(Batch(actor), refreshed, abbott, company_of(refreshed, 101))
    reject_match(Batch(actor), refreshed, abbott, company_of(refreshed, 102))
    ignore_organization(Batch(actor), refreshed, zephyr)
    ignore_organization(Batch(actor), refreshed, abbott)
    one, two = RejectedMatch.objects.order_by("pk")
    desk.post(address(RejectedMatch, "delete", one.pk), {"post": "yes"})
    press(desk, RejectedMatch, "delete_selected", two, post="yes")
    ignored = IgnoredOrganization.objects.order_by("pk")
    desk.post(address(IgnoredOrganization, "delete", ignored[0].pk), {"post": "yes"})
    press(desk, IgnoredOrganization, "delete_selected", ignored[0], post="yes")
    assert not RejectedMatch.objects.exists()
    assert not IgnoredOrganization.objects.exists()
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[-4:]
    assert actions == ["match allowed again"] * 2 + ["organization no longer ignored"] * 2


def test_a_person_can_be_removed_with_their_unsaved_work(
    desk: Client,
    refreshed: IntegrationInstance,
    organizations: dict[str, Organization],
    owner: User,
    member: User,
) -> None:
    mapping = map_to(member, refreshed, organizations["Abbott"], 101)
    proposals.choose_company(member, refreshed, organizations["Birchwood"], company_of(refreshed, 102))
    where = reverse("admin:auth_user_delete", args=[member.pk])
    assert "Unsaved proposals: 1" in re.sub(r"<[^>]+>", "", desk.get(where).content.decode())
    assert desk.post(where, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=member.pk).exists()
    assert not MappingProposal.objects.exists()
    mapping.refresh_from_db()
    assert mapping.removed_at is None
    assert AuditEvent.objects.filter(actor_name="marcus").exists()
    assert desk.get(address(AuditEvent, "changelist")).status_code == 200


# --- instances --------------------------------------------------------------------------------------------


def test_a_configuration_is_renamed_with_an_audit_and_without_touching_its_connection(
    desk: Client, instance: IntegrationInstance, superuser: User
) -> None:
    token = instance.credentials.token
    where = address(IntegrationInstance, "change", instance.pk)
    assert send(desk, where, name="North", description="Ohio").status_code == 302
    instance.refresh_from_db()
    assert (instance.name, instance.description, instance.is_default) == ("North", "Ohio", True)
    assert instance.credentials.token == token
    event = last_event()
    assert (event.action, event.actor, event.instance) == ("instance changed", superuser, instance)
    assert (event.before or {})["name"] == "Main"


def test_typed_in_secrets_and_addresses_are_not_taken(desk: Client, instance: IntegrationInstance) -> None:
    token = instance.credentials.token
    where = address(IntegrationInstance, "change", instance.pk)
    values = {
        "credentials": "x",
        "secret": "x",
        "username": "x",
        "api_url": "https://evil.example/",
        "zone": "x",
    }
    assert send(desk, where, **values).status_code == 302
    after = IntegrationInstance.objects.get()
    assert after.credentials.token == token
    assert (after.username, after.api_url, after.zone) == (instance.username, instance.api_url, instance.zone)


def test_the_default_moves_and_is_not_simply_given_up(
    desk: Client, refreshed: IntegrationInstance, second: IntegrationInstance
) -> None:
    assert send(desk, address(IntegrationInstance, "change", second.pk), is_default="on").status_code == 302
    assert list(IntegrationInstance.objects.filter(is_default=True)) == [second]
    event, other = AuditEvent.objects.filter(action="instance changed").order_by("-pk")[:2]
    assert {event.instance, other.instance} == {refreshed, second}
    assert event.batch == other.batch

    where = address(IntegrationInstance, "change", second.pk)
    values = form_of(desk, where)
    del values["is_default"]
    filled_event_count = AuditEvent.objects.count()
    assert desk.post(where, values).status_code == 302
    assert AuditEvent.objects.count() == filled_event_count
    assert list(IntegrationInstance.objects.filter(is_default=True)) == [second]


def test_a_taken_name_and_an_older_page_are_refused(
    desk: Client, refreshed: IntegrationInstance, second: IntegrationInstance
) -> None:
    where = address(IntegrationInstance, "change", second.pk)
    assert "Another configuration has this name" in errors_of(send(desk, where, name="MAIN"))
    seen = form_of(desk, where)
    IntegrationInstance.objects.filter(pk=second.pk).update(name="South")
    assert "Somebody has changed this configuration" in errors_of(desk.post(where, seen | {"name": "West"}))


def test_deleting_a_configuration_keeps_it_restorable(
    desk: Client, refreshed: IntegrationInstance, organizations: dict[str, Organization], owner: User
) -> None:
    mapping = map_to(owner, refreshed, organizations["Abbott"], 101)
    where = address(IntegrationInstance, "delete", refreshed.pk)
    assert desk.get(where).status_code == 200
    answer = desk.post(where, {"post": "yes"}, follow=True)
    assert "“Main” can be restored for 30 days, with its mappings (1)." in told(answer)
    refreshed.refresh_from_db()
    assert refreshed.deleted_at is not None
    assert not OrganizationMapping.objects.present().exists()
    assert Company.objects.filter(instance=refreshed).exists()

    answer = press(desk, IntegrationInstance, "restore", refreshed, shown="?deleted=no")
    assert told(answer) == ["Main: restored. Mappings that came back: 1; elsewhere by now: 0."]
    mapping.refresh_from_db()
    assert mapping.removed_at is None


def test_validating_says_what_was_found(
    desk: Client, instance: IntegrationInstance, simulator: Simulator, tenant: Tenant
) -> None:
    answer = press(desk, IntegrationInstance, "validate", instance)
    assert told(answer) == ["Main: the connection works."]
    tenant.secret = "another one"
    answer = press(desk, IntegrationInstance, "validate", instance)
    (text,) = told(answer)
    assert text.startswith("Main: Credentials accepted.")
    assert SECRET not in answer.content.decode()
    instance.refresh_from_db()
    assert instance.status == IntegrationInstance.Status.REFUSED


def test_refreshing_queues_one_job(desk: Client, instance: IntegrationInstance, superuser: User) -> None:
    press(desk, IntegrationInstance, "refresh", instance)
    press(desk, IntegrationInstance, "refresh", instance)
    job = Job.objects.get()
    assert (job.state, job.created_by) == (Job.State.WAITING, superuser)


# --- tokens and jobs ----------------------------------------------------------------------------------------


def test_jobs_are_cancelled_and_tried_again(
    desk: Client, instance: IntegrationInstance, superuser: User
) -> None:
    waiting = enqueue_refresh(instance, None, full=True, accept_shrink=True)
    assert told(press(desk, Job, "cancel", waiting)) == ["1 asked to stop."]
    waiting.refresh_from_db()
    assert waiting.state == Job.State.CANCELLED
    assert told(press(desk, Job, "cancel", waiting)) == ["0 asked to stop."]

    press(desk, Job, "try_again", waiting)
    again = Job.objects.latest("pk")
    assert again != waiting
    assert (again.state, again.created_by) == (Job.State.WAITING, superuser)
    assert again.options["full"] is True
    assert again.options["accept_shrink"] is False

    assert jobs.claim(again.key) is not None
    assert told(press(desk, Job, "cancel", again)) == ["1 asked to stop."]
    again.refresh_from_db()
    assert (again.state, again.cancel_requested) == (Job.State.RUNNING, True)
    assert "still open" in told(press(desk, Job, "try_again", again))[0]
    assert Job.objects.count() == 2


def test_a_token_is_revoked(desk: Client, superuser: User) -> None:
    wish = TokenSpec("Report", (Right.MAPPINGS,))
    token, plain = create_token(Batch(actor_of(superuser)), wish)
    assert told(press(desk, ApiToken, "revoke", token)) == ["1 revoked."]
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert last_event().action == "token revoked"
    assert plain not in desk.get(address(ApiToken, "change", token.pk)).content.decode()


def test_the_audit_shows_what_changed_and_leads_to_the_row(
    desk: Client, instance: IntegrationInstance
) -> None:
    send(desk, address(IntegrationInstance, "change", instance.pk), description="Ohio")
    event = last_event()
    page = desk.get(address(AuditEvent, "change", event.pk)).content.decode()
    first_row = re.sub(r"\s+", "", page.split("<tbody>")[1].split("</tr>")[0])
    assert first_row == "<tr><td>Description</td><td></td><td>Ohio</td>"
    assert address(IntegrationInstance, "change", instance.pk) in page
    narrowed = desk.get(address(AuditEvent, "changelist"), {"batch__exact": str(event.batch)})
    assert narrowed.context["cl"].result_count == 1
