"""Coming in: a second factor at the first sign-in, passkeys, and proofs by single sign-on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_httpserver import HTTPServer

from tests.journeys.conftest import PASSWORD, Portal, Visitor, open_visitor, running_portal
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider

ADD_AN_OWNER = """
from django.contrib.auth.models import Group, User
nora = User.objects.create_user("nora", "nora@example.com")
nora.groups.add(Group.objects.get(name="Owners"))
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
