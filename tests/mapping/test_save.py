"""Choosing, saving and taking back: nothing is overwritten unseen, and everything is in the audit."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
)
from integrations.models.bases import AppendOnlyError
from integrations.models.mappings import MappingSource
from integrations.services.audit import Batch
from integrations.services.history import undo as undoing
from integrations.services.instances.delete import delete_instance
from integrations.services.mapping import proposals
from tests.support.properties import examples
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import actor_of, make_organization, table_contents


@pytest.fixture
def there(other: IntegrationInstance) -> Company:
    """A company of the second configuration."""
    return make_company(other, 301, "Abbott Dental")


@pytest.fixture
def dental(db: None) -> Organization:
    """An organization."""
    return make_organization("Abbott Dental Care")


@pytest.fixture
def colleague(db: None) -> User:
    """Somebody else who maps."""
    return User.objects.create_user("carla")


def mapping_of(organization: Organization) -> OrganizationMapping | None:
    return OrganizationMapping.objects.filter(organization=organization, removed_at=None).first()


def values_of(mapping: OrganizationMapping | None) -> dict[str, Any] | None:
    """What an undo has to bring back: everything but the version, which only grows."""
    return {**mapping.snapshot(), "version": None} if mapping else None


# --- choosing -----------------------------------------------------------------------------------------


def test_choosing_writes_no_mapping(
    main: IntegrationInstance, abbott: Company, dental: Organization, member: User
) -> None:
    choose(member, dental, abbott)
    assert not OrganizationMapping.objects.exists()
    proposal = MappingProposal.objects.get()
    assert (proposal.kind, proposal.selected, proposal.seen_version) == ("chosen", True, 0)


def test_choosing_what_is_saved_takes_the_note_away(
    main: IntegrationInstance, abbott: Company, birchwood: Company, dental: Organization, member: User
) -> None:
    make_mapping(dental, abbott)
    choose(member, dental, birchwood)
    choose(member, dental, abbott)
    assert not MappingProposal.objects.exists()


def test_clearing_what_is_not_mapped_is_nothing(
    main: IntegrationInstance, dental: Organization, member: User
) -> None:
    assert proposals.choose_company(member, main, dental, None) is None
    assert not MappingProposal.objects.exists()


def test_companies_that_are_no_option_are_refused(
    main: IntegrationInstance, there: Company, dental: Organization, member: User
) -> None:
    own = make_company(main, 0, "Northwind Managed IT")
    pending = make_company(main, 103, "Half read", is_pending=True)
    for company in (own, pending, there):
        with pytest.raises(proposals.CompanyNotOffered):
            proposals.choose_company(member, main, dental, company)
    assert not MappingProposal.objects.exists()


def test_a_choice_is_personal(
    main: IntegrationInstance, abbott: Company, dental: Organization, member: User, colleague: User
) -> None:
    choose(member, dental, abbott)
    assert save(colleague, main).saved == 0
    assert not OrganizationMapping.objects.exists()


def test_an_organization_mapped_elsewhere_is_locked_until_it_is_moved(
    main: IntegrationInstance, abbott: Company, there: Company, dental: Organization, member: User
) -> None:
    make_mapping(dental, there)
    with pytest.raises(proposals.OrganizationElsewhere, match="Other"):
        choose(member, dental, abbott)
    choose(member, dental, abbott, moves=True)

    outcome = save(member, main)

    assert (outcome.moved, outcome.saved) == (1, 1)
    assert outcome.sentence() == "Mappings saved: 1 moved here."
    moved = mapping_of(dental)
    assert moved is not None
    assert (moved.instance_id, moved.company_id) == (main.pk, abbott.pk)
    event = AuditEvent.objects.get()
    assert event.before is not None
    assert event.before["company"] == there.pk


# --- saving -------------------------------------------------------------------------------------------


def test_saving_creates_changes_and_removes_in_one_batch(
    main: IntegrationInstance, abbott: Company, birchwood: Company, member: User
) -> None:
    new, changed, cleared, unticked = (
        make_organization(name) for name in ("New", "Changed", "Cleared", "Unticked")
    )
    make_mapping(changed, abbott)
    make_mapping(cleared, abbott)
    choose(member, new, abbott)
    choose(member, changed, birchwood)
    proposals.choose_company(member, main, cleared, None)
    choose(member, unticked, birchwood)
    proposals.select_proposals(member, main, [new.pk, unticked.pk], [new.pk])

    outcome = save(member, main)

    assert (outcome.created, outcome.changed, outcome.removed, outcome.moved) == (1, 1, 1, 0)
    assert outcome.sentence() == "Mappings saved: 1 new, 1 changed, 1 removed."
    saved = mapping_of(new)
    assert saved is not None
    assert (saved.company, saved.source, saved.confirmed_by) == (abbott, MappingSource.CHOSEN, member)
    assert mapping_of(cleared) is None
    assert mapping_of(unticked) is None
    assert [row.organization for row in MappingProposal.objects.all()] == [unticked]
    events = AuditEvent.objects.filter(batch=outcome.batch).order_by("pk")
    assert [event.action for event in events] == ["mapping created", "mapping changed", "mapping removed"]
    assert {(event.actor_name, event.origin, event.actor_id) for event in events} == {
        ("marcus", "192.0.2.7", member.pk)
    }
    assert events[0].before is None
    assert events[1].before is not None
    assert events[1].after is not None
    assert (events[1].before["company"], events[1].after["company"]) == (abbott.pk, birchwood.pk)


def test_saving_nothing_says_so_and_writes_nothing(main: IntegrationInstance, member: User) -> None:
    assert save(member, main).sentence() == "Nothing was saved: nothing was ticked or changed."
    assert not AuditEvent.objects.exists()


def test_an_accepted_suggestion_keeps_why_it_was_made(
    main: IntegrationInstance, abbott: Company, dental: Organization, member: User
) -> None:
    MappingProposal.objects.create(
        user=member, instance=main, organization=dental, company=abbott, kind="suggested", selected=True,
        tier="sure", confidence=0.93, reasons=["same name"], matcher_version="1",
    )  # fmt: skip
    assert save(member, main).created == 1
    saved = mapping_of(dental)
    assert saved is not None
    assert (saved.source, saved.confidence, saved.reasons) == (MappingSource.SUGGESTED, 0.93, ["same name"])


def test_a_row_that_changed_since_is_left_and_reported_with_both_values(
    main: IntegrationInstance,
    abbott: Company,
    birchwood: Company,
    dental: Organization,
    member: User,
    colleague: User,
) -> None:
    choose(member, dental, birchwood)
    choose(colleague, dental, abbott)
    assert save(colleague, main).created == 1

    outcome = save(member, main)

    assert outcome.saved == 0
    [conflict] = outcome.conflicts
    assert (conflict.organization, conflict.present, conflict.wanted) == (dental, abbott.name, birchwood.name)
    assert "carla" in conflict.reason
    saved = mapping_of(dental)
    assert saved is not None
    assert saved.company == abbott
    assert MappingProposal.objects.get().user == member  # their choice is not thrown away

    choose(member, dental, birchwood)
    assert save(member, main).changed == 1


def test_a_mapping_that_was_removed_and_made_again_is_another_one(
    main: IntegrationInstance,
    abbott: Company,
    birchwood: Company,
    dental: Organization,
    member: User,
    colleague: User,
) -> None:
    make_mapping(dental, abbott)
    choose(member, dental, birchwood)
    proposals.choose_company(colleague, main, dental, None)
    save(colleague, main)
    choose(colleague, dental, abbott)
    save(colleague, main)
    assert len(save(member, main).conflicts) == 1


def test_an_organization_mapped_elsewhere_meanwhile_is_reported(
    main: IntegrationInstance,
    abbott: Company,
    there: Company,
    dental: Organization,
    member: User,
    colleague: User,
) -> None:
    choose(member, dental, abbott)
    choose(colleague, dental, there)
    save(colleague, there.instance)
    [conflict] = save(member, main).conflicts
    assert "mapped in “Other” now" in conflict.reason


def test_a_deleted_organization_is_reported_to_who_saw_it_ticked(
    main: IntegrationInstance, abbott: Company, dental: Organization, member: User
) -> None:
    choose(member, dental, abbott)
    Organization.objects.update(deleted_at=timezone.now())
    assert save(member, main).conflicts == []
    [conflict] = save(member, main, ticked=[dental.pk]).conflicts
    assert "deleted" in conflict.reason
    assert not OrganizationMapping.objects.exists()


GONE = "“{}” is no longer in Autotask. Choose another company."
OUTSIDE = "“{}” is outside the company filter now. Choose another company, or widen the filter."


@pytest.mark.parametrize(
    ("kind", "since", "reason"),
    [
        ("suggested", {"missing_since": timezone.now()}, GONE),
        ("chosen", {"missing_since": timezone.now()}, GONE),
        ("suggested", {"in_filter": False}, OUTSIDE),
        ("chosen", {"in_filter": False}, ""),  # who chose it meant it; the row says where it stands
        ("suggested", {"is_active": False}, ""),  # may be suggested when asked for; the mapping needs review
    ],
)
def test_a_company_that_a_refresh_took_from_the_options_is_not_mapped_to(
    main: IntegrationInstance,
    abbott: Company,
    birchwood: Company,
    dental: Organization,
    member: User,
    kind: str,
    since: dict[str, Any],
    reason: str,
) -> None:
    choose(member, dental, birchwood)
    choose(member, make_organization("Other"), abbott)
    MappingProposal.objects.filter(company=birchwood).update(kind=kind, tier="sure", confidence=0.97)
    Company.objects.filter(pk=birchwood.pk).update(**since)

    outcome = save(member, main, ticked=[dental.pk])

    told = [conflict.sentence() for conflict in outcome.conflicts]
    assert told == ([f"{dental.name} was not saved. {reason.format(birchwood.name)}"] if reason else [])
    assert outcome.saved == (1 if reason else 2)
    assert OrganizationMapping.objects.filter(company=abbott).exists()
    assert MappingProposal.objects.filter(company=birchwood).exists() == bool(
        reason
    )  # nothing is thrown away
    Company.objects.filter(pk=birchwood.pk).update(missing_since=None, in_filter=True, is_active=True)
    assert save(member, main).saved == (1 if reason else 0)


def test_good_rows_are_saved_beside_conflicts(
    main: IntegrationInstance,
    abbott: Company,
    birchwood: Company,
    dental: Organization,
    member: User,
    colleague: User,
) -> None:
    clinic = make_organization("Birchwood")
    choose(member, dental, birchwood)
    choose(member, clinic, birchwood)
    choose(colleague, dental, abbott)
    save(colleague, main)
    outcome = save(member, main)
    assert (outcome.created, len(outcome.conflicts)) == (1, 1)


def test_the_database_itself_refuses_a_second_mapping(
    main: IntegrationInstance, abbott: Company, there: Company, dental: Organization
) -> None:
    make_mapping(dental, abbott)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_mapping(dental, there)
    for wrong in ({"confidence": 1.5}, {"version": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_mapping(make_organization("Else"), abbott, **wrong)


# --- taking back --------------------------------------------------------------------------------------


def test_undo_puts_every_kind_of_change_back_exactly(
    main: IntegrationInstance, abbott: Company, birchwood: Company, there: Company, member: User
) -> None:
    rows = {name: make_organization(name) for name in ("new", "changed", "cleared", "moved")}
    make_mapping(
        rows["changed"], abbott, source=MappingSource.SUGGESTED, confidence=0.9, reasons=["same name"]
    )
    make_mapping(rows["cleared"], abbott)
    make_mapping(rows["moved"], there)
    before = {name: values_of(mapping_of(row)) for name, row in rows.items()}
    choose(member, rows["new"], abbott)
    choose(member, rows["changed"], birchwood)
    proposals.choose_company(member, main, rows["cleared"], None)
    choose(member, rows["moved"], birchwood, moves=True)
    saved = save(member, main)
    after = {name: values_of(mapping_of(row)) for name, row in rows.items()}

    undone = undoing.undo_batch(actor_of(member), saved.batch)

    assert (undone.restored, undone.left) == (4, [])
    assert undone.sentence() == "4 mappings put back as before."
    assert {name: values_of(mapping_of(row)) for name, row in rows.items()} == before
    assert AuditEvent.objects.filter(batch=undone.batch, action="mapping change undone").count() == 4
    redone = undoing.undo_batch(actor_of(member), undone.batch)
    assert redone.restored == 4
    assert {name: values_of(mapping_of(row)) for name, row in rows.items()} == after


def test_undo_leaves_what_changed_again_since(
    main: IntegrationInstance,
    abbott: Company,
    birchwood: Company,
    dental: Organization,
    member: User,
    colleague: User,
) -> None:
    clinic = make_organization("Birchwood")
    choose(member, dental, abbott)
    choose(member, clinic, abbott)
    saved = save(member, main)
    choose(colleague, dental, birchwood)
    save(colleague, main)

    undone = undoing.undo_batch(actor_of(member), saved.batch)

    assert (undone.restored, undone.left) == (1, ["Abbott Dental Care"])
    kept = mapping_of(dental)
    assert kept is not None
    assert kept.company == birchwood
    assert mapping_of(clinic) is None
    assert undoing.undo_batch(actor_of(member), saved.batch).restored == 0


def test_undo_does_not_move_back_into_a_deleted_configuration(
    main: IntegrationInstance, abbott: Company, there: Company, dental: Organization, member: User
) -> None:
    make_mapping(dental, there)
    choose(member, dental, abbott, moves=True)
    saved = save(member, main)
    delete_instance(Batch(actor_of(member)), there.instance)
    assert undoing.undo_batch(actor_of(member), saved.batch).left == ["Abbott Dental Care"]
    kept = mapping_of(dental)
    assert kept is not None
    assert kept.company == abbott


def test_undo_of_a_configuration_that_was_purged_leaves_everything(
    main: IntegrationInstance, abbott: Company, dental: Organization, member: User
) -> None:
    choose(member, dental, abbott)
    saved = save(member, main)
    OrganizationMapping.objects.all().delete()
    IntegrationInstance.objects.all().delete()
    assert undoing.undo_batch(actor_of(member), saved.batch).left == ["Abbott Dental Care"]
    assert undoing.batch_targets(saved.batch)[0] is None


def test_there_is_nothing_to_undo_in_an_unknown_batch(db: None, member: User) -> None:
    with pytest.raises(undoing.NothingToUndo):
        undoing.undo_batch(actor_of(member), uuid.uuid4())


# --- the audit ----------------------------------------------------------------------------------------


def test_history_cannot_be_changed_or_deleted(
    main: IntegrationInstance, abbott: Company, dental: Organization, member: User
) -> None:
    choose(member, dental, abbott)
    save(member, main)
    event = AuditEvent.objects.get()
    before = table_contents(AuditEvent)
    event.action = "nothing happened"
    attempts: list[Callable[[], object]] = [
        event.save,
        event.delete,
        lambda: AuditEvent.objects.update(action="x"),
        lambda: AuditEvent.objects.all().delete(),
        lambda: AuditEvent.objects.filter(pk=event.pk).delete(),
        lambda: AuditEvent.objects.bulk_update([event], ["action"]),
        lambda: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"action": "x"}),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnlyError), transaction.atomic():
            attempt()
    assert table_contents(AuditEvent) == before


def test_history_outlives_the_person_and_the_configuration(
    main: IntegrationInstance, abbott: Company, dental: Organization, colleague: User
) -> None:
    choose(colleague, dental, abbott)
    save(colleague, main)
    OrganizationMapping.objects.all().delete()
    IntegrationInstance.objects.all().delete()
    colleague.delete()
    event = AuditEvent.objects.get()
    assert (event.actor_name, event.target_name) == ("carla", "Abbott Dental Care")


# --- any sequence -------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["choose", "clear", "save", "undo"]),
        st.integers(0, 1),  # who
        st.integers(0, 1),  # in which configuration
        st.integers(0, 2),  # which organization
        st.integers(0, 1),  # which company, or which of the last batches
    ),
    min_size=4,
    max_size=10,
)


@examples(12, HealthCheck.function_scoped_fixture)
@given(steps=STEPS)
def test_after_any_sequence_the_audit_tells_the_state_and_undo_restores_the_last_one(
    db: None, steps: list[tuple[str, int, int, int, int]]
) -> None:
    with transaction.atomic():
        people = [User.objects.create_user(name) for name in ("anna", "ben")]
        instances = [make_instance(name) for name in ("First", "Second")]
        companies = [
            [make_company(instance, 100 + number, f"{instance} {number}") for number in range(2)]
            for instance in instances
        ]
        rows = [make_organization(f"Organization {number}") for number in range(3)]
        batches: list[uuid.UUID] = []
        for step, who, where, which, what in steps:
            if step == "choose":
                choose(people[who], rows[which], companies[where][what], moves=True)
            elif step == "clear":
                proposals.choose_company(people[who], instances[where], rows[which], None, moves=True)
            elif step == "save":
                before = state_of(rows)
                outcome = save(people[who], instances[where])
                if outcome.saved:
                    undone = undoing.undo_batch(actor_of(people[who]), outcome.batch)
                    assert undone.left == []
                    assert state_of(rows) == before
                    undoing.undo_batch(actor_of(people[who]), undone.batch)
                    batches.append(outcome.batch)
            elif len(batches) > what:
                undoing.undo_batch(actor_of(people[who]), batches[-1 - what])
            for row in rows:
                assert row.mappings.present().count() <= 1
                last = (
                    AuditEvent.objects.filter(target_id=str(row.pk), target_type="mapping")
                    .order_by("-pk")
                    .first()
                )
                stored = OrganizationMapping.objects.filter(organization=row).first()
                assert (last is None) == (stored is None)
                if last is not None and stored is not None:
                    assert last.after is not None
                    assert {**stored.snapshot(), "company_name": stored.company.name} == last.after
        transaction.set_rollback(True)


def state_of(rows: list[Organization]) -> list[dict[str, Any] | None]:
    return [values_of(mapping_of(row)) for row in rows]


@pytest.mark.django_db
@pytest.mark.parametrize("number", [3, 300])
def test_saving_takes_as_many_queries_for_many_rows_as_for_few(number: int, owner: User) -> None:
    """First all new, then all changed; counted where a query would be sent."""
    instance = make_instance()
    companies = [make_company(instance, n, f"Company {n}") for n in range(1, number + 1)]
    organizations = Organization.objects.bulk_create(
        [Organization(name=f"Organization {n}") for n in range(1, number + 1)]
    )
    queries: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries.append(sql)
        return execute(sql, params, many, context)

    for seen_version, wanted in ((0, companies), (1, [*companies[1:], companies[0]])):
        MappingProposal.objects.bulk_create(
            MappingProposal(
                user=owner, instance=instance, organization=organization, company=company,
                kind="chosen", selected=True, seen_version=seen_version,
            )
            for organization, company in zip(organizations, wanted, strict=True)
        )  # fmt: skip
        with connection.execute_wrapper(count):
            outcome = save(owner, instance)
        assert (outcome.saved, len(outcome.conflicts)) == (number, 0)
    assert len(queries) <= 26
    found = dict(OrganizationMapping.objects.values_list("organization_id", "company_id"))
    assert found == {
        organization.pk: company.pk
        for organization, company in zip(organizations, [*companies[1:], companies[0]], strict=True)
    }
