"""Every failure kind, decided in one place."""

from __future__ import annotations

import random

import pytest

from integrations.psa.autotask.errors import (
    FailedAnswer,
    HourUsedUp,
    NotFound,
    PassingFault,
    SignInRefused,
    TrackingIdentifierRefused,
    UnknownUser,
    failure_of,
    wait_before_retry,
)
from integrations.psa.autotask.settings import RetrySettings
from integrations.psa.autotask.transport import seconds_to_wait
from integrations.psa.base import (
    FailureKind,
    InvalidRequest,
    PermissionRefused,
    PSAError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)

THREADS = "The Autotask API thread threshold of 3 threads has been exceeded. (Itgenatr005)"
HOUR = "The API request threshold of 10000 requests per 60 minutes has been exceeded."
PERMISSION = "The logged in Resource does not have the adequate permissions to query this entity type."


DEADLOCK = "Transaction (Process ID 71) was deadlocked on lock resources. Rerun the transaction."


@pytest.mark.parametrize(
    ("status", "words", "expected", "retryable"),
    [
        (401, "", SignInRefused, False),
        (500, "IntegrationCode is invalid", TrackingIdentifierRefused, False),
        (500, "Zone information could not be determined", UnknownUser, False),
        (500, PERMISSION, PermissionRefused, False),
        (403, "", PermissionRefused, False),
        (403, "anything", PermissionRefused, False),
        (429, THREADS, RateLimited, True),
        (500, THREADS, RateLimited, True),
        (200, THREADS, RateLimited, True),
        (429, "", RateLimited, True),
        (429, HOUR, HourUsedUp, True),
        (500, HOUR, HourUsedUp, True),
        (500, "Unable to find colour in the Company Entity", InvalidRequest, False),
        (400, "bad value", InvalidRequest, False),
        (200, "something went wrong", InvalidRequest, False),
        (500, DEADLOCK, PassingFault, True),
        (200, DEADLOCK, PassingFault, True),
        (400, DEADLOCK, InvalidRequest, False),
        (500, "Execution Timeout Expired.", PassingFault, True),
        (500, "The timeout period elapsed prior to obtaining a connection.", PassingFault, True),
        (500, "An Unexpected Error occurred. Please contact customer support.", PassingFault, True),
        (500, "An unexpected error occurred.", InvalidRequest, False),
        (500, "", Unavailable, True),
        (502, "", Unavailable, True),
        (503, "", Unavailable, True),
        (504, "try later", Unavailable, True),
        (408, "", Unavailable, True),
        (404, "", NotFound, False),
        (404, "no such thing", NotFound, False),
        (405, "The requested resource does not support http method 'GET'.", NotFound, False),
        (301, "", UnexpectedAnswer, False),
        (307, "", UnexpectedAnswer, False),
        (204, "", UnexpectedAnswer, False),
        (418, "", UnexpectedAnswer, False),
    ],
)
def test_status_and_words_decide(status: int, words: str, expected: type[PSAError], retryable: bool) -> None:
    failure = failure_of(FailedAnswer("webservices14.autotask.net", status, (words,) if words else ()))
    assert type(failure) is expected
    assert failure.retryable is retryable
    assert failure.user_text.endswith((".", words))
    assert str(status) in failure.technical
    assert words in failure.technical


def test_a_refusal_says_that_nobody_can_tell_which_part_is_wrong() -> None:
    text = failure_of(FailedAnswer("host", 401)).user_text
    for words in ("does not say which part", "password", "tracking identifier", "five minutes"):
        assert words in text


def waits(failure: PSAError, settings: RetrySettings | None = None) -> list[float]:
    """The waits between the tries of a call that always fails like this."""
    settings = settings or RetrySettings()
    found: list[float] = []
    while (wait := wait_before_retry(failure, len(found) + 1, settings, random.Random(1))) is not None:
        found.append(wait)
    return found


@pytest.mark.parametrize(
    "answer",
    [
        FailedAnswer("host", 401),
        FailedAnswer("host", 403),
        FailedAnswer("host", 404),
        FailedAnswer("host", 500, ("Unable to find colour in the Company Entity",)),
        FailedAnswer("host", 500, ("IntegrationCode is invalid",)),
        FailedAnswer("host", 302),
        FailedAnswer("host", 429, (HOUR,)),
    ],
)
def test_final_failures_are_not_retried(answer: FailedAnswer) -> None:
    assert waits(failure_of(answer)) == []


def test_lost_answers_are_retried_a_few_times_with_growing_jittered_waits() -> None:
    found = waits(failure_of(FailedAnswer("host", 503)))
    assert len(found) == 2
    assert 0.25 <= found[0] <= 0.5 <= found[1] <= 1.0


def test_a_busy_service_is_retried_longer_and_inside_a_bound() -> None:
    found = waits(failure_of(FailedAnswer("host", 500, (THREADS,))))
    assert len(found) == 5
    assert all(wait <= RetrySettings().longest_wait for wait in found)
    assert found[-1] > found[0]


def test_a_wait_that_the_server_names_is_kept_when_it_is_bearable() -> None:
    assert min(waits(failure_of(FailedAnswer("host", 429, (), retry_after=12.0)))) >= 12.0
    assert waits(failure_of(FailedAnswer("host", 429, (), retry_after=600.0))) == []


def test_a_fault_that_passes_is_tried_once_or_twice_more() -> None:
    found = waits(failure_of(FailedAnswer("host", 500, (DEADLOCK,))))
    assert len(found) == 2
    assert 0.5 <= found[0] <= 1.0 <= found[1] <= 2.0


NOON = "Mon, 30 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("7", "", 7.0),
        ("Mon, 30 Nov 2026 12:00:09 GMT", NOON, 9.0),
        ("Mon, 30 Nov 2026 11:59:00 GMT", NOON, 0.0),
        ("Monday, 30-Nov-26 12:00:09 GMT", NOON, 9.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", NOON, 999_999.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "", 0.0),
        ("Mon, 30 Nov 2026 12:00:09 GMT", "nonsense", None),
        ("", NOON, None),
        ("-5", NOON, None),
        ("soon", NOON, None),
        ("1e3", NOON, None),
    ],
)
def test_retry_after_is_a_number_or_a_moment(retry_after: str, date: str, seconds: float | None) -> None:
    found = seconds_to_wait(retry_after, date)
    if date == "nonsense":  # by the portal's own clock, then
        assert found is not None
        assert 0.0 <= found <= 999_999.0
    else:
        assert found == seconds


def test_the_hour_names_a_time_to_come_back() -> None:
    failure = failure_of(FailedAnswer("host", 429, (HOUR,)))
    assert failure.kind is FailureKind.RATE
    assert failure.retry_after == 900
    assert "15 minutes" in failure.user_text
