"""What an action brought is seen where the person is, heard, and stays while it has something to offer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Visitor, company_box, find, wait_for_job
from tests.journeys.test_work_by_keyboard import use

IN_VIEW = """(element) => {
  const { top, bottom, left, right } = element.getBoundingClientRect();
  return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
}"""


def seen(page: Page, text: str) -> Locator:
    """The message with this text, which is in the window now."""
    message = page.locator("#messages-status .alert").filter(has_text=text)
    expect(message).to_be_visible()
    assert message.evaluate(IN_VIEW), text
    return message


def to_the_end(page: Page) -> None:
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")


def go_through(page: Page, *, by_keyboard: bool) -> None:
    """Suggest, Ignore, Undo, Save, Undo, Refresh, each from far down the page."""

    def press(button: Locator) -> None:
        if by_keyboard:
            use(page, button)
        else:
            button.click()

    press(page.get_by_role("button", name="Suggest Values"))
    seen(page, "Nothing is saved yet.")
    expect(page.locator("#job")).not_to_contain_text("companies were read")  # of another action
    press(page.get_by_role("button", name="Select none"))
    seen(page, "no longer selected")
    page.goto(f"{page.url.split('?')[0].split('#')[0]}?q=dental&size=200")
    to_the_end(page)
    page.get_by_role("button", name="Discard the unsaved choice for Epworth Dental Care").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ignore Epworth Dental Care").focus()
    page.keyboard.press("Enter")
    message = seen(page, "Epworth Dental Care is ignored")
    press(message.get_by_role("button", name="Undo"))
    seen(page, "put back as before")
    to_the_end(page)
    page.get_by_role("checkbox", name="Save Irby Dental Care").check()
    page.locator("#action-bar").get_by_role("button", name="Save Mappings").press("Enter")
    message = seen(page, "Mappings saved: 1 new.")
    press(message.get_by_role("button", name="Undo"))
    seen(page, "put back as before")


@pytest.mark.parametrize("width", [400, 1280])
def test_the_outcome_is_in_view_by_mouse(person: Visitor, width: int) -> None:
    page = person.page
    page.set_viewport_size({"width": width, "height": 860})
    go_through(page, by_keyboard=False)
    with page.expect_navigation():
        page.get_by_role("button", name="Refresh Options").click()
    to_the_end(page)
    seen(page, "Refresh options:")
    expect(page.locator("#job")).to_contain_text("Refresh options:")


def test_the_outcome_is_in_view_by_keyboard(person: Visitor) -> None:
    go_through(person.page, by_keyboard=True)


@pytest.mark.without_scripts
def test_the_outcome_stands_beside_the_table_without_scripts(person: Visitor) -> None:
    page = find(person, "Upton")
    page.get_by_role("button", name="Suggest Values").click()
    seen(page, "Nothing is saved yet.")
    page.get_by_role("button", name="Save Mappings").first.click()
    message = seen(page, "Mappings saved:")
    message.get_by_role("button", name="Undo").click()
    seen(page, "put back as before")
    page.get_by_role("button", name="Discard the unsaved choice for Upton Dental Care").click()
    page.get_by_role("button", name="Ignore Upton Dental Care").click()
    seen(page, "Upton Dental Care is ignored").get_by_role("button", name="Undo").click()
    seen(page, "put back as before")
    page.get_by_role("button", name="Refresh Options").click()
    wait_for_job(page)


def test_what_offers_something_stays_and_the_rest_leaves(person: Visitor) -> None:
    page = find(person, "Dental")
    page.clock.install()
    page.reload()
    # Whichever is open: what other journeys of this portal saved or ignored stays so.
    page.get_by_role("button", name=re.compile("^Ignore .+ Dental Care$")).first.click()
    undo = seen(page, "Dental Care is ignored")
    page.clock.fast_forward(60_000)
    expect(undo).to_be_visible()
    page.evaluate("portal.tell('error', 'Could not be done.')")
    page.evaluate("portal.tell('info', 'Only for your information.')")
    page.clock.fast_forward(13_000)
    expect(page.get_by_text("Only for your information.")).to_have_count(0)
    expect(page.get_by_text("Could not be done.")).to_be_visible()
    undo.get_by_role("button", name="Undo").click()
    seen(page, "put back as before")


def test_a_row_of_the_review_begins_with_its_name_on_a_phone(person: Visitor) -> None:
    page = person.page
    page.set_viewport_size({"width": 400, "height": 860})
    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?state=unmapped")
    name = page.get_by_role("region", name="Our organization").get_by_role("heading")
    assert name.evaluate(IN_VIEW)
    first = name.inner_text()
    to_the_end(page)
    page.locator("[data-key='next']").press("Enter")
    expect(name).not_to_have_text(first)
    assert name.evaluate(IN_VIEW)
    expect(page.locator("#review .btn kbd:visible")).to_have_count(0)
    # Where only a company can be picked, its field waits until it is wanted: its list would lie in the way.
    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?state=unmapped&q={first}")
    expect(page.get_by_role("link", name="Back to the table")).to_be_focused()
    expect(page.get_by_role("combobox", name="Another company")).to_have_attribute("aria-expanded", "false")
    assert name.evaluate(IN_VIEW)


def test_what_hears_nothing_says_so_once_and_takes_it_back(person: Visitor) -> None:
    page, warning = person.page, person.page.get_by_text("There is no connection to the portal. What you see")
    page.route("**/progress-of-a-job", lambda route: route.abort())
    with page.expect_request("**/progress-of-a-job"):
        page.evaluate("""() => {
          document.querySelector("main").insertAdjacentHTML("beforeend",
            `<div hx-get="/progress-of-a-job" hx-trigger="every 100ms" hx-swap="none"></div>`);
          htmx.process(document.querySelector("main > :last-child"));
        }""")
    expect(warning).to_be_visible()
    for _ in range(3):
        page.wait_for_event("requestfailed")
    expect(page.locator("#messages-alert .alert")).to_have_count(1)
    page.unroute("**/progress-of-a-job")
    page.route("**/progress-of-a-job", lambda route: route.fulfill(status=204))
    expect(warning).to_have_count(0)
    lost = ("ERR_FAILED", "error: htmx:")
    person.complaints[:] = [told for told in person.complaints if not any(each in told for each in lost)]


def test_a_slow_button_is_there_again_where_no_page_comes(person: Visitor) -> None:
    page = person.page
    page.route("**/mappings/suggest/", lambda route: route.fulfill(status=204))
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_role("button", name="Matching…")).to_be_disabled()
    page.keyboard.press("Escape")
    button = page.get_by_role("button", name="Suggest Values")
    expect(button).to_be_enabled()
    expect(button.locator("svg")).to_be_visible()


def test_a_name_without_a_blank_widens_no_page(person: Visitor) -> None:
    page, url = person.page, person.portal.url
    name = "Llanfair" + "pwllgwyngyll" * 15
    page.goto(f"{url}/organizations/add/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name=re.compile("^(Save|Add)")).first.click()
    page.wait_for_url(re.compile(r"/organizations/\d+/"))
    page.goto(f"{url}/integrations/autotask/1/review/?q=Llanfair")
    expect(page.locator("main").get_by_text(name).first).to_be_visible()
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def test_a_tick_that_did_not_arrive_is_taken_back(person: Visitor) -> None:
    page = find(person, "Faldingworth")
    page.get_by_role("button", name="Suggest Values").click()
    tick = page.get_by_role("checkbox", name="Save Faldingworth Dental Care")
    expect(tick).to_be_checked()
    page.route("**/tick/", lambda route: route.abort())
    tick.click()
    expect(page.get_by_text("Nothing was changed; try again.")).to_be_visible()
    expect(tick).to_be_checked()
    person.complaints.clear()  # the browser told of the lost connection, too


def test_a_company_that_was_not_taken_is_not_shown_as_chosen(person: Visitor) -> None:
    page = find(person, "Hackthorn")
    box = company_box(page, "Hackthorn")
    before = box.input_value()
    box.fill("wicken")
    page.route("**/company/", lambda route: route.abort())
    page.get_by_role("option", name=re.compile("Wickenby")).click()
    expect(page.get_by_text("Nothing was changed; try again.")).to_be_visible()
    expect(box).to_have_value(before)
    page.keyboard.press("Tab")
    expect(box).to_have_count(0)  # the text of the row is back
    person.complaints.clear()  # the browser told of the lost connection, too
