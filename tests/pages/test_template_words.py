"""The small words of the templates: how long ago something was."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from integrations.templatetags.portal import ago


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (dt.timedelta(0), "just now"),
        (dt.timedelta(seconds=59), "just now"),
        (dt.timedelta(seconds=61), "1 minute ago"),
        (dt.timedelta(minutes=59, seconds=30), "59 minutes ago"),
        (dt.timedelta(hours=1, minutes=1), "1 hour ago"),
        (dt.timedelta(hours=23, minutes=59), "23 hours ago"),
        (dt.timedelta(days=1, hours=9), "1 day ago"),
        (dt.timedelta(days=29), "29 days ago"),
        (dt.timedelta(days=70), "2 months ago"),
        (dt.timedelta(days=800), "2 years ago"),
        (dt.timedelta(seconds=-30), "in a moment"),
        (dt.timedelta(minutes=-5, seconds=-10), "in 5 minutes"),
        (dt.timedelta(days=-3, minutes=-1), "in 3 days"),
    ],
)
def test_a_moment_is_told_in_its_largest_unit(length: dt.timedelta, words: str) -> None:
    assert ago(timezone.now() - length) == words


def test_no_moment_is_told_by_nothing() -> None:
    assert ago(None) == ""
