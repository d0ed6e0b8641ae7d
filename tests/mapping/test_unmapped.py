"""*Unmapped* is one thing on the overview, above the table, in its rows, and in the API."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from integrations.models import IgnoredOrganization, IntegrationInstance, MappingProposal, Organization, Right
from integrations.services.audit import Actor, Batch
from integrations.services.read_api.tokens import TokenSpec, create_token
from tests.support.rows import choose, make_company, make_instance, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db
UNMAPPED = {"bare", "suggested", "ambiguous", "chosen", "removed"}


@pytest.fixture
def instance(member: User) -> IntegrationInstance:
    """Organizations in every state that one can be in, for one person."""
    main, other = make_instance("Main", is_default=True), make_instance("Other", database_id=7)
    company, theirs = make_company(main, 101, "Larch Dental"), make_company(other, 301, "Their Larch")
    names = (*sorted(UNMAPPED), "mapped", "review", "elsewhere", "ignored", "cleared")
    rows = {name: make_organization(name) for name in names}
    make_organization("inactive", is_active=False)
    make_organization("deleted", deleted_at=timezone.now())
    make_mapping(make_organization("inactive but mapped", is_active=False), company)
    for name, target in (("mapped", company), ("cleared", company), ("elsewhere", theirs)):
        make_mapping(rows[name], target)
    make_mapping(rows["review"], make_company(main, 102, "Gone", is_active=False))
    make_mapping(rows["removed"], company, removed_at=timezone.now())
    IgnoredOrganization.objects.create(organization=rows["ignored"], psa="autotask")
    for name, tier in (("suggested", "sure"), ("ambiguous", "ambiguous"), ("ignored", "likely")):
        MappingProposal.objects.create(
            user=member, instance=main, organization=rows[name], kind="suggested", tier=tier,
            company=None if tier == "ambiguous" else company,
        )  # fmt: skip
    choose(member, rows["chosen"], company)
    MappingProposal.objects.create(user=member, instance=main, organization=rows["cleared"], kind="cleared")
    return main


def test_every_place_counts_the_same_organizations(
    instance: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    assert {row.name for row in Organization.objects.unmapped_in("autotask")} == UNMAPPED
    browser, number = client_of(member), str(len(UNMAPPED))

    home = browser.get("/").content.decode()
    card = home[home.index(">Main</a>") : home.index(">Other</a>")]
    [(address, told)] = re.findall(r'href="([^"#]*)#mappings">(\d+) unmapped</a>', card)
    assert told == number
    assert re.findall(r'coverage-unmapped"><th.*?</th><td>(\d+)</td>', card) == [number]

    table = browser.get(address).content.decode()  # the figure leads to as many rows
    assert re.findall(r'aria-current="page">Unmapped <span class="count">(\d+)<', table) == [number]
    assert set(re.findall(r'class="row-link"[^>]*>([^<]*)</a>', table)) == UNMAPPED
    searched = browser.get(address + "&q=e").content.decode()
    with_e = {name for name in UNMAPPED if "e" in name}
    assert set(re.findall(r'class="row-link"[^>]*>([^<]*)</a>', searched)) == with_e
    assert f'Unmapped <span class="count">{len(with_e)}<' in searched

    _, token = create_token(
        Batch(Actor("An operator", "command test")), TokenSpec("billing", (Right.RESOLVE,))
    )
    asked = {
        row.name: Client().get(
            "/api/v1/resolve",
            {"by": "id", "value": str(row.pk)},
            headers={"Authorization": f"Bearer {token}"},
        )
        for row in Organization.objects.filter(deleted_at=None, is_active=True)
    }
    assert {name for name, answer in asked.items() if answer.json().get("code") == "unmapped"} == UNMAPPED

    glossary = browser.get("/glossary/").content.decode()
    assert "No mapping, and nobody decided that none is needed." in glossary


def test_rows_without_a_suggestion_are_a_part_of_them(
    instance: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    browser, page = client_of(member), instance.get_absolute_url()
    table = browser.get(page, {"state": "unsuggested"}).content.decode()
    assert set(re.findall(r'class="row-link"[^>]*>([^<]*)</a>', table)) == {"bare", "removed"}
    assert 'aria-current="page">No suggestion <span class="count">2<' in table
    assert "Ignore all 2" in table
    assert "Ignore all" not in browser.get(page, {"state": "unmapped"}).content.decode()
    # Where nothing is suggested one tab says all, and its rows can be ignored.
    MappingProposal.objects.all().delete()
    table = browser.get(page, {"state": "unmapped"}).content.decode()
    assert "No suggestion" not in table
    assert "Ignore all 5" in table


def test_the_table_says_why_it_has_fewer_rows_than_there_are_organizations(
    instance: IntegrationInstance, member: User, client_of: Callable[[User], Client]
) -> None:
    browser, page = client_of(member), instance.get_absolute_url()
    shown = browser.get(page).content.decode()
    assert "1 to 10 of 10 organizations" in shown  # all active ones but the ignored one, and one mapped here
    assert re.search(r'1 more is <a href="/organizations/\?status=inactive">inactive</a>', shown)
    assert "and not mapped here" not in browser.get(page, {"state": "mapped"}).content.decode()
