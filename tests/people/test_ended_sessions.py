"""Where the sign-in leads back to, and what a form hears that comes too late or from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import IntegrationInstance

pytestmark = pytest.mark.django_db
Browser = Callable[[User], Client]
PASSWORD = "a long pass phrase"
HERE = "http://testserver"


def goal(address: str) -> str:
    """The page that the sign-in at this address leads back to."""
    parts = urlsplit(address)
    assert parts.path == "/accounts/login/"
    return parse_qs(parts.query)["next"][0]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("part", ["mappings/", "job/", "mappings/1/company/", "review/1/", "mappings/tick/"])
def test_a_part_of_a_page_leads_the_page_to_the_sign_in(
    instance: IntegrationInstance, method: str, part: str
) -> None:
    page = f"{instance.get_absolute_url()}?state=suggested&q=a%20b"
    headers = {"HX-Request": "true", "HX-Current-URL": f"{HERE}{page}"}
    answer = getattr(Client(), method)(f"{instance.get_absolute_url()}{part}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert goal(answer.headers["HX-Redirect"]) == page


@pytest.mark.parametrize(
    ("referer", "page"),
    [
        (f"{HERE}/organizations/?q=x", "/organizations/?q=x"),
        (f"{HERE}/accounts/login/?next=/jobs/", "/jobs/"),
        (f"{HERE}/accounts/login/?next=//evil.example/", "/"),
        (f"{HERE}/accounts/login/?next=https://evil.example/", "/"),
        ("https://evil.example/organizations/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_a_form_that_comes_too_late_leads_back_to_its_page(referer: str, page: str) -> None:
    answer = Client().post("/undo/00000000-0000-4000-8000-000000000000/", headers={"Referer": referer})
    assert answer.status_code == 302
    assert goal(answer.headers["Location"]) == page


def test_a_page_leads_back_to_itself_and_says_nothing() -> None:
    client = Client()
    answer = client.get("/organizations/?q=x")
    assert goal(answer.headers["Location"]) == "/organizations/?q=x"
    assert "comes-back" not in client.cookies


def test_who_signs_in_again_hears_once_that_nothing_is_lost(reader: User) -> None:
    client = Client()
    late = client.post("/jobs/1/cancel/", headers={"Referer": f"{HERE}/jobs/"})
    answer = client.post(
        late.headers["Location"], {"login": reader.username, "password": PASSWORD, "next": "/jobs/"}
    )
    assert answer.headers["Location"] == "/jobs/"
    assert "Your changes are still here" in client.get("/jobs/").content.decode()
    assert "still here" not in client.get("/jobs/").content.decode()
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": reader.username, "password": PASSWORD})
    assert "still here" not in client.get("/jobs/").content.decode()


def strict(person: User | None = None) -> Client:
    client = Client(enforce_csrf_checks=True)
    if person:
        client.force_login(person)
    client.get("/accounts/login/" if person is None else "/glossary/")
    return client


def test_a_token_of_another_sign_in_leads_to_the_sign_in_or_back(owner: User) -> None:
    late = {"csrfmiddlewaretoken": "x" * 64}
    anonymous = strict().post("/jobs/1/cancel/", late, headers={"Referer": f"{HERE}/jobs/?kind=a"})
    assert goal(anonymous.headers["Location"]) == "/jobs/?kind=a"
    at_sign_in = strict().post(
        "/accounts/login/", late, headers={"Referer": f"{HERE}/accounts/login/?next=/jobs/"}
    )
    assert goal(at_sign_in.headers["Location"]) == "/jobs/"

    client = strict(owner)
    answer = client.post("/jobs/1/cancel/", late, headers={"Referer": f"{HERE}/jobs/?kind=a"})
    assert answer.status_code == 403
    assert 'href="/jobs/?kind=a"' in answer.content.decode()
    headers = {"HX-Request": "true", "HX-Current-URL": f"{HERE}/jobs/?kind=a"}
    part = client.post("/jobs/1/cancel/", late, headers=headers)
    assert (part.status_code, part.headers["HX-Redirect"]) == (204, "/jobs/?kind=a")
    assert "Press once more" in client.get("/jobs/").content.decode()


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_origin_is_told_as_what_it_is(owner: User, known: bool) -> None:
    client = strict(owner if known else None)
    answer = client.post(
        "/jobs/1/cancel/" if known else "/accounts/login/",
        headers={"Origin": "https://portal.elsewhere.example"},
    )
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "https://portal.elsewhere.example" in text
    assert "CSRF_TRUSTED_ORIGINS" in text
    assert "too old" not in text


def test_who_refuses_cookies_is_told_so(reader: User) -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": reader.username})
    assert answer.status_code == 403
    assert "refuses cookies" in answer.content.decode()


def test_every_answer_tells_how_long_the_session_lasts(client_of: Browser, reader: User) -> None:
    client = client_of(reader)
    idle, whole = client.get("/accounts/stay/").headers["Session-Ends-In"].split()
    assert 7100 < int(idle) <= 7200
    assert 43_100 < int(whole) <= 43_200
    assert 'data-session="7' in client.get("/glossary/").content.decode()
    assert "Session-Ends-In" not in Client().get("/accounts/login/").headers
    assert Client().get("/accounts/stay/").status_code == 302
