"""Undo: everything comes back exactly, what changed since is left and said, and the undo can be undone."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.database.bulk import renew_statistics
from integrations.models import (
    AuditEvent,
    Company,
    CompanyFilter,
    IgnoredOrganization,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.models.audit import Action
from integrations.psa.base import FilterCondition
from integrations.services.audit import Batch, Change
from integrations.services.companies.filters import save_filters
from integrations.services.history import undo as undoing
from integrations.services.imports.mappings import import_mappings
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import ImportOptions, Outcome
from integrations.services.mapping.proposals import choose_company
from integrations.services.organizations import edit as organizations
from integrations.services.suggestions import decisions
from tests.support.rows import choose, make_company, make_mapping, save
from tests.support.simulated import actor_of, make_organization, table_contents

pytestmark = pytest.mark.django_db


def last_batch() -> uuid.UUID:
    return AuditEvent.objects.latest("pk").batch


def undo(user: User, batch: uuid.UUID | None = None) -> undoing.UndoOutcome:
    return undoing.undo_batch(actor_of(user), batch or last_batch())


def contents(*models: Any) -> dict[str, Any]:
    """Rows without what only ever grows."""
    rows = table_contents(*models)
    for table in rows.values():
        for row in table:
            for name in ("version", "updated_at", "id", "ignored_at", "rejected_at"):
                row.pop(name, None)
    return rows


# --- mappings -------------------------------------------------------------------------------------------


def test_undo_brings_back_who_confirmed_and_when(abbott: Company, member: User, owner: User) -> None:
    dental, other = make_organization("Dental"), make_company(abbott.instance, 102, "Birchwood")
    make_mapping(dental, abbott, owner, reasons=["same name"], confidence=0.7)
    before = contents(OrganizationMapping)
    choose(member, dental, other)
    save(member, abbott.instance)
    assert contents(OrganizationMapping) != before
    assert undo(member).restored == 1
    assert contents(OrganizationMapping) == before


def test_an_account_that_is_gone_does_not_keep_a_mapping_from_coming_back(
    abbott: Company, member: User, owner: User
) -> None:
    dental = make_organization("Dental")
    make_mapping(dental, abbott, owner)
    choose_company(member, abbott.instance, dental, None)
    save(member, abbott.instance)
    owner.delete()
    assert undo(member).restored == 1
    assert dental.mappings.present().get().confirmed_by is None


def test_no_mapping_comes_into_force_for_an_organization_that_was_deleted_since(
    abbott: Company, member: User
) -> None:
    """No table would show it; restored, the organization is as it was when it was deleted."""
    rows = [make_organization(name) for name in ("Stays", "Goes")]
    for row in rows:
        choose(member, row, abbott)
    created = save(member, abbott.instance).batch
    for row in rows:
        choose_company(member, abbott.instance, row, None)
    removed = save(member, abbott.instance).batch
    organizations.delete_organization(Batch(actor_of(member)), rows[1])

    outcome = undo(member, removed)

    assert outcome.sentence() == (
        "1 mapping put back as before. 1 left as they are: "
        "Goes (the organization was deleted since; restore it first)."
    )
    assert [row.organization.name for row in OrganizationMapping.objects.present()] == ["Stays"]
    event = AuditEvent.objects.get(batch=removed, target_name="Goes")
    assert undoing.undo_event(actor_of(member), event.pk).restored == 0
    organizations.restore_organization(Batch(actor_of(member)), rows[1])
    assert undoing.undo_event(actor_of(member), event.pk).restored == 1
    # What is taken out of force was in no table: that can be undone whatever became of the organization.
    organizations.delete_organization(Batch(actor_of(member)), rows[0])
    first = AuditEvent.objects.get(batch=created, target_name="Stays")
    assert undoing.undo_event(actor_of(member), first.pk).left == ["Stays"]  # changed since
    assert undo(member, outcome.batch).restored == 1
    assert [row.organization.name for row in OrganizationMapping.objects.present()] == ["Goes"]


def test_one_change_of_a_batch(abbott: Company, member: User) -> None:
    rows = [make_organization(f"Dental {number}") for number in range(3)]
    for row in rows:
        choose(member, row, abbott)
    batch = save(member, abbott.instance).batch
    event = AuditEvent.objects.get(target_name="Dental 1")

    outcome = undoing.undo_event(actor_of(member), event.pk)

    assert (outcome.restored, outcome.left) == (1, [])
    assert AuditEvent.objects.get(batch=outcome.batch).undoes == batch
    rest = undo(member, batch)
    assert (rest.restored, [(row.name, row.reason) for row in rest.rows_left]) == (
        2, [("Dental 1", "changed again since")],
    )  # fmt: skip
    with pytest.raises(undoing.NothingToUndo):
        undoing.undo_event(actor_of(member), 0)
    with pytest.raises(undoing.NothingToUndo):
        undoing.undo_event(actor_of(member), event.pk, batch=uuid.uuid4())


# --- decisions ------------------------------------------------------------------------------------------


def test_decisions_are_taken_back_and_again(abbott: Company, member: User) -> None:
    dental, actor, main = make_organization("Dental"), actor_of(member), abbott.instance
    steps: tuple[Callable[[], object], ...] = (
        lambda: decisions.ignore_organization(Batch(actor), main, dental),
        lambda: decisions.stop_ignoring(Batch(actor), main, dental),
        lambda: decisions.reject_match(Batch(actor), main, dental, abbott),
        lambda: decisions.allow_match(Batch(actor), main, dental, abbott),
    )
    for step in steps:
        before = contents(IgnoredOrganization, RejectedMatch)
        step()
        after = contents(IgnoredOrganization, RejectedMatch)
        assert after != before
        assert undo(member).sentence() == "1 change put back as before."
        assert contents(IgnoredOrganization, RejectedMatch) == before
        assert undo(member).restored == 1  # the undo undone
        assert contents(IgnoredOrganization, RejectedMatch) == after


def test_a_decision_that_was_taken_back_by_hand_is_left(abbott: Company, member: User) -> None:
    dental, actor = make_organization("Dental"), actor_of(member)
    decisions.ignore_organization(Batch(actor), abbott.instance, dental)
    ignored = last_batch()
    decisions.stop_ignoring(Batch(actor), abbott.instance, dental)
    decisions.reject_match(Batch(actor), abbott.instance, dental, abbott)
    rejected = last_batch()
    decisions.allow_match(Batch(actor), abbott.instance, dental, abbott)
    events = AuditEvent.objects.count()
    assert undo(member, ignored).left == ["Dental"]
    assert undo(member, rejected).left == ["Dental"]
    assert AuditEvent.objects.count() == events


# --- organizations --------------------------------------------------------------------------------------


def test_every_change_of_an_organization_is_taken_back_and_again(member: User) -> None:
    actor = actor_of(member)

    def change() -> None:
        row = Organization.objects.get()
        organizations.change_organization(Batch(actor), row, {"name": "B", "city": "Lima"}, row.updated_at)

    steps: tuple[Callable[[], object], ...] = (
        lambda: organizations.add_organization(Batch(actor), {"name": "A", "external_id": "7"}),
        change,
        lambda: organizations.delete_organization(Batch(actor), Organization.objects.get()),
        lambda: organizations.restore_organization(Batch(actor), Organization.objects.get()),
    )

    def state() -> list[Any]:
        return [row.snapshot() for row in Organization.objects.present()]

    for step in steps:
        before = state()
        step()
        after = state()
        assert after != before
        done = last_batch()
        assert undo(member, done).restored == 1
        assert state() == before
        assert undo(member).restored == 1
        assert state() == after


def test_an_organization_that_was_mapped_since_stays(abbott: Company, member: User) -> None:
    organizations.add_organization(Batch(actor_of(member)), {"name": "Dental"})
    added = last_batch()
    choose(member, Organization.objects.get(), abbott)
    mapped = save(member, abbott.instance).batch
    outcome = undo(member, added)
    assert [(row.name, row.reason) for row in outcome.rows_left] == [("Dental", "mapped since")]
    undo(member, mapped)
    assert undo(member, added).restored == 1


def test_an_organization_that_changed_since_or_lost_its_id_stays(member: User) -> None:
    actor = actor_of(member)
    row = organizations.add_organization(Batch(actor), {"name": "A", "external_id": "7"})
    added = last_batch()
    organizations.change_organization(Batch(actor), row, {"external_id": ""}, row.updated_at)
    changed = last_batch()
    organizations.add_organization(Batch(actor), {"name": "B", "external_id": "7"})
    assert undo(member, added).sentence() == (
        "0 changes put back as before. 1 left as they are: A (changed again since)."
    )
    assert undo(member, changed).rows_left[0].reason == "another organization has its external id now"
    assert Organization.objects.get(pk=row.pk).external_id == ""


def test_an_import_is_taken_back_whole(member: User) -> None:
    make_organization("Old", external_id="1", city="Lima")
    before = contents(Organization)
    lines = "".join(f"Name {number},{number + 10},Kent\n" for number in range(1_200))
    import_organizations(
        Batch(actor_of(member)), io.BytesIO(f"name,external_id,city\nNew,1,Kent\n{lines}".encode())
    )
    outcome = undo(member)
    assert (outcome.restored, outcome.left) == (1_201, [])
    present = [row for row in contents(Organization)["Organization"] if row["deleted_at"] is None]
    assert present == before["Organization"]
    assert undo(member).restored == 1_201
    assert Organization.objects.present().count() == 1_201


# --- filters, and what cannot be undone -----------------------------------------------------------------


def test_a_company_filter_is_put_back(main: IntegrationInstance, member: User) -> None:
    actor = actor_of(member)
    save_filters(Batch(actor), main, [FilterCondition("companyType", "in", (1, 3))])
    first, rows = last_batch(), contents(CompanyFilter)
    save_filters(Batch(actor), main, [FilterCondition("isActive", "eq", True)])
    assert undo(member).restored == 1
    assert contents(CompanyFilter) == rows
    assert undo(member).restored == 1
    assert CompanyFilter.objects.get().field == "isActive"
    assert undo(member, first).left == ["Main"]


def test_what_cannot_be_taken_back_is_said(main: IntegrationInstance, abbott: Company, member: User) -> None:
    batch = Batch(actor_of(member))
    batch.record([Change(Action.INSTANCE_CHECKED, "instance", str(main.pk), "Main", instance=main)])
    with pytest.raises(undoing.NothingToUndo):
        undo(member, batch.key)
    batch.record([Change(Action.ORGANIZATION_IGNORED, "organization", "999", "Gone", instance=main)])
    reasons = [(row.name, row.reason) for row in undo(member, batch.key).rows_left]
    assert reasons == [("Gone", "no longer there"), ("Main", "“instance checked” cannot be taken back here")]


# --- the commands ---------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[str, str, int]:
    """What a command printed on its two streams, and how it ended."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}{error}", error.returncode
    return out.getvalue(), err.getvalue(), 0


