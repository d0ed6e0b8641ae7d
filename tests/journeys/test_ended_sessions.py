"""A session that has ended costs nothing: only its cookie is gone before each kind of request."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.journeys.conftest import PASSWORD, Visitor, company_box, find, open_summary, wait_for_job

SETUP = "integrations/autotask/1/"
BACK = "Your changes are still here"


def end_session(page: Page) -> str:
    """Delete the session's cookie and nothing else; returns whose it was."""
    name = page.locator(".topbar-name").inner_text()
    page.context.clear_cookies(name="sessionid")
    return name


def leaves_noted(page: Page) -> list[str]:
    """What the browser asks from now on before it leaves the page; it leaves all the same."""
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    return asked


def sign_in_again(page: Page, name: str) -> None:
    """On the sign-in page that everything must have led to, as a whole page of its own."""
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    expect(page.locator("nav[aria-label='Main']")).to_have_count(0)
    assert "/accounts/login/?next=" in page.url
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".topbar-name")).to_have_text(name)


def search_company(page: Page) -> None:
    company_box(page, "Skellow Dental Care").fill("wicken")


def open_picker(page: Page) -> None:
    page.get_by_role("link", name="Autotask company for Skellow Dental Care").click()


def choose_company(page: Page) -> None:
    page.get_by_role("option", name=re.compile("Wickenby")).click()


def tick(page: Page) -> None:
    page.get_by_role("checkbox", name=re.compile("^Save ")).first.click()


def suggest(page: Page) -> None:
    page.get_by_role("button", name="Suggest Values").click()


def refresh(page: Page) -> None:
    page.get_by_role("button", name="Refresh Options").click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save Mappings").first.click()


