"""Several people at once, each in a process of their own: no update is lost and nobody sees an error."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

from tests.support.databases import Database, results


def history(database: Database) -> dict[str, list[tuple[Any, Any]]]:
    """The mapping events of each organization in the order of their versions: before and after."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    rows = database.query(
        "SELECT target_id, before, after FROM integrations_auditevent WHERE target_type = 'mapping'"
    )
    for target, before, after in rows:
        parsed = [json.loads(value) if isinstance(value, str) else value for value in (before, after)]
        found.setdefault(target, []).append((parsed[0], parsed[1]))
    return {target: sorted(events, key=lambda event: event[1]["version"]) for target, events in found.items()}


def stored(database: Database) -> dict[str, tuple[int, int, int, bool]]:
    """Version, instance, company and whether it is removed, of each organization's mapping."""
    return {
        str(row[0]): (row[1], row[2], row[3], row[4] is not None)
        for row in database.query(
            "SELECT organization_id, version, instance_id, company_id, removed_at "
            "FROM integrations_organizationmapping"
        )
    }


def assert_nothing_was_lost(database: Database) -> int:
    """Each change began where the one before ended, and the last is what is stored; how many there were."""
    events, rows = history(database), stored(database)
    for organization, changes in events.items():
        first = changes[0][0]["version"] if changes[0][0] else 0
        versions = [after["version"] for _, after in changes]
        assert versions == list(range(first + 1, first + 1 + len(changes))), organization
        for (_, earlier), (before, _) in pairwise(changes):
            assert before is not None
            assert {key: earlier[key] for key in before} == before
        last = changes[-1][1]
        assert rows[organization] == (last["version"], last["instance"], last["company"], last["removed"])
    assert len(rows) == len(set(rows)) == 5
    return sum(map(len, events.values()))


def test_people_who_save_overlapping_rows_lose_no_update(database: Database) -> None:
    told = results(
        database.start("map_for_a_while anna 1 20 + map_for_a_while ben 2 20 + map_for_a_while cleo 3 20")
    )
    written = sum(each["saved"] + each["restored"] for each in told)
    assert assert_nothing_was_lost(database) == written > 40


def test_a_hundred_people_who_save_overlapping_rows_at_once_lose_no_update(database: Database) -> None:
    """Four processes, as many as a web server has, with 25 people each; every row is stored or refused."""
    before = len(database.query("SELECT id FROM integrations_auditevent"))
    told = results(database.start(" + ".join(f"save_in_a_crowd {first} 25" for first in range(0, 100, 25))))
    asked, saved, refused, explained = (
        sum(each[name] for each in told) for name in ("asked", "saved", "refused", "told")
    )
    assert asked > 100  # of 300: what a colleague has saved just so already is no wish
    assert saved + refused == asked
    assert explained == refused > 0
    assert saved == len(database.query("SELECT id FROM integrations_auditevent")) - before
    assert assert_nothing_was_lost(database) == saved


def test_deleting_a_configuration_meanwhile_neither_deadlocks_nor_loses(database: Database) -> None:
    results(database.start("delete_and_restore cleo 15 + suggest anna 15 + suggest anna 15"))
    present = "SELECT count(*) FROM integrations_integrationinstance WHERE deleted_at IS NULL"
    assert database.query(present) == [(2,)]


def test_a_save_that_is_killed_is_done_or_not_done(database: Database) -> None:
    for seed in range(2):
        person = database.start(f"map_for_a_while anna {seed} 100000")
        before = len(database.query("SELECT id FROM integrations_auditevent"))
        for _ in range(200):
            time.sleep(0.05)
            if len(database.query("SELECT id FROM integrations_auditevent")) > before + 10:
                break
        person.kill()
        person.communicate()
        events = history(database)
        rows = stored(database)
        for organization, changes in events.items():
            last = changes[-1][1]
            assert rows[organization] == (
                last["version"], last["instance"], last["company"], last["removed"],
            )  # fmt: skip
