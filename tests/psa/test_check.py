"""The connection check, step by step: which part is wrong, what to click next, and how little is sent."""

from __future__ import annotations

import dataclasses

import pytest

from integrations.psa.autotask.checking import TITLES
from integrations.psa.base import (
    ConnectionReport,
    CredentialsRefused,
    DestinationRefused,
    FailureKind,
    PermissionRefused,
    StepState,
)
from integrations.simulators.autotask.server import Simulator
from tests.psa.conftest import CREDENTIALS, Connect, Serve, northwind

PASSED, WARNING, FAILED, SKIPPED = StepState.PASSED, StepState.WARNING, StepState.FAILED, StepState.SKIPPED


def states(report: ConnectionReport) -> str:
    """The five states by their first letters: ``ppfss``."""
    assert [step.key for step in report.steps] == list(TITLES)
    return "".join(step.state[0] for step in report.steps)


def step(report: ConnectionReport, key: str) -> tuple[str, str]:
    """What a step found and the next click."""
    found = next(each for each in report.steps if each.key == key)
    return found.detail, found.next_step


def with_credentials(simulator: Simulator) -> int:
    """How many requests carried credentials."""
    return sum("secret" in entry.headers for entry in simulator.requests)


def refused(simulator: Simulator) -> int:
    """How many requests were answered 401."""
    return sum(entry.status == 401 for entry in simulator.requests)


def test_everything_is_right(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(1500))
    client = connect(simulator, stored=False)
    report = client.check()
    assert states(report) == "ppppp"
    assert report.passed
    assert report.error is None
    assert report.zone is not None
    assert report.zone.api_url == simulator.api_url
    assert report.company_count == 1500
    assert report.budget is not None
    assert report.budget.limit == 10_000
    assert "1,500 companies" in step(report, "access")[0]
    assert "of 10,000 requests" in step(report, "budget")[0]
    assert client.api_url == simulator.api_url
    assert len(simulator.requests) == 6


