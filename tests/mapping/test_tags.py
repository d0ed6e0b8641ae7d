"""What a row of the mapping table says in few words: on what a sure suggestion rests, and its small tags."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import IntegrationInstance, Organization
from integrations.services.suggestions.suggest import propose_mappings
from tests.support.rows import choose, make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db


def row_of(page: str, organization: Organization) -> str:
    rows: list[str] = re.findall(rf'<tr id="row-{organization.pk}".*?</tr>', page, re.DOTALL)
    return "".join(rows)


def tags(row: str) -> list[str]:
    return re.findall(r'<span class="tag">([^<]*)</span>', row)


def test_a_sure_suggestion_says_on_what_it_rests(
    main: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    same, spelt, part = (make_organization(name) for name in ("Larch Dental", "Plum Run Suply", "Oak Group"))
    make_company(main, 101, "Larch Dental")
    make_company(main, 102, "Plum Run Supplies", web_address="plumrunsupply.com")
    make_company(main, 103, "Oak")
    Organization.objects.filter(pk=spelt.pk).update(domain="plumrunsupply.com")
    propose_mappings(member, main)
    page = client_of(member).get(main.get_absolute_url()).content.decode()
    lines = {row: re.findall(r"<summary>([^<]*)</summary>", row_of(page, row)) for row in (same, spelt, part)}
    assert lines[same] == ["same name"]
    assert lines[spelt] == ["spelling + contact"]
    assert "same name but for spelling" in row_of(page, spelt)  # the whole reason, on demand
    assert lines[part] not in (["same name"], ["spelling + contact"])


def test_what_is_odd_about_a_row_is_a_tag_in_it(
    main: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    names = ("alone", "first", "second", "third", "outside", "closed", "elsewhere")
    rows = {name: make_organization(name) for name in names}
    left = make_organization("left", is_active=False)
    shared, own = make_company(main, 101, "Larch"), make_company(main, 102, "Maple")
    make_mapping(rows["alone"], own)
    make_mapping(rows["first"], shared)
    make_mapping(rows["second"], shared)
    choose(member, rows["third"], own)  # would share it
    make_mapping(rows["outside"], make_company(main, 103, "Oak", in_filter=False))
    make_mapping(rows["closed"], make_company(main, 104, "Pine", is_active=False))
    make_mapping(rows["elsewhere"], make_company(make_instance("Other"), 301, "Their Larch"))
    make_mapping(left, make_company(main, 105, "Rowan"))
    page = client_of(member).get(main.get_absolute_url()).content.decode()
    assert {name: tags(row_of(page, row)) for name, row in rows.items()} == {
        "alone": [], "first": ["shared"], "second": ["shared"], "third": ["shared"],
        "outside": ["outside the filter"], "closed": ["inactive"], "elsewhere": [],
    }  # fmt: skip
    assert tags(row_of(page, left)) == ["inactive"]
    elsewhere = row_of(page, rows["elsewhere"])
    assert "Elsewhere" in elsewhere
    assert "Other</a> to Their Larch" in elsewhere


def test_a_tag_is_in_compact_rows_and_in_those_without_a_state_too(
    main: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    company = make_company(main, 101, "Larch")
    first = make_organization("first")
    for organization in (first, make_organization("second")):
        make_mapping(organization, company)
    client = client_of(member)
    for columns in ("state.compact", "reason.compact"):
        page = client.get(main.get_absolute_url(), {"columns": columns}).content.decode()
        row = row_of(page, first)
        assert tags(row) == ["shared"], columns
        # Compact rows do not show the company's particulars: there the tag would not be seen.
        assert "shared" not in "".join(re.findall(r'<small class="sub">.*?</small>', row, re.DOTALL))


def test_review_names_who_else_has_the_company(
    main: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    company = make_company(main, 101, "Larch")
    first, second = make_organization("Larch North"), make_organization("Larch South")
    make_mapping(first, company)
    client = client_of(member)
    address = f"{main.get_absolute_url()}review/"
    assert "Shared with" not in client.get(address, {"organization": first.pk}).content.decode()
    make_mapping(second, company)
    page = client.get(address, {"organization": first.pk}).content.decode()
    assert "<dt>Shared with</dt><dd>Larch South</dd>" in page


def test_suggestions_are_seen_when_they_are_made(
    main: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    """Where a page of other rows comes first, the tab of suggestions is shown; otherwise nothing moves."""
    make_company(main, 101, "Zelkova Dental")
    make_organization("Zelkova Dental")
    client, address = client_of(member), f"{main.get_absolute_url()}mappings/suggest/"
    assert "state=suggested" not in client.post(address).headers["Location"]
    other = make_instance("Other")
    for number in range(25):
        make_mapping(
            make_organization(f"Alder {number}"), make_company(other, 300 + number, f"Alder {number}")
        )
    assert "state=suggested" in client.post(address, {"table": "size=25"}).headers["Location"]
    assert "state=mapped" in client.post(address, {"table": "state=mapped"}).headers["Location"]
