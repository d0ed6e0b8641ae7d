"""The mapping table as a person likes it: columns, rows a page, type, order; and rows set aside."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.models import (
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    TablePreference,
)
from integrations.services.mapping.preferences import TableView
from integrations.services.mapping.rows import TableQuery
from integrations.services.mapping.table import matching_organizations
from tests.support.rows import choose, make_company, make_instance, make_mapping, save
from tests.support.simulated import make_organization

Signed = Callable[[User], Client]


@pytest.fixture
def main(db: None) -> IntegrationInstance:
    """A configuration with three mapped organizations, of two company types."""
    instance = make_instance("Main")
    instance.options.create(field="companyType", value="1", label="Customer")
    instance.options.create(field="companyType", value="7", label="Vendor")
    for number, (name, kind) in enumerate((("Abbott", 1), ("Birchwood", 7), ("Calloway", 1)), 101):
        company = make_company(instance, number, f"{name} Inc", company_type=kind, city="Dayton")
        make_mapping(make_organization(name, external_id=f"ORG-{number}"), company)
    return instance


def address(instance: IntegrationInstance, name: str = "setup", *more: object) -> str:
    return reverse(f"integrations:{name}", args=[instance.psa, instance.pk, *more])


def heads(page: str) -> list[str]:
    """The column heads of the table, tags left out."""
    found = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page, re.DOTALL)
    return [re.sub(r"<.*?>", "", head, flags=re.DOTALL).strip() for head in found]


def test_columns_come_from_the_address_and_otherwise_from_what_was_kept(
    main: IntegrationInstance, member: User, owner: User, client_of: Signed
) -> None:
    client = client_of(member)
    usual = heads(client.get(address(main)).content.decode())
    assert usual[1:6] == ["Organization", "Autotask company", "Confidence and reason", "State", "Updated"]

    chosen = {"column": ["external", "type", "nonsense"], "size": "25", "table": "state=mapped"}
    response = client.post(address(main, "mappings_view"), chosen)
    assert response["Location"] == f"{address(main)}?state=mapped&columns=external.type&size=25#mappings"

    page = client.get(address(main)).content.decode()
    assert heads(page)[1:5] == ["Organization", "Our id", "Autotask company", "Type"]
    assert "ORG-101" in page
    assert TableView.of(member) == TableView(("external", "type"), 25)
    shared = client.get(address(main), {"columns": "city.state"}).content.decode()
    assert heads(shared)[1:5] == ["Organization", "Autotask company", "City", "State"]
    assert TablePreference.objects.get().columns == ["external", "type"]  # looking writes nothing
    assert heads(client_of(owner).get(address(main)).content.decode()) == usual


def test_no_optional_column_at_all_is_a_choice_too(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    client = client_of(member)
    response = client.post(address(main, "mappings_view"), {"size": "50"})
    assert "columns=none" in response["Location"]
    for page in (client.get(address(main)), client.get(response["Location"])):
        assert heads(page.content.decode())[1:3] == ["Organization", "Autotask company"]
        assert len(heads(page.content.decode())) == 4


@pytest.mark.parametrize("size", [0, 7, -1, 10**17])
def test_only_page_sizes_on_offer_are_kept(main: IntegrationInstance, member: User, size: int) -> None:
    assert TableView.chosen(["state"], size) == TableView(("state",), 50)


def test_a_row_that_is_swapped_alone_keeps_the_columns_of_its_page(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    row = make_organization("Dunmore")
    page = f"http://testserver{address(main)}?columns=city&state=unmapped"
    response = client_of(member).post(
        address(main, "ignore", row.pk),
        {"ignored": "1"},
        headers={"HX-Request": "true", "HX-Current-URL": page},
    )
    swapped = response.content.decode()
    assert 'data-label="City"' in swapped
    assert 'data-label="State"' not in swapped


def counts_in(page: str) -> dict[str, str]:
    """The tabs of the table with their numbers, and the buttons that count suggestions."""
    tabs = re.findall(r'<a href="\?[^"]*#mappings"[^>]*>([\w ]+) <span class="count">(\d+)</span>', page)
    return dict(tabs) | dict(re.findall(r">(Select all sure) \((\d+)\)", page))


@pytest.mark.parametrize("search", ["", "dun"])
def test_the_counts_move_with_a_row_that_is_swapped_alone(
    main: IntegrationInstance, member: User, client_of: Signed, search: str
) -> None:
    browser, rows = client_of(member), [make_organization(name) for name in ("Dunmore", "Dunwich")]
    for number, row in enumerate(rows, 301):
        MappingProposal.objects.create(
            user=member, instance=main, organization=row, kind="suggested", tier="sure", confidence=0.99,
            company=make_company(main, number, f"{row.name} Inc"),
        )  # fmt: skip
    page = f"{address(main)}?q={search}"
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    swapped = ""
    for name, row, values in (("ignore", rows[0], {"ignored": "1"}), ("discard", rows[1], {})):
        swapped = browser.post(address(main, name, row.pk), values, headers=headers).content.decode()
        assert counts_in(swapped) == counts_in(browser.get(page).content.decode())
        assert 'id="table-tabs" hx-swap-oob="true"' in swapped
        assert 'id="table-tiers" class="toolbar-part" hx-swap-oob="true"' in swapped
    assert counts_in(swapped)["Ignored"] == "1"
    assert "Suggested" not in counts_in(swapped)


ALL_ROWS = re.compile(r">((?:Ignore|Keep|Unmap) all)( [\d,]+)…<")


def test_what_is_done_with_all_rows_follows_a_row_that_is_swapped_alone(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    """Their number, and not what the page showed: only that is what a press for all may settle."""
    browser, rows = client_of(member), [make_organization(name) for name in ("Abel", "Bede", "Cato", "Dido")]
    for number, row in enumerate(rows[2:], 301):
        make_mapping(row, make_company(main, number, f"{row.name} Inc", is_active=False))
    other = make_company(main, 303, "Another Inc")
    for state, name, row, values, buttons in (
        ("unmapped", "ignore", rows[0], {"ignored": "1"}, {"Ignore all": " 1"}),
        ("unmapped", "ignore", rows[1], {"ignored": "1"}, {}),
        ("review", "choose", rows[2], {"company": other.pk}, {"Keep all": " 1", "Unmap all": " 1"}),
    ):
        page = f"{address(main)}?state={state}"
        shown = browser.get(page).content.decode()
        assert set(dict(ALL_ROWS.findall(shown)).values()) == {
            f" {int(buttons.get('Ignore all', buttons.get('Keep all', 0))) + 1}"
        }
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
        swapped = browser.post(address(main, name, row.pk), values, headers=headers).content.decode()
        assert dict(ALL_ROWS.findall(swapped)) == buttons
        assert dict(ALL_ROWS.findall(browser.get(page).content.decode())) == buttons
        assert 'id="table-all" class="toolbar-part" hx-swap-oob="true"' in swapped
        assert 'name="seen"' not in swapped
        assert ('name="seen"' in shown) is (state == "review")


def names_of(organizations: list[int]) -> list[str]:
    """The names of these organizations, in their order."""
    found = Organization.objects.filter(pk__in=organizations)
    return sorted(found.values_list("name", flat=True))


@pytest.mark.parametrize(("kind", "names"), [(1, ["Abbott", "Calloway"]), (7, ["Birchwood"]), (3, [])])
def test_the_type_is_that_of_the_company_that_the_row_shows(
    main: IntegrationInstance, member: User, kind: int, names: list[str]
) -> None:
    assert names_of(matching_organizations(main, member, TableQuery(company_type=kind))) == names
    assert TableQuery(company_type=kind).is_narrowed


def test_an_unsaved_choice_counts_with_its_own_type(main: IntegrationInstance, member: User) -> None:
    vendor = main.companies.get(company_type=7)
    abbott = main.mappings.get(organization__name="Abbott").organization
    choose(member, abbott, vendor)
    assert names_of(matching_organizations(main, member, TableQuery(company_type=7))) == [
        "Abbott",
        "Birchwood",
    ]


def test_the_heads_sort_and_say_how(main: IntegrationInstance, member: User, client_of: Signed) -> None:
    client = client_of(member)
    page = client.get(address(main), {"sort": "updated", "q": "a"}).content.decode()
    assert page.count("aria-sort=") == 1
    assert 'class="col-updated" aria-sort="descending"' in page
    assert "?sort=updated&amp;q=a&amp;dir=desc#mappings" in page
    turned = client.get(address(main), {"sort": "updated", "dir": "desc"}).content.decode()
    assert 'class="col-updated" aria-sort="ascending"' in turned
    assert "sort=organization&amp;q=a&amp;dir=asc#mappings" in page


def test_a_row_is_ignored_and_brought_back_in_the_table(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    row = make_organization("Dunmore")
    client = client_of(member)
    assert "Ignore Dunmore" in client.get(address(main)).content.decode()
    client.post(address(main, "ignore", row.pk), {"ignored": "1"})
    page = client.get(address(main)).content.decode()
    assert "Dunmore is ignored from now on" in page
    assert "Restore Dunmore" not in page  # out of the table as out of the counts
    assert "Restore Dunmore" in client.get(address(main), {"state": "ignored"}).content.decode()
    client.post(address(main, "ignore", row.pk), {"ignored": "0"})
    assert "Ignore Dunmore" in client.get(address(main)).content.decode()


def test_who_ignores_what_a_colleague_ignored_is_told_who_it_was(
    main: IntegrationInstance, member: User, owner: User, client_of: Signed
) -> None:
    row = make_organization("Dunmore")
    client_of(owner).post(address(main, "ignore", row.pk), {"ignored": "1"})
    client = client_of(member)
    client.post(address(main, "ignore", row.pk), {"ignored": "1"})
    page = client.get(address(main)).content.decode()
    assert f"Dunmore is ignored already, by {owner}." in page
    assert "from now on" not in page
    assert 'data-key="undo"' not in page  # it is not this person's to take back


def test_a_conflict_stands_in_its_row_with_both_values_until_one_is_taken(
    main: IntegrationInstance, member: User, owner: User, client_of: Signed
) -> None:
    mine, theirs = main.companies.order_by("pk")[:2]
    row = make_organization("Dunmore")
    choose(member, row, mine)
    choose(owner, row, theirs)
    assert save(owner, main).saved == 1
    client = client_of(member)

    page = client.get(address(main), {"q": "Dunmore"}).content.decode()
    assert f"saved {theirs.name}</strong> after you had looked. Yours: {mine.name}." in page
    client.post(address(main, "choose", row.pk), {"company": mine.pk})
    assert "after you had looked" not in client.get(address(main), {"q": "Dunmore"}).content.decode()
    assert save(member, main).changed == 1
    assert main.mappings.get(organization=row).company == mine


def test_before_companies_were_read_the_page_says_what_is_missing(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    """Suggest Values answers instead of being out of reach, and so does the search for a company."""
    OrganizationMapping.objects.all().delete()
    main.companies.all().delete()
    row, browser = make_organization("Dunmore"), client_of(member)
    told = browser.post(address(main, "suggest"), follow=True).content.decode()
    assert "Nothing can be suggested: no companies have been read yet. Press Refresh Options first." in told
    assert not re.search(r"<button[^>]*disabled[^>]*>[^<]*<svg[^>]*>.*?Suggest Values", told)
    for headers in ({}, {"HX-Request": "true"}):
        found = browser.get(f"{address(main, 'choose', row.pk)}?q=dun", headers=headers).content.decode()
        assert "No companies have been read yet" in found


def test_links_of_a_row_lead_back_to_where_it_stood(
    main: IntegrationInstance, member: User, owner: User, client_of: Signed
) -> None:
    """Search, tab, order and page are there after a company was chosen or a row reviewed, without scripts."""
    for number in range(30):
        make_mapping(
            make_organization(f"Calder {number:02}"), make_company(main, 500 + number, f"Calder & {number}")
        )
    elsewhere = make_organization("Calder Elsewhere")
    make_mapping(elsewhere, make_company(make_instance("Other"), 9, "Calder Else"))
    client = client_of(member)
    place = {"q": "calder", "sort": "organization", "dir": "desc", "size": "25", "page": "2"}
    here = f"{address(main)}?{urlencode(place)}"
    rows = re.findall(r"<tr id=.row-.*?</tr>", client.get(here).content.decode(), re.DOTALL)
    assert len(rows) == 6
    for row in rows:
        [link] = re.findall(r'href="([^"]*/company/[^"]*)"', row)
        page = client.get(unescape(link)).content.decode()
        back = re.search(r'name="table" value="([^"]*)"', page)
        assert back
        assert dict(parse_qsl(unescape(back[1]))) == place
    [review] = re.findall(r'class="row-link" href="([^"]*)"', rows[0])
    page = client.get(unescape(review)).content.decode()
    assert f'href="{address(main)}?q=calder#mappings">Back to the table' in page

    row = next(row for row in rows if "Calder 04" in row)
    [link] = re.findall(r'href="([^"]*/company/[^"]*)"', row)
    other = make_company(main, 900, "Calder Forty")
    posted = {"company": other.pk, "table": dict(parse_qsl(urlsplit(unescape(link)).query))["table"]}
    response = client.post(urlsplit(unescape(link)).path, posted)
    assert urlsplit(response["Location"]).path == address(main)
    assert dict(parse_qsl(urlsplit(response["Location"]).query)) == place


def test_a_row_that_moves_here_can_be_given_another_company(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    """Without scripts too: the page of companies knows that the move is meant."""
    organization = make_organization("Dunmore")
    make_mapping(organization, make_company(make_instance("Other"), 9, "Dunmore Ltd"))
    first, second = make_company(main, 300, "Dunmore One"), make_company(main, 301, "Dunmore Two")
    client, link = client_of(member), address(main, "choose", organization.pk)
    for company in (first, second):
        page = client.get(link).content.decode()
        values = dict(re.findall(r'<input type="hidden" name="(company|move)" value="([^"]*)"', page))
        client.post(link, {**values, "company": company.pk})
        proposal = MappingProposal.objects.get(organization=organization)
        assert (proposal.company, proposal.moves) == (company, True)
