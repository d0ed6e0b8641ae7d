"""A file in three steps by mouse, by keyboard and without scripts; companies that are there; a source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import (
    OWN,
    Portal,
    Visitor,
    company,
    connect_main,
    join,
    open_visitor,
    running_portal,
    wait_for_job,
)
from tests.journeys.page_checks import faults, tab_to

FIRM_FILE = "Nr;Kunde;Ort;Faxnummer\n{0}-1;{0} Marina;Erie;1\n{0}-2;{0} Printing;Akron;2\n"


def firm_file(word: str) -> dict[str, object]:
    """A file with two organizations of this word, semicolons and headers of another language."""
    content = FIRM_FILE.format(word).encode("utf-16")
    return {"name": f"{word.lower()}.csv", "mimeType": "text/csv", "buffer": content}


def choose(page: Page, portal: Portal, word: str) -> None:
    """The first page, with the file chosen."""
    page.goto(f"{portal.url}/organizations/upload/")
    page.locator("input[type=file]").set_input_files(firm_file(word))  # type: ignore[arg-type]


def take_three_steps(page: Page, portal: Portal, word: str) -> None:
    """From the file to the report; works without scripts too."""
    choose(page, portal, word)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="What is it")).to_be_visible()
    expect(page.get_by_label("Delimiter")).to_contain_text("Found: Semicolon")
    expect(page.get_by_role("cell", name=f"{word} Marina")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Which column is what")).to_be_visible()
    page.get_by_label("Nr is", exact=True).select_option("external_id")
    page.get_by_label("Kunde is", exact=True).select_option("name")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("2 new, 0 changed")).to_be_visible()
    page.get_by_role("button", name="Import these rows").click()
    expect(page.get_by_text("All rows were written.")).to_be_visible()


def test_by_mouse_and_again_as_the_last_time(person: Visitor) -> None:
    page = person.page
    take_three_steps(page, person.portal, "Zwartsluis")
    choose(page, person.portal, "Zwartsluis")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(re.compile("^As on"))).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Kunde is", exact=True)).to_have_value("name")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("Nothing would change")).to_be_visible()
    expect(page.get_by_role("button", name="Import these rows")).to_have_count(0)
    page.get_by_role("button", name="Discard this file").click()
    expect(page.get_by_text("Nothing of it was imported.")).to_be_visible()


def test_by_keyboard_alone(person: Visitor) -> None:
    page = person.page
    choose(page, person.portal, "Yerseke")
    tab_to(page, page.get_by_role("button", name="Continue"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What is it")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Continue"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Which column is what")).to_be_visible()
    tab_to(page, page.get_by_label("Kunde is", exact=True))
    page.keyboard.type("Name")
    tab_to(page, page.get_by_role("button", name="See what will happen"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 new, 0 changed")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Import these rows"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("All rows were written.")).to_be_visible()


@pytest.mark.without_scripts
def test_without_scripts(person: Visitor) -> None:
    take_three_steps(person.page, person.portal, "Xanten")


@pytest.mark.parametrize("width", [1280, 400])
def test_each_step_is_accessible_and_fits(workshop: Portal, chromium: Browser, width: int) -> None:
    context = chromium.new_context(
        bypass_csp=True, reduced_motion="reduce", viewport={"width": width, "height": 860}
    )
    page, found = join(workshop, context).page, []
    choose(page, workshop, f"Wijchen{width}")
    found += faults(page, "the file")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="What is it")).to_be_visible()
    found += faults(page, "what is it")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Ort is", exact=True).select_option("name")
    page.get_by_label("Kunde is", exact=True).select_option("name")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("They were both chosen")).to_be_visible()
    found += faults(page, "a question")
    page.get_by_label("Ort is", exact=True).select_option("city")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("Nothing is written yet")).to_be_visible()
    found += faults(page, "what will happen")
    page.goto(f"{workshop.url}/sources/add/")
    found += faults(page, "a form of a source")
    page.get_by_label("Name", exact=True).fill(f"Tiel {width}")
    page.locator("input[type=file]").set_input_files(firm_file("Tiel"))  # type: ignore[arg-type]
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"Tiel {width}")).to_be_visible()
    found += faults(page, "a source")
    page.goto(f"{workshop.url}/sources/")
    found += faults(page, "the sources")
    context.close()
    assert found == []


def test_a_source_shows_what_changed_and_is_imported(person: Visitor, tmp_path: Path) -> None:
    page, url = person.page, person.portal.url
    may, june = tmp_path / "may.csv", tmp_path / "june.csv"
    may.write_text("name,external id\nVeere Marina,V1\nVeere Printing,V2\nVeere Inn,V3\n")
    june.write_text("name,external id\nVeere Marina,V1\nVeere Print,V2\nVeere Bakery,V4\n")
    page.goto(f"{url}/imports/")
    page.get_by_role("link", name="Sources").click()
    page.get_by_role("link", name="Add a source").first.click()
    page.get_by_label("Name", exact=True).fill("Veere")
    page.locator("input[type=file]").set_input_files(may)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It was the first look; the next one shows what changed.").last).to_be_visible()
    page.get_by_role("button", name="Import these rows").click()
    page.get_by_role("button", name="Import these rows").click()
    expect(page.get_by_text("All rows were written.")).to_be_visible()

    page.goto(f"{url}/sources/")
    page.get_by_role("link", name="Veere").click()
    page.locator("input[type=file]").set_input_files(june)
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("heading", name="1 new")).to_be_visible()
    expect(page.get_by_role("heading", name="1 renamed")).to_be_visible()
    expect(page.get_by_role("heading", name="1 left")).to_be_visible()
    page.get_by_role("button", name="Import these rows").click()
    expect(page.get_by_text("1 new, 1 changed")).to_be_visible()
    page.get_by_role("button", name="Import these rows").click()
    expect(page.get_by_text("2 rows written")).to_be_visible()
    page.goto(f"{url}/organizations/?q=Veere")
    expect(page.get_by_role("link", name="Veere Inn", exact=True)).to_be_visible()  # left, and still there


WORDS = [
    "Abernathy",
    "Brockhurst",
    "Cavendish",
    "Dunsmuir",
    "Ellerslie",
    "Farquhar",
    "Galbraith",
    "Hathaway",
    "Inglewood",
]
DOUBLES = [
    OWN,
    *(company(300 + number, f"{word} Welding, LLC", city="Lima") for number, word in enumerate(WORDS)),
    *(company(400 + number, f"{word} Nursery") for number, word in enumerate(("Jessup", "Kilbride", "Lock"))),
    company(500, "=== OLD ACCOUNTS BELOW ==="),
    company(501, "Mirador Motors", isActive=False),
]  # fmt: skip
PEOPLE = "name,domain,city\n" + "".join(f"{word} Welding,,Lima\n" for word in WORDS)


@pytest.fixture
def doubles(tmp_path: Path, common_folder: Path) -> Iterator[Portal]:
    """A portal whose nine organizations are companies under slightly other names, among others."""
    with running_portal(tmp_path, common_folder, (DOUBLES, [OWN], PEOPLE)) as running:
        yield running


def test_companies_with_nine_of_them_proposed_already(doubles: Portal, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    visitor = open_visitor(context, doubles)
    page = visitor.page
    visitor.sign_in("olive")
    connect_main(visitor)
    wait_for_job(page)
    companies = f"{doubles.url}/integrations/autotask/1/companies/import/"
    page.goto(companies)
    expect(page.get_by_role("button", name="Create 3, map 9", exact=True)).to_be_visible()
    page.goto(f"{doubles.url}/integrations/autotask/1/")
    page.get_by_role("button", name="Suggest Values").click()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()

    page.goto(companies)
    expect(page.get_by_role("button", name="Create 3, map 0", exact=True)).to_be_visible()
    expect(page.get_by_text("Proposed already for Abernathy Welding")).to_be_visible()
    for name in ("Abernathy Welding, LLC", "=== OLD ACCOUNTS BELOW ===", "Mirador Motors"):
        expect(page.get_by_label(f"Import {name}")).not_to_be_checked()
    # All that the head's box stands for, and none of those that a person looks at one by one.
    page.get_by_label("Tick this page").uncheck()
    page.get_by_label("Tick this page").check()
    expect(page.locator("input[name=company]:checked")).to_have_count(3)
    for word in WORDS:
        page.get_by_label(f"Import {word} Welding, LLC").check()
    expect(page.get_by_role("button", name="Create 3, map 9", exact=True)).to_be_visible()
    page.get_by_label("What becomes of Inglewood Welding, LLC").select_option("create")
    page.get_by_role("button", name="Create 4, map 8", exact=True).click()
    expect(page.get_by_text("4 organizations added and mapped, 8 that were there mapped")).to_be_visible(
        timeout=30_000
    )
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text(re.compile("changes put back as before"))).to_be_visible()
    context.close()
    assert visitor.complaints == []