def test_an_unknown_user_fails_at_the_zone_and_sends_no_credentials(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    client = connect(simulator, stored=False, credentials=dataclasses.replace(CREDENTIALS, username="nobody"))
    report = client.check()
    assert states(report) == "fssss"
    detail, next_step = step(report, "zone")
    assert "does not know this API username" in detail
    for words in ("Admin > Resources/Users (HR)", "Security tab", "five minutes"):
        assert words in next_step
    assert isinstance(report.error, CredentialsRefused)
    assert report.zone is None
    assert with_credentials(simulator) == 0


@pytest.mark.parametrize("part", ["secret", "tracking_identifier"])
def test_a_wrong_secret_or_identifier_names_both_places_and_is_sent_once(
    serve: Serve, connect: Connect, part: str
) -> None:
    simulator = serve(northwind(lock_after=2))
    wrong = dataclasses.replace(CREDENTIALS, **{part: "not-the-right-one"})
    client = connect(simulator, stored=False, credentials=wrong)
    report = client.check()
    assert states(report) == "ppfss"
    detail, next_step = step(report, "credentials")
    assert "does not say which part is wrong" in detail
    for words in ("Password (Secret)", "API Tracking Identifier", "Security tab", "locked", "five minutes"):
        assert words in next_step
    instructions = next_step.splitlines()
    assert len(instructions) == 4
    assert all(each.endswith(".") for each in instructions)
    assert instructions[0].startswith("In Autotask open Admin > ")
    failed = next(each for each in report.steps if each.key == "credentials")
    assert "\n" not in failed.sentence
    assert failed.sentence.startswith("Credentials accepted: Autotask refused the credentials.")
    assert report.error is not None
    assert report.error.kind is FailureKind.CREDENTIALS
    assert with_credentials(simulator) == refused(simulator) == 1
    assert simulator.tenants[CREDENTIALS.username].active


def test_the_older_answer_for_a_wrong_identifier_names_it(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("wrong-tracking-identifier-500")
    wrong = dataclasses.replace(CREDENTIALS, tracking_identifier="SOMETHINGELSE")
    report = connect(simulator, stored=False, credentials=wrong).check()
    assert states(report) == "ppfss"
    assert "does not know this API Tracking Identifier" in step(report, "credentials")[0]
    assert with_credentials(simulator) == 1


def test_a_locked_user(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind(active=False))
    report = connect(simulator, stored=False).check()
    assert states(report) == "ppfss"
    assert with_credentials(simulator) == 1


def test_another_platform_than_the_users_is_refused_before_credentials_are_sent(
    serve: Serve, connect: Connect
) -> None:
    simulator = serve(northwind())
    report = connect(simulator, stored=False).check("ww5")
    assert states(report) == "pfsss"
    detail, next_step = step(report, "platform")
    assert "America West (ww5)" in detail
    assert "Simulator at" in next_step
    assert "Detect from username" in next_step
    assert report.zone is not None  # the right one, to be offered
    assert report.error is not None
    assert not report.passed
    assert with_credentials(simulator) == 0


def test_the_right_platform_is_accepted(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    assert states(connect(simulator, stored=False).check(simulator.base_url.partition("//")[2])) == "ppppp"


@pytest.mark.parametrize("status", [500, 403])
def test_no_permission_on_companies(serve: Serve, connect: Connect, status: int) -> None:
    simulator = serve(northwind())
    simulator.inject("no-company-permission", status=status)
    report = connect(simulator, stored=False).check()
    assert states(report) == "pppfs"
    assert isinstance(report.error, PermissionRefused)
    assert "Security Levels" in step(report, "access")[1]


def test_an_empty_view_is_a_warning_because_the_msp_itself_is_always_there(
    serve: Serve, connect: Connect
) -> None:
    report = connect(serve(northwind([])), stored=False).check()
    assert states(report) == "pppwp"
    assert "no company at all" in step(report, "access")[0]


@pytest.mark.parametrize(
    ("used", "state", "words"),
    [(100, "p", "of 10,000"), (5_500, "w", "more slowly"), (9_500, "w", "has to wait")],
)
def test_the_budget_step(serve: Serve, connect: Connect, used: int, state: str, words: str) -> None:
    report = connect(serve(northwind(hourly_used=used)), stored=False).check()
    assert states(report) == f"pppp{state}"
    assert words in step(report, "budget")[0]
    assert report.passed


def test_a_budget_that_cannot_be_read_is_only_a_warning(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("html-page", path="thresholdinformation")
    report = connect(simulator, stored=False).check()
    assert states(report) == "ppppw"
    assert report.budget is None


def test_systems_without_a_version_call(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("no-version")
    assert states(connect(simulator, stored=False).check()) == "ppppp"
    wrong = dataclasses.replace(CREDENTIALS, secret="not-the-right-one")
    simulator.requests.clear()
    assert states(connect(simulator, stored=False, credentials=wrong).check()) == "ppfss"
    assert refused(simulator) <= 1


def test_an_untidy_zone_address_works(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("zone-url-untidy")
    assert states(connect(simulator, stored=False).check()) == "ppppp"
    assert states(connect(simulator, stored=True).check()) == "ppppp"


def test_a_zone_answer_outside_of_the_allowed_hosts_gets_no_credentials(
    serve: Serve, connect: Connect
) -> None:
    simulator, other = serve(northwind()), serve(northwind())
    simulator.inject("zone-elsewhere", url=f"{other.base_url}/ATServicesRest/")
    for stored in (False, True):
        report = connect(simulator, stored=stored).check()
        assert states(report) == "fssss"
        assert isinstance(report.error, DestinationRefused)
    assert len(other.requests) == 0
    assert with_credentials(simulator) == 0


def test_a_silent_look_up_falls_back_to_the_stored_zone_only(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.inject("gateway-error", path="zoneinformation")
    report = connect(simulator, stored=False).check()
    assert states(report) == "fssss"
    assert "few minutes" in step(report, "zone")[1]
    assert with_credentials(simulator) == 0
    report = connect(simulator, stored=True).check()
    assert states(report) == "wpppp"
    assert report.passed


def test_a_tenant_that_moved_is_found_without_a_refusal(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    old = simulator.base_url.partition("//")[2]
    new = simulator.move_tenant(CREDENTIALS.username, 5)
    client = connect(simulator, extra_hosts=[new.base_url.partition("//")[2]])
    report = client.check(old)
    assert states(report) == "wwppp"
    assert report.passed
    assert report.moved_from == simulator.api_url
    assert report.zone is not None
    assert report.zone.api_url == new.api_url == client.api_url
    assert "moved you here" in step(report, "zone")[0]
    assert refused(simulator) == 0


def test_a_chosen_platform_moves_along_and_passes_afterwards(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    old = simulator.base_url.partition("//")[2]
    new = simulator.move_tenant(CREDENTIALS.username, 5)
    client = connect(simulator, extra_hosts=[new.base_url.partition("//")[2]])
    moved = client.check(old)
    assert (moved.passed, states(moved)) == (True, "wwppp")
    assert moved.zone is not None
    assert moved.platform == moved.zone.key == new.base_url.partition("//")[2]
    again = connect(simulator, extra_hosts=[moved.platform], api_url=new.api_url)
    assert again.check(moved.platform).platform == moved.platform
    # A choice that stayed behind, because the move was followed by a read and not by a check.
    behind = again.check(old)
    assert (behind.passed, states(behind)) == (True, "pwppp")
    assert behind.platform == moved.platform
    assert "since Autotask moved it" in step(behind, "platform")[0]


def test_what_is_detected_stays_detected_after_a_move(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    new = simulator.move_tenant(CREDENTIALS.username, 5)
    report = connect(simulator, extra_hosts=[new.base_url.partition("//")[2]]).check()
    assert (report.passed, report.platform) == (True, "")


def test_a_moved_tenant_whose_new_host_is_not_allowed(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    simulator.move_tenant(CREDENTIALS.username, 5)
    report = connect(simulator).check()
    assert states(report) == "fssss"
    assert isinstance(report.error, DestinationRefused)
    assert with_credentials(simulator) == 0


def test_a_refusal_after_the_move_is_sent_once_too(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    new = simulator.move_tenant(CREDENTIALS.username, 5)
    wrong = dataclasses.replace(CREDENTIALS, secret="not-the-right-one")
    client = connect(simulator, extra_hosts=[new.base_url.partition("//")[2]], credentials=wrong)
    assert states(client.check()) == "wpfss"
    assert refused(simulator) == 1


def test_checking_again_after_a_refusal_asks_again(serve: Serve, connect: Connect) -> None:
    simulator = serve(northwind())
    fault = simulator.inject("locked-user", times=1)
    client = connect(simulator)
    assert not client.check().passed
    assert client.check().passed
    assert fault.hits == 1


@pytest.mark.parametrize("fault", ["html-page", "truncated-json", "empty-body", "deep-json", "redirect"])
def test_odd_answers_end_the_check_with_a_sentence(serve: Serve, connect: Connect, fault: str) -> None:
    simulator = serve(northwind())
    for path, expected in (
        ("zoneinformation", "fssss"),
        ("version", "ppfss"),
        ("entityinformation", "pppfs"),
    ):
        simulator.inject(fault, path=path)
        report = connect(simulator, stored=False).check()
        assert states(report) == expected
        assert report.error is not None
        assert report.error.user_text.endswith(".")
        simulator.clear()
