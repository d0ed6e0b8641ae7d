"""The bar at the head of every page: drawn once for all who see the same, and for nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from integrations.templatetags import portal

pytestmark = pytest.mark.django_db
Signed = Callable[[User], Client]


def bar(client: Client, path: str) -> str:
    """The head of the page."""
    page = client.get(path).content.decode()
    return page[page.index('<header class="topbar"') : page.index("</header>")]


def current(html: str) -> list[tuple[str, str]]:
    """(kind, text) of the entries that are marked as the place."""
    return re.findall(r'aria-current="(page|true)">(?:<svg.*?</svg>)?\s*([^<]+?)\s*<', html, re.DOTALL)


def test_each_person_has_the_own_name_rights_and_token(
    owner: User, member: User, reader: User, client_of: Signed
) -> None:
    portal._drawn_topbar.cache_clear()
    seen: dict[int, set[str]] = {}
    for _ in range(2):  # the second time nothing is drawn anew
        for person in (owner, member, reader):
            html = bar(client_of(person), "/glossary/")
            assert f"<strong>{person.get_username()}</strong>" in html
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w{64})"', html)
            assert token
            seen.setdefault(person.pk, set()).add(token[1])
    assert portal._drawn_topbar.cache_info().misses == 3
    tokens = [token for each in seen.values() for token in each]
    assert len(set(tokens)) == 6, "a token is never shared"


def test_a_right_that_was_given_or_taken_shows_at_once(reader: User, client_of: Signed) -> None:
    right = Permission.objects.get(codename="view_apitoken")
    for is_given in (False, True, False):
        if is_given:
            reader.user_permissions.add(right)
        else:
            reader.user_permissions.remove(right)
        # A changed right ends the session.
        assert ("API tokens" in bar(client_of(User.objects.get(pk=reader.pk)), "/glossary/")) is is_given


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/", "page", "Integrations"),
        ("/integrations/autotask/add/", "true", "Integrations"),
        ("/drift/", "page", "Inbox"),
        ("/organizations/", "page", "Organizations"),
        ("/organizations/add/", "true", "Organizations"),
        ("/imports/", "true", "Organizations"),
        ("/glossary/", "page", "Glossary"),
        ("/accounts/browsers/", "page", "Where I am signed in"),
        ("/accounts/2fa/", "page", "Two-factor sign-in"),
    ],
)
def test_the_place_is_marked(owner: User, client_of: Signed, path: str, kind: str, text: str) -> None:
    client = client_of(owner)
    client.get("/integrations/autotask/1/nowhere/")  # other places were drawn before
    html = bar(client, path)
    assert current(html) == [(kind, text)]


def test_a_name_is_text(owner: User, client_of: Signed) -> None:
    owner.first_name, owner.last_name = "<token>", "<b>Bold</b> & Co"
    owner.save()
    html = bar(client_of(owner), "/glossary/")
    assert "&lt;token&gt; &lt;b&gt;Bold&lt;/b&gt; &amp; Co" in html
