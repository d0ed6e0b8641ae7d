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