def ignore(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Ignore Skellow")).click()


def check_connection(page: Page) -> None:
    page.get_by_role("button", name="Test connection").click()


@pytest.mark.parametrize("act", [suggest, refresh, save, ignore, check_connection, open_picker])
def test_who_acts_too_late_is_back_at_the_page(person: Visitor, act: Callable[[Page], None]) -> None:
    page = find(person, "Skellow")
    address = page.url
    name = end_session(page)
    act(page)
    sign_in_again(page, name)
    assert page.url.split("#")[0] == address.split("#")[0]
    expect(page.get_by_text(BACK)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Skellow")).to_be_visible()


def test_a_search_and_a_choice_go_on_where_they_were(person: Visitor) -> None:
    page = find(person, "Skellow")
    search_company(page)
    expect(page.get_by_role("option", name=re.compile("Wickenby"))).to_be_visible()
    name = end_session(page)
    choose_company(page)
    sign_in_again(page, name)
    box = page.get_by_role("combobox", name="Autotask company for Skellow Dental Care")
    expect(box).to_have_value("Wickenby Roofing")
    page.get_by_role("option", name=re.compile("Wickenby")).click()
    expect(page.locator("#action-bar")).to_contain_text("1 new")

    name = end_session(page)
    tick(page)
    sign_in_again(page, name)
    expect(page.get_by_role("checkbox", name="Save Skellow Dental Care")).not_to_be_checked()
    expect(page.locator("#action-bar")).to_be_hidden()  # it was sent once more, by itself


def test_what_was_entered_is_still_there_but_no_secret(person: Visitor) -> None:
    page, url = person.page, person.portal.url
    page.goto(f"{url}/organizations/add/")
    page.get_by_label("Name", exact=True).fill("Quarrington Bakers")
    page.get_by_label("Domain").fill("quarrington.example")
    name = end_session(page)
    page.get_by_role("button", name=re.compile("^(Save|Add)")).first.click()
    sign_in_again(page, name)
    assert page.url == f"{url}/organizations/add/"
    expect(page.get_by_label("Name", exact=True)).to_have_value("Quarrington Bakers")
    expect(page.get_by_label("Domain")).to_have_value("quarrington.example")
    expect(page.get_by_text(BACK)).to_be_visible()

    page.goto(f"{url}/integrations/autotask/add/")
    asked = leaves_noted(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    page.goto(f"{url}/integrations/autotask/add/")
    assert asked == [], "nothing was typed"
    page.get_by_label("Name", exact=True).fill("Third")
    page.get_by_role("textbox", name="API User Password").fill("never-to-be-kept")
    name = end_session(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
    kept = page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])")
    assert "Third" in kept
    assert "never-to-be-kept" not in kept
    sign_in_again(page, name)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Third")
    expect(page.get_by_role("textbox", name="API User Password")).to_have_value("")
    expect(page.get_by_text("enter those again")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('portal-entries')") is None
    page.goto(url)
    assert asked == ["beforeunload"], "what is entered again is not saved yet"


def test_rows_of_the_filter_come_back(person: Visitor) -> None:
    page = person.page
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_label("Value").fill("1")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("group", name="Filter row 2")).to_be_visible()
    asked = leaves_noted(page)
    name = end_session(page)
    page.get_by_role("button", name="Preview").last.click()
    sign_in_again(page, name)
    assert asked == [], "what was entered is kept: nothing is left behind"
    expect(page.get_by_role("group", name="Filter row 2")).to_be_visible()
    expect(page.get_by_label("Value").first).to_have_value("1")


def test_review_by_keyboard_goes_on_at_its_row(person: Visitor) -> None:
    page = person.page
    page.goto(f"{person.portal.url}/{SETUP}review/?q=borough")
    heading = page.get_by_role("region", name="Our organization").get_by_role("heading")
    page.keyboard.press("j")
    page.wait_for_url(re.compile(r"organization=\d+"))
    at, address = heading.inner_text(), page.url
    name = end_session(page)
    page.keyboard.press("i")  # ignores, by htmx
    sign_in_again(page, name)
    assert page.url == address
    expect(heading).to_have_text(at)
    expect(page.get_by_text(BACK)).to_be_visible()
    name = end_session(page)
    page.keyboard.press("k")  # only looks
    sign_in_again(page, name)
    expect(heading).to_have_text(at)


def test_somebody_else_gets_nobodys_entries(person: Visitor) -> None:
    page, url = person.page, person.portal.url
    page.goto(f"{url}/organizations/add/")
    page.get_by_label("Name", exact=True).fill("Not for olive")
    end_session(page)
    page.get_by_role("button", name=re.compile("^(Save|Add)")).first.click()
    sign_in_again(page, "olive")
    expect(page.get_by_label("Name", exact=True)).to_have_value("")


def test_who_signed_in_again_elsewhere_is_led_back_too(person: Visitor) -> None:
    """Another tab has another form token since: nothing is lost, and nobody reads of old forms."""
    page = find(person, "Conisborough")
    name = end_session(page)
    other = page.context.new_page()
    other.goto(f"{person.portal.url}/{SETUP}")
    sign_in_again(other, name)
    other.close()
    page.get_by_role("button", name=re.compile("^Ignore Conisborough")).click()
    expect(page.get_by_text("Press once more")).to_be_visible()
    assert "q=Conisborough" in page.url


def test_who_watches_a_job_is_led_to_the_sign_in_and_back(person: Visitor) -> None:
    """The progress asks by itself; what it is answered then is no part of the page."""
    page = find(person, "Conisborough")
    simulator = person.portal.simulator
    assert simulator is not None
    simulator.inject("latency", seconds=2)
    try:
        refresh(page)
        expect(page.locator("#job progress")).to_be_visible()
        address = page.url
        name = end_session(page)
        sign_in_again(page, name)
    finally:
        simulator.clear()
    assert page.url.split("#")[0] == address.split("#")[0]
    expect(page.get_by_text(BACK)).to_be_visible()
    wait_for_job(page)


def test_back_from_a_refused_form_sends_nothing_again(person: Visitor) -> None:
    """A page that answers a form stands in the history as the page of the form."""
    page = find(person, "Conisborough")
    open_summary(page, "Company filter")
    filters = page.locator("#filters")
    filters.get_by_label("Filter", exact=True).last.select_option("city")
    expect(filters.get_by_label("Operation", exact=True).last).to_be_enabled()
    filters.get_by_role("button", name="Save filter").click()
    expect(filters.get_by_text("Enter a value.", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"/{SETUP}[^/]*$"))
    page.goto(f"{person.portal.url}/glossary/")
    with page.expect_response(lambda answer: answer.request.is_navigation_request()) as again:
        page.go_back()
    assert (again.value.request.method, again.value.status) == ("GET", 200)
    expect(page.get_by_role("heading", name="Organization mapping")).to_be_visible()


def test_the_end_is_announced_and_put_off(person: Visitor) -> None:
    page = person.page
    page.clock.install()
    page.goto(f"{person.portal.url}/{SETUP}")
    page.clock.fast_forward("01:56:00")
    warning = page.locator("#messages-alert")
    expect(warning).to_contain_text("Your session ends in")
    with page.expect_response("**/accounts/stay/") as answer:
        warning.get_by_role("button", name="Stay signed in").press("Enter")
    assert answer.value.status == 204
    expect(warning.locator(".alert")).to_have_count(0)


@pytest.mark.without_scripts
@pytest.mark.parametrize("act", [suggest, save, ignore, check_connection])
def test_without_scripts_who_acts_too_late_is_back_at_the_page(
    person: Visitor, act: Callable[[Page], None]
) -> None:
    page = find(person, "Skellow")
    address = page.url
    name = end_session(page)
    act(page)
    sign_in_again(page, name)
    assert page.url.split("#")[0] == address.split("#")[0]
    expect(page.get_by_text(BACK)).to_be_visible()
