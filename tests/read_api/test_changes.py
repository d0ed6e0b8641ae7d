"""The feed of changes: in the order of the commits, complete while others write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from integrations.models import AuditEvent, Company, Organization, OrganizationMapping
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change
from integrations.services.history import undo_batch
from integrations.services.instances import delete_instance, restore_instance
from integrations.services.organizations import (
    delete_organization,
    merge_organizations,
    plan_merge,
    restore_organization,
)
from integrations.services.read_api.changes import changes_after, latest_position
from integrations.services.read_api.scope import Scope
from tests.read_api.conftest import OPERATOR, Programs, World, make_company, make_instance, map_to, unmap

EVERYTHING = Scope()


def test_a_list_and_the_changes_after_it_give_the_present_state(
    program: Programs, sample_rows: World
) -> None:
    asks = program()
    first = asks.read("mappings")
    state = {row["organization"]["id"]: row["company"]["id"] for row in first["items"]}
    unmap(sample_rows.acme.mappings.get())
    map_to(sample_rows.cedar, make_company(sample_rows.main, "300", "Cedar"))
    map_to(sample_rows.birch, make_company(sample_rows.main, "301", "Birch moved"))
    map_to(sample_rows.acme, sample_rows.acme_company)
    answer = asks.read("mappings/changes", since=first["position"])
    assert answer["items"][0]["action"] == "mapping removed"
    for change in answer["items"]:
        number = change["organization"]["id"]
        if change["after"] is None:
            del state[number]
        else:
            state[number] = change["after"]["company"]["id"]
    assert state == {sample_rows.acme.pk: "101", sample_rows.birch.pk: "301", sample_rows.cedar.pk: "300"}
    assert (answer["next"], answer["more"]) == (latest_position(), False)
    assert asks.read("mappings/changes", since=answer["next"])["items"] == []


def test_whoever_follows_has_no_mapping_of_a_deleted_organization(
    program: Programs, sample_rows: World
) -> None:
    """At every step the copy of who applies the changes is what the list says."""
    asks, acme, birch = program(), sample_rows.acme, sample_rows.birch
    batches: list[Batch] = []

    def batch() -> Batch:
        batches.append(Batch(OPERATOR))
        return batches[-1]

    def merge() -> None:
        plan = plan_merge(acme, birch)
        companies = {clash.psa: clash.theirs.company_id for clash in plan.clashes}
        merge_organizations(batch(), acme, birch, companies, plan.seen)

    def undo() -> None:
        batches.append(Batch(OPERATOR, key=undo_batch(OPERATOR, batches[-1].key).batch))

    steps: list[Callable[[], object]] = [
        lambda: delete_organization(batch(), acme), undo,
        lambda: delete_organization(batch(), acme),
        # What happens to it in the shadow shows when it comes back.
        lambda: delete_instance(batch(), sample_rows.main),
        lambda: restore_instance(batch(), sample_rows.main),
        lambda: restore_organization(batch(), acme),
        lambda: delete_organization(batch(), birch),
        lambda: delete_instance(batch(), sample_rows.other),
        lambda: restore_organization(batch(), birch),
        lambda: restore_instance(batch(), sample_rows.other),
        merge, undo, undo,
    ]  # fmt: skip
    first = asks.read("mappings")
    copy = {row["organization"]["id"]: row["company"]["id"] for row in first["items"]}
    since, present = first["position"], []
    for step in steps:
        step()
        for row in (acme, birch, sample_rows.main, sample_rows.other):
            row.refresh_from_db()
        page = asks.read("mappings/changes", since=since)
        since = page["next"]
        for change in page["items"]:
            copy.pop(change["organization"]["id"], None)
            if change["after"] is not None:
                copy[change["organization"]["id"]] = change["after"]["company"]["id"]
        listed = asks.read("mappings")["items"]
        assert copy == {row["organization"]["id"]: row["company"]["id"] for row in listed}
        present.append(len(listed))
    assert present == [1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 2, 1]


def test_a_cursor_walks_through_all_changes_once(program: Programs, sample_rows: World) -> None:
    for _ in range(4):
        unmap(sample_rows.acme.mappings.get())
        map_to(sample_rows.acme, sample_rows.acme_company)
    asks, seen, since, more = program(), [], 0, True
    while more:
        page = asks.read("mappings/changes", since=since, limit=3)
        seen += [change["position"] for change in page["items"]]
        since, more = page["next"], page["more"]
    events = AuditEvent.objects.filter(target_type="mapping").order_by("pk")
    assert seen == list(events.values_list("pk", flat=True))


def test_a_position_ahead_of_time_stays_where_it_is(program: Programs) -> None:
    largest = 2**63 - 1
    answer = program().read("mappings/changes", since=largest)
    assert answer == {"items": [], "next": largest, "more": False}


def patiently(work: Callable[..., Any], *arguments: Any) -> Any:
    """The tests' database in memory has no waiting between connections; a real one has."""
    for _ in range(2_000):
        try:
            return work(*arguments)
        except OperationalError:
            time.sleep(0.002)
    raise AssertionError("The database stayed locked.")


@pytest.mark.django_db(transaction=True)
def test_a_reader_misses_nothing_while_four_people_write() -> None:
    main = make_instance("Main")
    company = Company.objects.create(instance=main, remote_id="1", name="Acme", seen_at=timezone.now())
    rows = [Organization.objects.create(name=f"Organization {number}") for number in range(4)]
    done = threading.Event()
    seen: list[int] = []
    failures: list[BaseException] = []

    def change(organization: Organization) -> None:
        with transaction.atomic():
            mapping = OrganizationMapping.objects.filter(organization=organization).first()
            if mapping is None or mapping.removed_at is not None:
                map_to(organization, company)
            else:
                unmap(mapping)

    def write(organization: Organization) -> None:
        try:
            for _ in range(8):
                patiently(change, organization)
        except BaseException as error:  # told to the test below
            failures.append(error)
        finally:
            connection.close()

    def read() -> None:
        position = 0
        try:
            while True:
                last_look = done.is_set()
                found = patiently(changes_after, EVERYTHING, position, 5)
                seen.extend(change.position for change in found.items)
                position = found.next
                if last_look and not found.more:
                    return
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(row,)) for row in rows]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failures == []
    wanted = AuditEvent.objects.filter(target_type="mapping").order_by("pk").values_list("pk", flat=True)
    assert seen == list(wanted)
    assert len(seen) == 32


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_later_commit_never_carries_an_earlier_position() -> None:
    """PostgreSQL gives out ids before the commit: the second writer has to wait for the first."""
    main = make_instance("Main")
    change = Change(Action.MAPPING_CREATED, "mapping", "1", "Acme", None, None, main)
    second_is_through = threading.Event()

    def second() -> None:
        Batch(OPERATOR).record([change])
        second_is_through.set()
        connection.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        Batch(OPERATOR).record([change])
        first = AuditEvent.objects.latest("pk").pk
        thread.start()
        assert not second_is_through.wait(0.3)
    thread.join()
    assert AuditEvent.objects.latest("pk").pk > first
