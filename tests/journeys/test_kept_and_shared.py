"""Two organizations on one company, and rows that need review: kept, unmapped, taken back.

By mouse, by keyboard and without scripts; each time with two organizations and a company of its own.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Visitor, company_box, find


def pick_by_hand(person: Visitor, word: str, company: str) -> None:
    """With scripts: the picker of the row."""
    page = find(person, word)
    box = company_box(page, f"{word} Dental Care")
    box.fill(company)
    page.get_by_role("option", name=re.compile(company)).click()
    expect(page.locator("#action-bar")).to_contain_text("1 new")


def pick_on_a_page(person: Visitor, word: str, company: str) -> None:
    """Without scripts: the picker is a page."""
    page = find(person, word)
    page.get_by_role("row").filter(has_text=word).locator(".company-link").click()
    page.get_by_label("Search companies").fill(company)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Choose {company}").click()
    expect(page.locator("#action-bar")).to_contain_text("1 new")


def save(page: Page) -> None:
    page.locator("#action-bar").get_by_role("button", name="Save Mappings").click()


def share(person: Visitor, words: tuple[str, str], company: str) -> Page:
    """Save both organizations with the company, which asks once, and open the review of their rows."""
    page = person.page
    pick = pick_by_hand if page.evaluate("document.documentElement.matches('.js')") else pick_on_a_page
    pick(person, words[0], company)
    save(page)
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    pick(person, words[1], company)
    save(page)
    expect(page.get_by_role("main")).to_contain_text(f"{words[0]} Dental Care, {words[1]} Dental Care")
    page.get_by_role("button", name=re.compile("^Save")).click()
    expect(page.get_by_text("Mappings saved: 1 new.")).to_be_visible()
    find(person, company)
    for word in words:
        row = page.get_by_role("row").filter(has_text=word)
        expect(row.locator(".tag", has_text="shared")).to_be_visible()
        expect(row.locator(".tag", has_text="inactive")).to_be_visible()
    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?state=review&q={company}")
    expect(page.get_by_text("1 of 2 open rows")).to_be_visible()
    expect(page.get_by_text("company is inactive").first).to_be_visible()
    return page


def left_to_review(person: Visitor, company: str) -> None:
    """What was kept is not asked about again; what was unmapped and put back is."""
    page = person.page
    page.goto(f"{person.portal.url}/integrations/autotask/1/review/?state=review&q={company}")
    expect(page.get_by_text("1 of 1 open rows")).to_be_visible()


def test_by_mouse(person: Visitor) -> None:
    page = share(person, ("Goxhill", "Grasby"), "Goxfold")
    page.get_by_role("button", name="Keep as it is").click()
    expect(page.get_by_text("It is not asked about again")).to_be_visible()
    expect(page.get_by_role("region", name="Our organization")).to_contain_text("Grasby Dental Care")
    page.get_by_role("button", name="Unmap").click()
    expect(page.get_by_text("Grasby Dental Care is no longer mapped.")).to_be_visible()
    page.locator("#messages-status").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()
    left_to_review(person, "Goxfold")


def test_by_keyboard(person: Visitor) -> None:
    page = share(person, ("Hibaldstow", "Horkstow"), "Horkfold")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is not asked about again")).to_be_visible()
    expect(page.get_by_role("region", name="Our organization")).to_contain_text("Horkstow Dental Care")
    page.keyboard.press("r")
    expect(page.get_by_text("Horkstow Dental Care is no longer mapped.")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()
    left_to_review(person, "Horkfold")


@pytest.mark.without_scripts
def test_without_scripts(person: Visitor) -> None:
    page = share(person, ("Immingham", "Irkley"), "Irkfold")
    page.get_by_role("button", name="Keep as it is").click()
    expect(page.get_by_text("It is not asked about again")).to_be_visible()
    page.get_by_role("button", name="Unmap").click()
    expect(page.get_by_text("Irkley Dental Care is no longer mapped.")).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_text("1 mapping put back as before.")).to_be_visible()
    left_to_review(person, "Irkfold")