def test_history_and_undo_by_command(abbott: Company, member: User) -> None:
    rows = [make_organization(f"Dental {number}") for number in range(2)]
    for row in rows:
        choose(member, row, abbott)
    batch = save(member, abbott.instance).batch
    out, _, code = run("history", "--what", "mapping", "--who", "marcus", "--instance", "main")
    assert code == 0
    assert out.count("mapping created") == 2
    assert "Company: not mapped → Abbott Dental Care, LLC (id 101)" in out
    assert str(batch) in out
    assert run("history", "--organization", "dental 1", "--format", "csv")[0].count("\n") == 2
    assert run("history", "--limit", "1", "--format", "json")[0].count('"batch"') == 1

    before = table_contents(OrganizationMapping, AuditEvent)
    out, err, code = run("undo", str(batch), "--dry-run")
    assert (out, err, code) == ("", "2 mappings would be put back. Nothing was changed.\n", 0)
    assert table_contents(OrganizationMapping, AuditEvent) == before
    event = AuditEvent.objects.get(target_name="Dental 0")
    _, err, code = run("undo", str(batch), "--event", str(event.pk))
    assert (err.startswith("1 mapping put back as before. Batch of this undo: "), code) == (True, 0)
    out, err, code = run("undo", str(batch))
    assert code == 1
    assert "Dental 0  changed again since" in out
    assert "1 mapping put back as before." in err
    assert AuditEvent.objects.latest("pk").origin == "command undo"


