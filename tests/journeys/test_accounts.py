"""Coming in: a second factor at the first sign-in, passkeys, and proofs by single sign-on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_httpserver import HTTPServer

from tests.journeys.conftest import PASSWORD, Portal, Visitor, open_visitor, running_portal
from tests.people.test_accounts import code_of
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider

ADD_AN_OWNER = """
import os
from django.contrib.auth.models import Group, User
nora = User.objects.create_user("nora", "nora@example.com")
nora.groups.add(Group.objects.get(name="Owners"))
User.objects.create_superuser("sue", "sue@example.com", os.environ["DJANGO_SUPERUSER_PASSWORD"])
"""


@pytest.fixture(scope="module")
def identities() -> Iterator[IdentityProvider]:
    """The company's own identity provider, which knows Nora."""
    with HTTPServer(port=0) as server:
        found = IdentityProvider(server)
        found.person = {"sub": "u-17", "email": "nora@example.com", "email_verified": True}
        found.start()
        yield found


@pytest.fixture(scope="module")
def locked(
    tmp_path_factory: pytest.TempPathFactory, common_folder: Path, identities: IdentityProvider
) -> Iterator[Portal]:
    """A portal that demands a second factor of superusers, and knows the identity provider."""
    settings = {
        "REQUIRE_SECOND_FACTOR": "superusers",
        "OIDC_SERVER_URL": identities.server.url_for("").rstrip("/"),
        "OIDC_NAME": "Company sign-on",
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    folder = tmp_path_factory.mktemp("locked")
    with running_portal(folder, common_folder, None, host="localhost", **settings) as running:
        running.manage("shell", "--verbosity", "0", "-c", ADD_AN_OWNER)
        yield running


@pytest.fixture
def newcomer(locked: Portal, chromium: Browser) -> Iterator[Visitor]:
    """Somebody whose device holds passkeys; the browser must not complain."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    visitor = open_visitor(context, locked)
    devices = context.new_cdp_session(visitor.page)
    devices.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    yield visitor
    context.close()
    assert visitor.complaints == []


def test_a_superuser_sets_up_a_passkey_at_the_first_sign_in_and_comes_in_with_it(newcomer: Visitor) -> None:
    page, url = newcomer.page, newcomer.portal.url

    def enter_password() -> None:
        page.goto(f"{url}/organizations/")
        page.get_by_label("Username").fill("olive")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")

    # Nothing is open before it.
    enter_password()
    expect(page.get_by_text("Your role demands a second factor")).to_be_visible()
    page.goto(f"{url}/organizations/")
    expect(page.get_by_text("Your role demands a second factor")).to_be_visible()

    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them: go on").click()
    expect(page.get_by_role("link", name="Organizations")).to_be_visible()

    # The next sign-in asks for it.
    page.context.clear_cookies()
    enter_password()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Organizations")).to_be_visible()

    # It proves again who it is, and what happened can be read.
    page.goto(f"{url}/tokens/add/")
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="New token")).to_be_visible()
    page.goto(f"{url}/accounts/log/")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Proved once more who it is")
    expect(page.get_by_role("row").nth(2)).to_contain_text("password, passkey")


def test_an_owner_without_a_password_proves_it_by_single_sign_on(
    newcomer: Visitor, identities: IdentityProvider
) -> None:
    page, url = newcomer.page, newcomer.portal.url
    page.goto(f"{url}/")
    page.get_by_role("button", name="Company sign-on").click()
    expect(page.get_by_role("link", name="Integrations").first).to_be_visible()

    page.goto(f"{url}/tokens/")
    page.get_by_role("link", name="New token").first.click()
    expect(page.get_by_text("ask you to sign in once more")).to_be_visible()
    page.get_by_role("button", name="Sign in again").click()
    expect(page.get_by_role("heading", name="New token")).to_be_visible()
    asked = [request.url for request, _ in identities.server.log if "/authorize" in request.url]
    assert "prompt=login" not in asked[0]
    assert "prompt=login" in asked[-1]


def test_after_signing_out_the_way_back_shows_nothing(newcomer: Visitor) -> None:
    """Whoever uses the browser next presses Back."""
    page, url = newcomer.page, newcomer.portal.url
    page.goto(f"{url}/")
    page.get_by_role("button", name="Company sign-on").click()
    expect(page.get_by_role("link", name="Organizations")).to_be_visible()
    page.get_by_role("link", name="Organizations").click()
    expect(page.get_by_role("heading", name="Organizations", exact=True)).to_be_visible()
    expect(page.get_by_text("Harrow Lane Dental").first).to_be_visible()
    page.goto(f"{url}/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_text("Harrow Lane Dental")).to_have_count(0)


def test_a_new_person_comes_in_by_a_link(newcomer: Visitor, locked: Portal, chromium: Browser) -> None:
    """A superuser adds them and is shown the link once; they choose their password and sign in with it."""
    page, url = newcomer.page, newcomer.portal.url
    page.goto(f"{url}/people/add/")
    page.get_by_label("Username").fill("sue")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Set up").click()
    secret = page.locator("#authenticator_secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("link", name="I have kept them: go on").click()

    page.goto(f"{url}/people/add/")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Username").fill("nadia")
    page.get_by_label("E-mail address").fill("nadia@example.com")
    page.get_by_label("Members").check()
    page.get_by_role("button", name="Add person").click()
    link = page.get_by_label("Link", exact=True).input_value()
    assert link.startswith(f"{url}/accounts/welcome/#")

    theirs = chromium.new_context(viewport={"width": 400, "height": 800})
    guest = open_visitor(theirs, locked)
    asked: list[str] = []
    guest.page.on("request", lambda request: asked.append(request.url))
    guest.page.goto(link)
    expect(guest.page.get_by_label("New password", exact=True)).to_be_focused()
    assert "#" not in guest.page.url, "the code is taken out of the address"
    code = link.partition("#")[2]
    assert not any(code in address.partition("#")[0] for address in asked), "no server was sent it"
    for label in ("New password", "New password once more"):
        guest.page.get_by_label(label, exact=True).fill("Summer2026!")
    guest.page.get_by_role("button", name="Set password").click()
    expect(guest.page.get_by_text("too easy to guess").first).to_be_visible()
    for label in ("New password", "New password once more"):
        guest.page.get_by_label(label, exact=True).fill("heron lantern river")
    guest.page.get_by_role("button", name="Set password").click()
    expect(guest.page.get_by_text("Your password is set")).to_be_visible()
    guest.page.get_by_label("Username").fill("nadia")
    guest.page.get_by_label("Password", exact=True).fill("heron lantern river")
    guest.page.keyboard.press("Enter")
    guest.page.wait_for_url(f"{url}/")
    theirs.close()
    # A form with errors answers 422, which Chromium puts on its console.
    assert [each for each in guest.complaints if "422" not in each] == []

    page.goto(f"{url}/people/?q=nadia")
    page.get_by_role("link", name="nadia").click()
    expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_text("Signed out in 1 browser.")).to_be_visible()
