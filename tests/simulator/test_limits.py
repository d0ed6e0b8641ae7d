"""The two limits: calls at once per tracking identifier and object, and requests in an hour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from integrations.simulators.autotask.limits import HourlyBudget, ThreadGate, usage_latency
from integrations.simulators.autotask.server import Simulator
from tests.simulator.conftest import EVERYTHING, Caller, make_tenant


def statuses(simulator: Simulator, paths: list[str]) -> list[int]:
    """The statuses of calls that are made all at once."""

    def call(path: str) -> int:
        return Caller(simulator).get(path).status_code

    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(call, paths))


def test_a_fourth_call_at_once_to_one_object_is_refused() -> None:
    with Simulator([make_tenant(hourly_used=9_000)], usage_latency_scale=0.4) as simulator:
        refused = statuses(simulator, ["Companies/3"] * 3 + ["Companies/entityInformation"])
        assert sorted(refused) == [200, 200, 200, 429]


def test_calls_at_once_are_counted_per_object() -> None:
    with Simulator([make_tenant(hourly_used=9_000)], usage_latency_scale=0.4) as simulator:
        paths = ["Companies/3"] * 3 + ["ThresholdInformation"] * 3
        assert statuses(simulator, paths) == [200] * 6


def test_the_refusal_names_its_code_and_three_in_a_row_are_never_too_many(simulator: Simulator) -> None:
    simulator.inject("thread-limit", times=1)
    caller = Caller(simulator)
    answer = caller.query(EVERYTHING)
    assert answer.status_code == 429
    assert "thread threshold of 3 threads has been exceeded" in answer.json()["errors"][0]
    assert "Itgenatr005" in answer.json()["errors"][0]
    assert "Retry-After" not in answer.headers
    simulator.clear()
    with ThreadPoolExecutor(3) as pool:  # three workers that never pause stay below the limit
        answers = pool.map(lambda _n: Caller(simulator).get("Companies/3").status_code, range(90))
        assert set(answers) == {200}


def test_a_used_up_hour_refuses_everything_but_discovery() -> None:
    with Simulator([make_tenant(hourly_limit=3, hourly_used=1)]) as simulator:
        caller = Caller(simulator)
        assert [caller.get("Version").status_code for _ in range(3)] == [200, 200, 429]
        assert caller.get("ThresholdInformation").status_code == 429
        assert caller.get("zoneInformation?user=api@msp.example").status_code == 200


def test_requests_leave_the_count_after_an_hour() -> None:
    now = [0.0]
    budget = HourlyBudget(3, 1, clock=lambda: now[0])
    now[0] = 1800
    assert [budget.take() for _ in range(3)] == [True, True, False]
    assert (budget.used, budget.share) == (3, 1.0)
    now[0] = 3601
    assert budget.used == 2
    now[0] = 5401
    assert budget.used == 0
    budget.set_used(2)
    assert budget.used == 2


@pytest.mark.parametrize(
    ("share", "seconds"), [(0, 0), (0.4999, 0), (0.5, 0.5), (0.7499, 0.5), (0.75, 1.0), (2, 1.0)]
)
def test_the_delay_grows_with_usage(share: float, seconds: float) -> None:
    assert usage_latency(share) == seconds


def test_the_gate_forgets_those_who_left() -> None:
    gate = ThreadGate(1)
    assert gate.enter("a")
    assert not gate.enter("a")
    assert gate.enter("b")
    gate.leave("a")
    assert gate.enter("a")