@pytest.mark.parametrize(
    "arguments",
    [
        ("undo", "nonsense"),
        ("undo", str(uuid.uuid4())),
        ("history", "--since", "yesterday"),
        ("history", "--batch", "7"),
        ("history", "--instance", "Nowhere"),
        ("history", "--organization", "Nobody"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[2] == 2


# --- many ---------------------------------------------------------------------------------------------------


@pytest.mark.large
def test_five_thousand_mappings_come_back_exactly_but_for_those_that_changed_since(
    main: IntegrationInstance, member: User, owner: User
) -> None:
    number = 5_000
    companies = Company.objects.bulk_create(
        Company(instance=main, remote_id=str(key), name=f"Company {key}", seen_at=timezone.now())
        for key in range(1, number + 1)
    )
    rows = Organization.objects.bulk_create(
        Organization(name=f"Name {key}", external_id=f"E{key}") for key in range(1, number + 1)
    )
    OrganizationMapping.objects.bulk_create(  # half of them are mapped otherwise before
        OrganizationMapping(
            organization=row, psa=main.psa, instance=main, company=companies[-1], confirmed_by=owner,
            confirmed_at=timezone.now(), confidence=0.5, reasons=["by hand"],
        )
        for row in rows[: number // 2]
    )  # fmt: skip
    renew_statistics(number, Company, Organization)  # as their import does
    before = contents(OrganizationMapping)["OrganizationMapping"]
    content = json.dumps(
        [{"external_id": f"E{key}", "company_id": number + 1 - key} for key in range(1, number + 1)]
    )
    report = import_mappings(
        Batch(actor_of(member)), io.BytesIO(content.encode()), main, ImportOptions(overwrite=True)
    )
    assert report.failed == 0
    assert report.counts[Outcome.SKIPPED] <= 1  # the one that was mapped so before
    changed_since = rows[10:20]
    for row in changed_since:
        choose(owner, row, companies[-2])
    save(owner, main)
    kept = {row.pk: row.mappings.values().get() for row in changed_since}

    outcome = undo(member, report.batch)

    assert outcome.restored == number - report.counts[Outcome.SKIPPED] - 10
    assert set(outcome.left) == {row.name for row in changed_since}
    assert {row.reason for row in outcome.rows_left} == {"changed again since"}
    left = {row.pk for row in changed_since}
    present = [
        row
        for row in contents(OrganizationMapping)["OrganizationMapping"]
        if row["removed_at"] is None and row["organization_id"] not in left
    ]
    assert present == [row for row in before if row["organization_id"] not in left]
    assert {row.pk: row.mappings.values().get() for row in changed_since} == kept
