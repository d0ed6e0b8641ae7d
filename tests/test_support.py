"""What the tests stand on: the order of the long ones, and commands in a process that is set up already."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import between, long_first
from tests.support.migrated import copy_migrated_file
from tests.support.processes import environment
from tests.support.warm import Warm


class Test:
    """As much of a test as the order looks at."""

    __test__ = False

    def __init__(self, number: int, *, long: bool) -> None:
        self.number, self.long = number, long

    def get_closest_marker(self, name: str) -> object:
        return name if name == "long" and self.long else None


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("long", [set(), {9}, {0, 8, 9, 18, 19}, set(range(20))])
def test_each_worker_begins_with_its_share_of_the_long_tests(long: set[int], workers: int) -> None:
    tests: list[Any] = [Test(number, long=number in long) for number in range(20)]
    ordered: list[Any] = long_first(tests, workers)
    assert sorted(test.number for test in ordered) == list(range(20))
    assert [test.number for test in ordered if not test.long] == sorted(set(range(20)) - long)
    rest = ordered
    for worker in range(workers):  # as the scheduler of "worksteal" deals them
        piece, rest = rest[: len(rest) // (workers - worker)], rest[len(rest) // (workers - worker) :]
        mine = [test.long for test in piece]
        assert mine == sorted(mine, reverse=True), "the long ones first"
        assert sum(mine) in {min(len(piece), len(long) // workers + more) for more in (0, 1)}


def test_of_many_cases_the_quick_tests_take_the_first_and_the_last() -> None:
    cases: list[Any] = [
        SimpleNamespace(nodeid=name)
        for name in ("a", "b[1]", "b[2]", "b[3-[]", "b[4]", "c[x]", "c[y]", "d[z]")
    ]
    assert [case.nodeid for case in between(cases)] == ["b[2]", "b[3-[]"]


@pytest.mark.process
def test_a_process_that_is_set_up_runs_each_command_as_one_of_its_own_would(tmp_path: Path) -> None:
    copy_migrated_file(tmp_path / "portal.sqlite3")
    warm = Warm(
        environment(PORTAL_DATA_DIR=str(tmp_path), DATABASE_URL=f"sqlite:///{tmp_path / 'portal.sqlite3'}")
    )
    try:
        made = warm.run(
            "from django.contrib.auth.models import User; print(User.objects.create(username='u').pk)"
        )
        assert (made.returncode, made.stdout) == (0, "1\n")
        counted = (
            "from django.contrib.auth.models import User; import sys; sys.exit(User.objects.count() + 6)"
        )
        assert warm.run(counted).returncode == 7
        ended = warm.run("left_behind = 1; raise ValueError('odd')")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "ValueError: odd" in ended.stderr
        assert warm.run("print(left_behind)").returncode == 1
        refused = warm.manage("restore", str(tmp_path / "missing"), "--replace")
        assert (refused.returncode, "There is no file" in refused.stderr) == (1, True)
        drawn = {warm.run("import random; print(random.random())").stdout for _ in range(2)}
        assert len(drawn) == 2
    finally:
        warm.end()
