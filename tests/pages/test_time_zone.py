"""Times are shown in the zone that the browser told, and in the portal's own otherwise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from integrations.models import Organization
from integrations.templatetags.portal import zone_words
from portal.time_zone import zone_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    made = Organization.objects.create(name="Acme")
    noon = dt.datetime(2026, 7, 1, 12, 30, tzinfo=dt.UTC)
    Organization.objects.filter(pk=made.pk).update(created_at=noon)
    return made


@pytest.mark.parametrize(
    ("cookie", "shown", "place"),
    [
        ("", "2026-07-01 12:30", "UTC"),
        ("Europe/Berlin", "2026-07-01 14:30", "Berlin"),
        ("America%2FNew_York", "2026-07-01 08:30", "New York"),
        ("Pacific/Kiritimati", "2026-07-02 02:30", "Kiritimati"),
        ("America/Argentina/Buenos_Aires", "2026-07-01 09:30", "Buenos Aires"),
        ("Mars/Olympus_Mons", "2026-07-01 12:30", "UTC"),
    ],
)
def test_a_page_shows_times_as_the_clock_on_the_wall(
    reader: User, client_of: Callable[[User], Client], acme: Organization, cookie: str, shown: str, place: str
) -> None:
    client = client_of(reader)
    client.cookies["timezone"] = cookie
    page = client.get(reverse("integrations:organization", args=[acme.pk])).content.decode()
    assert shown in page
    assert f"Times are those of {place}." in page
    assert timezone.get_current_timezone_name() == "UTC", "the next request does not inherit it"


@pytest.mark.parametrize(
    "hostile", ["../../etc/passwd", "/etc/localtime", "\0", "Europe", "europe/berlin ", "%00", "x" * 5000]
)
def test_what_is_no_name_of_a_zone_is_passed_over(rf: RequestFactory, hostile: str) -> None:
    request: Any = rf.get("/")
    request.COOKIES["timezone"] = hostile
    assert zone_of(request) is None


def test_over_tls_the_cookie_of_this_host_alone_counts(rf: RequestFactory) -> None:
    request: Any = rf.get("/")
    request.COOKIES |= {"timezone": "Asia/Tokyo", "__Host-timezone": "Europe%2FParis"}
    assert str(zone_of(request)) == "Europe/Paris"


def test_the_sign_in_page_is_ready_to_type_in(client: Client) -> None:
    page = client.get(reverse("account_login")).content.decode()
    [field] = [line for line in page.split("<input") if 'name="login"' in line]
    assert "autofocus" in field.split(">")[0]


def test_words_of_a_zone() -> None:
    assert [zone_words(name) for name in ("UTC", "Asia/Ho_Chi_Minh")] == ["UTC", "Ho Chi Minh"]
