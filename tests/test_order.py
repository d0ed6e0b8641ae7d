"""The order of the tests: the long ones are begun first, whoever works on them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import long_first


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
