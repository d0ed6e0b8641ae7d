"""The mapping workspace by mouse: one journey for each thing that staff do there."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.journeys.conftest import Portal, Visitor, company_box, find, join, open_summary


def suggest(visitor: Visitor) -> Page:
    """Suggest Values, and begin with nothing selected."""
    page = visitor.page
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    page.get_by_role("button", name="Select none").click()
    expect(page.get_by_text("no longer selected, on all pages")).to_be_visible()
    expect(page.locator("#action-bar")).to_be_hidden()
    return page


def test_the_table_is_filtered_sorted_and_arranged(person: Visitor) -> None:
    page = find(person, "Alderney")
    page.get_by_role("button", name="Ignore Alderney Dental Care").click()
    expect(page.locator("#messages-status")).to_contain_text("is ignored from now on")
    expect(page.get_by_role("button", name="Restore Alderney Dental Care")).to_be_visible()
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Alderney")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile(r"^Ignored \d"))).to_be_visible()

    suggest(person)
    page.get_by_role("link", name=re.compile(r"^Suggested \d")).click()
    page.get_by_text("Narrow", exact=True).click()
    page.get_by_role("combobox", name="Confidence", exact=True).select_option("sure")
    page.get_by_role("combobox", name="Company type", exact=True).select_option(label="Customer")
    find(person, "Hackthorn")
    expect(page.locator("tbody tr")).to_have_count(1)
    for part in ("state=suggested", "tier=sure", "type=1", "q=Hackthorn"):
        assert part in page.url
    page.get_by_role("link", name="Clear", exact=True).click()

    page.get_by_role("link", name="Autotask company", exact=True).click()
    page.get_by_role("link", name="Autotask company", exact=True).click()
    expect(page.get_by_role("columnheader", name="Autotask company")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_text("View", exact=True).click()
    page.get_by_label("City").check()
    page.get_by_label("Updated").uncheck()
    page.get_by_label("Rows a page").select_option("25")
    page.get_by_role("button", name="Show and keep for me").click()
    for _ in range(2):
        expect(page.get_by_role("columnheader", name="City")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Updated")).to_have_count(0)
        expect(page.locator("tbody tr")).to_have_count(25)
        assert "columns=city.reason.state" in page.url
        page.reload()
    page.goto(f"{person.portal.url}/integrations/autotask/1/")  # kept, also without the address
    expect(page.get_by_role("columnheader", name="City")).to_be_visible()


def test_a_company_is_picked(person: Visitor) -> None:
    page = suggest(person)
    find(person, "Cantley")
    box = company_box(page, "Cantley Dental Care")
    box.click()
    options = page.get_by_role("listbox", name="Companies").get_by_role("option")
    expect(options.first).to_contain_text("Cantley Dental Care, LLC")
    expect(options.first).to_contain_text("same")  # the matcher's reason
    box.fill("wickenby")
    expect(options).to_have_count(1)
    expect(options.first).to_contain_text("Lead")
    options.first.click()
    row = page.get_by_role("row").filter(has_text="Cantley")
    expect(row).to_contain_text("Unsaved")
    expect(row.locator(".company-link")).to_have_text("Wickenby Roofing")
    expect(page.locator("#action-bar")).to_contain_text("1 new")
    row.get_by_role("button", name="Discard the unsaved choice").click()
    expect(page.locator("#action-bar")).to_be_hidden()


def test_who_goes_on_while_a_choice_is_still_kept_stays_there(person: Visitor) -> None:
    page = find(person, "Brigg")
    held: list[Route] = []

    def hold(route: Route) -> None:  # a slow answer: it comes when this test lets it
        held.append(route)

    box = company_box(page, "Brigg Dental Care")
    box.click()
    box.fill("wickenby")
    option = page.get_by_role("option", name=re.compile("Wickenby"))
    expect(option).to_be_visible()
    page.route("**/company/", hold)
    with page.expect_request("**/company/"):
        option.click()
    search = page.get_by_label("Search organizations and companies")
    search.fill("Corringham")
    held.pop().continue_()
    expect(page.locator("#action-bar")).to_contain_text("1 new")
    expect(search).to_be_focused()


def test_suggestions_are_worked_through(person: Visitor) -> None:
    page = suggest(person)
    sure = page.get_by_role("button", name=re.compile(r"Select all sure \(\d+\)"))
    number = re.findall(r"\d+", sure.inner_text())[0]
    sure.click()
    expect(page.get_by_text(f"{number} rows selected, on all pages. Nothing is saved yet.")).to_be_visible()
    expect(page.locator("#action-bar")).to_contain_text(f"{number} new")
    page.get_by_role("button", name="Select none").click()
    find(person, "Elsham")
    page.get_by_role("button", name=re.compile("^Select all .*that match")).click()
    expect(page.locator("#action-bar")).to_contain_text("1 new")

    page.get_by_role("link", name="Review one by one").click()
    expect(page.get_by_text("1 of 1 open rows")).to_be_visible()
    ours = page.get_by_role("region", name="Our organization")
    expect(ours.locator("mark").first).to_have_text("Elsham")  # the evidence is marked
    expect(page.get_by_role("heading", name="Other companies")).to_be_visible()
    page.get_by_role("combobox", name=re.compile("Another company")).click()
    page.get_by_role("combobox", name=re.compile("Another company")).fill("wickenby")
    page.get_by_role("option", name=re.compile("Wickenby")).click()
    expect(page.get_by_role("region", name="Autotask company")).to_contain_text("Wickenby Roofing")
    page.reload()
    page.get_by_role("button", name="Accept and save").click()
    expect(page.get_by_text("Everything is decided")).to_be_visible()
    expect(page.locator("#messages-status")).to_contain_text("Elsham Dental Care = Elsham Dental Care, LLC")

    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?q=Fillingham")
    page.get_by_role("button", name="Not this one").click()
    expect(page.get_by_text("will not be proposed for Fillingham Dental Care again")).to_be_visible()
    page.get_by_role("button", name="Ignore organization").click()
    expect(page.get_by_text("Fillingham Dental Care is ignored")).to_be_visible()


def test_nothing_is_lost_and_conflicts_show_both_values(person: Visitor, chromium: Browser) -> None:
    page = person.page
    for word in ("Glentworth", "Haxey"):
        find(person, word)
        box = company_box(page, f"{word} Dental Care")
        box.click()
        box.fill(f"{word} dental")
        page.get_by_role("option", name=re.compile(word)).first.click()
    expect(page.locator("#action-bar")).to_contain_text("2 new")
    page.reload()
    expect(page.locator("#action-bar")).to_contain_text("2 new")

    # A colleague maps one of them to another company meanwhile.
    context = chromium.new_context()
    colleague = join(person.portal, context)
    find(colleague, "Haxey")
    box = company_box(colleague.page, "Haxey Dental Care")
    box.click()
    box.fill("anvil")
    colleague.page.get_by_role("option", name=re.compile("Anvil")).click()
    expect(colleague.page.locator("#action-bar")).to_contain_text("1 new")
    colleague.page.get_by_role("button", name="Save Mappings").first.click()
    expect(colleague.page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    context.close()

    page.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    conflict = page.locator("#messages-alert")
    expect(conflict).to_contain_text("Now: Strangeways Anvil. Yours: Haxey Dental Care, LLC.")
    find(person, "Haxey")
    page.get_by_role("button", name="Use mine for Haxey Dental Care").click()
    expect(page.locator(".conflict")).to_have_count(0)
    page.locator("#action-bar").get_by_role("button", name="Save Mappings").click()
    expect(page.get_by_text("Mappings saved: 1 changed.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()
    expect(page.locator("tr .company-link")).to_have_text("Strangeways Anvil")


def test_warnings_are_filters_with_the_next_step(person: Visitor) -> None:
    page = find(person, "Snarford")
    box = company_box(page, "Snarford Dental Care")
    box.click()
    # A list that arrives while a company is pressed does not take the click away.
    page.get_by_role("option", name=re.compile("Snarford")).first.hover()
    page.mouse.down()
    with page.expect_response(re.compile("q=snarford")) as answer:
        box.fill("snarford")
    answer.value.finished()
    page.wait_for_timeout(100)
    page.mouse.up()
    expect(page.locator("#action-bar")).to_contain_text("1 new")
    page.get_by_role("button", name="Save Mappings").first.click()
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Company twice in Autotask")).click()
    expect(page.get_by_text("What to do:")).to_be_visible()
    expect(page.locator(".warning-step")).to_contain_text("merge or rename the other one")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_missing_company_is_explained(person: Visitor) -> None:
    page = person.page
    page.get_by_role("link", name="Why is my company missing?").click()
    for text, answer in (
        ("Ingham", "It is among the options and can be chosen."),
        ("Closed Dental", "It is inactive in Autotask."),
        ("Our Own MSP", "It is your own company (id 0)"),
        ("Nowhere Land", "neither among the companies that were read nor in Autotask"),
    ):
        page.get_by_label("Company name or id").fill(text)
        page.get_by_role("button", name="Find out").click()
        expect(page.get_by_text(answer).first).to_be_visible()


def test_the_cards_judge_at_once_and_warn_before_entries_are_lost(person: Visitor) -> None:
    page = person.page
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("The connection works.").first).to_be_visible()

    page.get_by_role("heading", name="Connection").click()
    expect(page.get_by_text(re.compile(r"set on \d{4}-\d\d-\d\d by olive")).first).to_be_visible()
    page.get_by_text("Replace", exact=True).first.click()
    secret = page.get_by_role("textbox", name="API User Password")
    expect(secret).to_be_focused()
    secret.fill("••••••••")
    page.get_by_label("Name", exact=True).click()
    expect(page.locator("#id_connection-secret_error")).to_be_visible()
    expect(secret).to_have_attribute("aria-invalid", "true")

    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="Glossary").click(no_wait_after=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    secret.fill("")
    page.get_by_role("link", name="Glossary").click()  # nothing would be lost any more
    expect(page.get_by_role("heading", name="Glossary")).to_be_visible()

    page.goto(f"{person.portal.url}/integrations/autotask/1/")
    loads = int(page.evaluate("performance.getEntriesByType('navigation').length && performance.timeOrigin"))
    open_summary(page, "Company filter")
    page.get_by_label("Filter", exact=True).select_option(label="Company type")
    expect(page.get_by_label("Operation")).to_have_value("eq")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("group", name="Filter row 2")).to_be_visible()
    page.get_by_role("button", name="Remove filter row 2").click()
    expect(page.get_by_role("group", name="Filter row 2")).to_have_count(0)
    page.get_by_label("Value").fill("Wholesaler")
    page.get_by_label("Operation").focus()
    expect(page.locator("#id_filters-0-value_error")).to_be_visible()
    page.get_by_label("Value").fill("1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("companies match.")).to_be_visible()
    assert int(page.evaluate("performance.timeOrigin")) == loads  # all of it without a reload
    page.get_by_label("Value").fill("x")
    page.get_by_role("button", name="Save filter").click()
    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_role("link", name=re.compile("^Row 1, Value")).click()
    expect(page.get_by_label("Value")).to_be_focused()
    page.once("dialog", lambda dialog: dialog.accept())


def test_home_tells_how_things_are_and_leads_on(person: Visitor) -> None:
    page = person.page
    page.goto(person.portal.url)
    card = page.get_by_role("heading", name="Main").locator("xpath=ancestor::section")
    expect(card).to_contain_text("The connection works.")
    for part in ("Next refresh", "Requests this hour", re.compile(r"[1-9]\d*, read (just now|\d+ \w+ ago)")):
        expect(card).to_contain_text(part)
    card.get_by_role("link", name="Unmapped", exact=True).click()
    expect(page.get_by_role("link", name=re.compile(r"^Unmapped \d"))).to_have_attribute(
        "aria-current", "page"
    )


def test_the_first_run_leads_to_the_first_mapping(portal: Portal, visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in("olive")
    steps = page.get_by_role("listitem").filter(has_text="Bring in your organizations.")
    expect(steps).to_contain_text("5 are here.")
    page.get_by_role("listitem").filter(has_text="Connect Autotask.").get_by_role(
        "link", name="Add configuration"
    ).click()
    expect(page.get_by_role("heading", name="Add configuration")).to_be_visible()
