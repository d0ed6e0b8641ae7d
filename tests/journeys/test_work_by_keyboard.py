"""The mapping workspace by keyboard alone: no mouse is touched, and the focus is seen at every stop."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, Response, expect

from tests.journeys.conftest import Visitor, company_box
from tests.journeys.conftest import find as search
from tests.journeys.page_checks import PAINTED, tab_to


def find(visitor: Visitor, text: str) -> Page:
    """Search the table with its key."""
    page = visitor.page
    page.locator("body").press("/")
    expect(page.locator("#table-q")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text=text).first).to_be_visible()
    expect(page).to_have_url(re.compile(f"q={text}"))
    return page


def use(page: Page, control: Locator) -> None:
    """Tab to the control and press it."""
    tab_to(page, control)
    page.keyboard.press("Enter")


def test_the_table_is_filtered_sorted_and_arranged(person: Visitor) -> None:
    page = find(person, "Thonock")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Thonock Dental Care", exact=True)).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Ignore Thonock Dental Care"))
    page.keyboard.press("Enter")
    expect(page.locator("#messages-status")).to_contain_text("is ignored from now on")
    expect(
        page.get_by_role("link", name="Thonock Dental Care", exact=True)
    ).to_be_focused()  # in the row that was swapped
    use(page, page.get_by_role("button", name="Restore Thonock Dental Care"))
    expect(page.get_by_role("button", name="Ignore Thonock Dental Care")).to_be_visible()

    page.reload()
    use(page, page.get_by_role("link", name="Autotask company", exact=True))
    expect(page).to_have_url(re.compile("sort=company"))
    page.reload()
    use(page, page.locator("summary").filter(has_text="View"))
    tab_to(page, page.get_by_label("City"))
    page.keyboard.press("Space")
    use(page, page.get_by_role("button", name="Show and keep for me"))
    expect(page.get_by_role("columnheader", name="City")).to_be_visible()


def test_the_filter_is_set_and_previewed(person: Visitor) -> None:
    page = person.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/filters/edit/" in request.url else None)
    use(page, page.locator("#filters summary"))
    expect(page.locator("#filter-form")).to_be_visible()  # it comes when the card is opened
    tab_to(page, page.get_by_role("combobox", name="Filter").first)
    page.keyboard.type("city", delay=60)  # a closed list changes with every letter that leads elsewhere
    operation = page.get_by_role("combobox", name="Operation").first
    expect(operation).to_be_enabled()
    expect(operation).to_have_value("contains")
    assert len(asked) == 1
    expect(page.get_by_role("combobox", name="Filter").first).to_have_value("city")
    tab_to(page, page.get_by_role("textbox", name="Value").first)
    page.keyboard.type("Dayton")
    use(page, page.get_by_role("button", name="Preview"))
    expect(page.get_by_text(re.compile("compan(y|ies) match"))).to_be_visible()


def test_a_company_is_picked(person: Visitor) -> None:
    page = find(person, "Kirton")
    page.keyboard.press("j")
    page.keyboard.press("e")
    box = page.get_by_role("combobox", name="Autotask company for Kirton Dental Care")
    expect(box).to_be_focused()
    options = page.get_by_role("listbox", name="Companies").get_by_role("option")
    expect(options.first).to_contain_text("Kirton Dental Care, LLC")
    page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("dental")
    expect(options.nth(1)).to_be_visible()
    for marked in (options.first, options.nth(1)):  # Down begins at what the search has marked by itself
        page.keyboard.press("ArrowDown")
        expect(marked).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("2011")  # by its id
    expect(options).to_have_count(1)
    expect(box).to_have_attribute("aria-activedescendant", re.compile("^option-"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="Kirton")).to_contain_text("Unsaved")
    text = page.get_by_role("link", name="Autotask company for Kirton Dental Care: Wickenby Roofing")
    expect(text).to_be_focused()
    page.keyboard.press("s")  # typing on it is a search, too
    expect(box).to_have_value("s")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(text).to_be_visible()
    page.keyboard.press("x")
    tick = page.get_by_role("checkbox", name="Save Kirton Dental Care")
    expect(tick).not_to_be_checked()
    expect(page.locator("#action-bar")).to_be_hidden()
    tick.focus()  # Enter reviews the row from wherever in it, and saves nothing
    page.keyboard.press("Enter")
    page.wait_for_url("**/review/?*organization=*")


def test_saving_and_taking_back(person: Visitor) -> None:
    page = find(person, "Laughton")
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.keyboard.type("laughton")
    expect(page.get_by_role("option", selected=True).filter(has_text="Laughton")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#action-bar")).to_contain_text("1 new")
    use(page, page.locator("#action-bar").get_by_role("button", name="Save Mappings"))
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    page.reload()
    find(person, "Laughton")
    use(page, page.get_by_role("button", name="Unmap Laughton Dental Care"))
    expect(page.locator("#action-bar")).to_contain_text("1 removed")
    use(page, page.locator("#action-bar").get_by_role("button", name="Save Mappings"))
    expect(page.get_by_text("Mappings saved: 1 removed.")).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")
    use(page, page.get_by_role("button", name="Undo"))
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()


def test_a_missing_company_is_explained_and_warnings_are_followed(person: Visitor) -> None:
    page = person.page
    use(page, page.get_by_role("link", name="Why is my company missing?"))
    page.wait_for_url("**/missing/**")
    tab_to(page, page.get_by_label("Company name or id"))
    page.keyboard.type("Shut Dental")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is inactive in Autotask.")).to_be_visible()
    use(page, page.get_by_role("link", name=re.compile("^Choose it")))
    page.wait_for_url(re.compile(r"/autotask/1/(?!missing)"))

    find(person, "Messingham")
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.keyboard.type("shut dental")
    expect(page.get_by_role("option", selected=True).filter(has_text="Shut")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#action-bar")).to_contain_text("1 new")
    use(page, page.locator("#action-bar").get_by_role("button", name="Save Mappings"))
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    use(page, page.get_by_role("link", name=re.compile("^Company is inactive")))
    expect(page.get_by_text("What to do:")).to_be_visible()


def test_home_by_keyboard(person: Visitor) -> None:
    page = person.page
    page.goto(person.portal.url)
    card = page.get_by_role(
        "region", name="Main", exact=True
    )  # other journeys have configurations of their own
    use(page, card.get_by_role("link", name="Needs review", exact=True))
    expect(page).to_have_url(re.compile("state=review"))


def test_the_keys_are_listed_and_can_be_switched_off(person: Visitor) -> None:
    page = person.page
    page.goto(f"{person.portal.url}/integrations/autotask/1/?q=Corringham")  # few rows to go past
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    tab_to(page, dialog.get_by_role("checkbox"), 3)
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#table-q")).not_to_be_focused()
    page.reload()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    use(page, page.get_by_role("button", name="Keyboard shortcuts"))  # the way back in
    expect(dialog.get_by_role("checkbox")).not_to_be_checked()


def test_few_keys_a_suggestion(person: Visitor) -> None:
    page = person.page
    page.get_by_role("button", name="Suggest Values").press("Enter")
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?tier=sure&q=by+")
    presses = []
    for keys in (["Enter"], ["r", "j"], ["Enter"], ["i"]):
        expect(page.get_by_role("button", name="Accept and save")).to_be_focused()
        heading = page.get_by_role("region", name="Our organization").get_by_role("heading")
        before = heading.inner_text()
        for key in keys:  # faster than the answers come: the second waits for the first
            page.keyboard.press(key)
        expect(heading).not_to_have_text(before)
        presses.append(len(keys))
    assert max(presses) <= 3


def asked_ahead(response: Response) -> bool:
    """Whether the page asked for the next row before anybody did."""
    return "x-prefetch" in response.request.headers


def test_the_next_row_is_there_before_it_is_asked_for(person: Visitor) -> None:
    page = person.page
    heading = page.get_by_role("region", name="Our organization").get_by_role("heading")
    with page.expect_response(asked_ahead) as response:
        page.goto(f"{person.portal.url}/integrations/autotask/1/review/?state=unmapped")
    response.value.finished()
    first, address = heading.inner_text(), page.url
    asked: list[str] = []
    page.on("response", lambda response: None if asked_ahead(response) else asked.append(response.url))
    with page.expect_response(asked_ahead) as response:  # for the row after the next one
        page.keyboard.press("j")
        expect(heading).not_to_have_text(first)
    assert asked == []
    second = heading.inner_text()
    expect(page).to_have_url(re.compile(r"&organization=\d+$"))
    expect(page.locator("#review :focus")).to_have_count(1)

    # Whatever else is pressed is asked for; and going back in the browser leads to the rows that were seen.
    response.value.finished()
    page.keyboard.press("k")
    expect(heading).to_have_text(first)
    assert [address for address in asked if "organization=" in address] != []
    page.go_back()
    expect(heading).to_have_text(second)
    page.go_back()
    expect(heading).to_have_text(first)
    assert page.url == address


def test_a_key_in_the_moment_a_row_comes_is_not_lost(person: Visitor) -> None:
    """What was just swapped in works at once: pressing its link loads no page, which would swallow keys."""
    page = person.page
    with page.expect_response(asked_ahead) as response:
        page.goto(f"{person.portal.url}/integrations/autotask/1/review/?state=unmapped")
    response.value.finished()
    page.evaluate(
        """() => {
          window.isSamePage = true;
          const press = () => document.querySelector('[data-key="previous"]').click();
          document.addEventListener("htmx:afterSwap", () => setTimeout(press), { once: true });
        }"""
    )
    first = page.get_by_role("region", name="Our organization").get_by_role("heading")
    name = first.inner_text()
    with page.expect_response(lambda response: "organization=" in response.url and not asked_ahead(response)):
        page.keyboard.press("j")
    expect(first).to_have_text(name)
    assert page.evaluate("window.isSamePage")


def test_the_cards_by_keyboard(person: Visitor) -> None:
    page = person.page
    use(page, page.get_by_role("button", name="Test connection"))
    expect(page.get_by_text("The connection works.").first).to_be_visible()

    # The connection: open the card, open the secret, be told at once, and keep what is stored.
    use(page, page.locator("#connection > details > summary"))
    use(page, page.locator("details.replace > summary").first)
    secret = page.get_by_role("textbox", name="API User Password")
    expect(secret).to_be_focused()
    page.keyboard.type("********")
    page.keyboard.press("Tab")
    expect(page.locator("#id_connection-secret_error")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    expect(secret).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    expect(page.locator("#id_connection-secret_error")).to_have_count(0)

    # The filter: a field, its operation, a wrong value, and the way from the summary to what is wrong.
    use(page, page.locator("#filters > details > summary"))
    expect(page.locator("#filter-form")).to_be_visible()  # it comes when the card is opened
    tab_to(page, page.get_by_label("Filter", exact=True))
    page.keyboard.type("Company type")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    tab_to(page, page.get_by_label("Value"))
    page.keyboard.type("x")
    page.keyboard.press("Tab")
    expect(page.locator("#id_filters-0-value_error")).to_be_visible()
    use(page, page.get_by_role("button", name="Save filter"))
    expect(page.locator(".error-summary")).to_be_focused()
    use(page, page.get_by_role("link", name=re.compile("^Row 1, Value")))
    expect(page.get_by_label("Value")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    use(page, page.get_by_role("button", name="Preview"))
    expect(page.get_by_text("companies match.")).to_be_visible()

    # Rows come and go, and the focus stays where the work is.
    preview = page.get_by_role("button", name="Preview")
    expect(preview).to_be_focused()
    page.keyboard.press("Shift+Tab")
    add = page.get_by_role("button", name="Add filter")
    expect(add).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Filter row 2")).to_be_visible()
    expect(add).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Remove filter row 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Filter row 2")).to_have_count(0)
    expect(add).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Remove filter row 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Filter", exact=True)).to_have_value("")


def test_a_key_that_is_held_down_decides_once(person: Visitor) -> None:
    page = person.page
    page.get_by_role("button", name="Suggest Values").press("Enter")
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?tier=sure")
    expect(page.get_by_role("button", name="Accept and save")).to_be_focused()
    total = int(re.findall(r"of (\d+) open", page.locator(".lead").inner_text())[0])
    decided: list[str] = []
    page.on("request", lambda asked: decided.append(asked.url) if asked.method == "POST" else None)
    page.keyboard.down("Enter")
    for _ in range(20):  # the system repeats it
        page.keyboard.down("Enter")
        page.wait_for_timeout(30)
    expect(page.locator(".lead")).to_contain_text(f"of {total - 1} open")
    page.keyboard.up("Enter")
    assert len(decided) == 1
    page.keyboard.press("u")
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()


def test_keys_of_an_input_method_decide_nothing(person: Visitor) -> None:
    """Enter that ends the writing of a word chooses no company, and its letters are no shortcuts."""
    page, url = person.page, person.portal.url
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    search(person, "Blyborough")
    box = company_box(page, "Blyborough")
    box.fill("wicken")
    marked = page.get_by_role("option", selected=True).filter(has_text="Wickenby")
    expect(marked).to_be_visible()
    composing = """(place) => place.dispatchEvent(
      new KeyboardEvent("keydown", {key: "%s", %s, bubbles: true, cancelable: true}))"""
    box.evaluate(composing % ("Enter", "isComposing: true"))
    box.evaluate(composing % ("Enter", "keyCode: 229"))
    box.evaluate(composing % ("Escape", "isComposing: true"))
    expect(marked).to_be_visible()
    page.goto(f"{url}/integrations/autotask/1/review/?q=borough")
    page.locator("body").evaluate(composing % ("i", "isComposing: true"))
    page.evaluate(PAINTED)
    assert posted == []
