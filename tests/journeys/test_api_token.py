"""An owner gives another program a token, the program asks, and the owner takes the token back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from playwright.sync_api import expect

from tests.journeys.conftest import PASSWORD, Visitor


def ask(url: str, token: str) -> tuple[int, dict[str, object]]:
    """What the API answers a program."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310  # our own
    try:
        with urllib.request.urlopen(request, timeout=15) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_token_is_made_used_and_revoked(person: Visitor) -> None:
    page, portal = person.page, person.portal
    page.goto(f"{portal.url}/tokens/")
    page.get_by_role("link", name="New token").first.click()

    # Making one asks for the password again.
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New token")).to_be_visible()
    page.get_by_label("Name").fill("Billing export")
    page.get_by_label("Resolve an organization to its company").check()
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_text("it cannot be shown again")).to_be_visible()
    token = page.get_by_label("Token", exact=True).input_value()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()

    # A program asks: the organization is known, and not mapped yet.
    question = f"{portal.url}/api/v1/resolve?by=domain&value=epworth.example"
    status, answer = ask(question, token)
    assert (status, answer["code"]) == (404, "unmapped")
    status, answer = ask(f"{portal.url}/api/v1/organizations", token)
    assert (status, answer["code"]) == (403, "right_missing")

    # The list knows of it, but not the token itself; the API is described without the internet.
    page.get_by_role("link", name="Done").click()
    row = page.get_by_role("row").filter(has_text="Billing export")
    expect(row).to_contain_text("Active")
    expect(row).to_contain_text("just now")
    assert token not in page.content()
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_text("GET /api/v1/resolve")).to_be_visible()

    # Revoked: refused from that moment on.
    page.goto(f"{portal.url}/tokens/")
    page.get_by_role("button", name="Revoke Billing export").click()
    expect(page.get_by_role("row").filter(has_text="Billing export")).to_contain_text("Revoked")
    status, answer = ask(question, token)
    assert (status, answer["code"]) == (401, "token_refused")
