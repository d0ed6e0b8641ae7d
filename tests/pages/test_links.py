"""Every link on every page leads somewhere: no role is shown a way to a page that is not open to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import Job
from integrations.services.history import undo as undoing
from integrations.services.mapping.proposals import choose_company
from integrations.services.suggestions.suggest import propose_mappings
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import actor_of, make_organization

Signed = Callable[[User], Client]
LINK = re.compile(r'<a\b[^>]*\bhref="([^"]*)"')
NOT_OURS = ("/admin/", "/accounts/", "/static/")
MOST_PAGES = 400


@pytest.fixture
def in_use(owner: User, member: User) -> None:
    """Mappings that are in order, that need review or are elsewhere; suggestions, a failed job, an undo."""
    instance = make_instance("Larkspur", is_default=True)
    companies = [
        make_company(instance, 101, "Abbott Dental Care, LLC"),
        make_company(instance, 102, "Birchwood Veterinary Clinic", is_active=False),
        make_company(instance, 103, "Dunmore Dental"),
    ]
    other = make_company(make_instance("Other"), 301, "Calloway Dental")
    rows = [
        make_organization(name) for name in ("Abbott Dental Care", "Birchwood Clinic", "Calloway", "Dunmore")
    ]
    choose(owner, rows[0], companies[0])
    batch = save(owner, instance).batch
    undoing.undo_batch(actor_of(owner), batch)
    choose(owner, rows[0], companies[0])
    save(owner, instance)
    make_mapping(rows[1], companies[1])
    make_mapping(rows[2], other)
    for user in (owner, member):
        propose_mappings(user, instance)
        choose_company(user, instance, rows[0], None)
    Job.objects.create(
        instance=instance, kind=Job.Kind.REFRESH_OPTIONS, state=Job.State.FAILED, error="It did not work."
    )


def shape(address: str) -> tuple[str, frozenset[str]]:
    """Addresses of one shape differ only in what the parameters ask for; one of them is enough."""
    parts = urlsplit(address)
    return re.sub(r"\d+", "0", parts.path), frozenset(name for name, _ in parse_qsl(parts.query))


def links_of(page: str, address: str) -> list[str]:
    return [urljoin(address, unescape(link)) for link in LINK.findall(page)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("role", ["owner", "member", "reader"])
def test_every_link_that_a_role_is_shown_is_open_to_it(
    in_use: None, request: pytest.FixtureRequest, client_of: Signed, role: str
) -> None:
    client = client_of(request.getfixturevalue(role))
    waiting, seen, dead = [("/", "the start")], {shape("/")}, []
    while waiting:
        address, origin = waiting.pop()
        response = client.get(address)
        if response.status_code == 302 and "reauthenticate" in response["Location"]:
            continue
        if response.status_code != 200:
            dead.append(f"{address} on {origin}: {response.status_code}")
            continue
        if response.streaming or not response["Content-Type"].startswith("text/html"):
            continue
        page = response.content.decode()
        for link in links_of(page, address):
            target, fragment = urldefrag(link)
            parts = urlsplit(target)
            if fragment and target == address and f'id="{fragment}"' not in page:
                dead.append(f"{link} on {address}: nothing has this id")
            if fragment == "filters" and "open=filter" not in target:
                dead.append(f"{link} on {address}: the filter would be closed")
            if parts.netloc or parts.path.startswith(NOT_OURS) or shape(target) in seen:
                continue
            seen.add(shape(target))
            waiting.append((target, address))
        assert len(seen) < MOST_PAGES
    assert dead == []
    assert len(seen) > 20


def test_whoever_has_no_role_is_told_so_and_can_leave(stranger: User, client_of: Signed) -> None:
    """The overview is not open to them either: a button that leads there would go round in circles."""
    for address in ("/", "/organizations/"):
        response = client_of(stranger).get(address)
        page = response.content.decode()
        assert response.status_code == 404
        assert f"<strong>{stranger.username}</strong>, who has no role here yet" in " ".join(page.split())
        assert 'action="/accounts/logout/"' in page
        assert 'href="/"' not in page.split("entrance-card")[1]


def test_others_are_led_back_to_the_overview(reader: User, client_of: Signed) -> None:
    for client in (client_of(reader), Client()):
        page = client.get("/no/such/page/").content.decode()
        assert "no role here" not in page
        assert "Go to the overview" in page


def test_whoever_has_no_role_is_shown_no_way_to_what_is_not_there_for_them(
    stranger: User, client_of: Signed
) -> None:
    client = client_of(stranger)
    for page in ("/accounts/browsers/", "/accounts/log/", "/accounts/2fa/", "/accounts/password/change/"):
        text = client.get(page).content.decode()
        body = text.partition("<main")[0] + text.partition("</main>")[2]
        addresses = set(re.findall(r'<a [^>]*href="(/[^"#]+)"', body))
        assert addresses
        for address in addresses:
            assert client.get(address).status_code in {200, 302}, (page, address)
