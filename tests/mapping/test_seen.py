"""A decision settles what its page showed: what changed since is left, and told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RecordChange,
)
from tests.drift.test_inbox import drift, open_names
from tests.support.rows import make_company, make_mapping
from tests.support.simulated import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(main: IntegrationInstance, owner: User) -> list[OrganizationMapping]:
    """Two mappings whose companies are of another type since."""
    found = []
    for number, name in enumerate(("Ash", "Birch"), start=1):
        company = make_company(main, number, f"{name} Ltd")
        found.append(make_mapping(make_organization(name), company, owner, confirmed_name=company.name))
        drift(company)
    return found


@pytest.fixture
def browser(owner: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(owner)


def hidden(page: str) -> dict[str, str]:
    """What the forms that decide tell beside the button."""
    return dict(re.findall(r'<input type="hidden" name="(seen|pair|company|chosen)" value="([^"]*)"', page))


def change(company: Company) -> None:
    Company.objects.filter(pk=company.pk).update(is_active=False)
    drift(company, RecordChange.Kind.INACTIVE, before="", after="")


def step(browser: Client, organization: Organization, **chosen: int) -> tuple[str, dict[str, str]]:
    """The address of a row's decision, and what its form tells."""
    review = f"{IntegrationInstance.objects.get().get_absolute_url()}review/"
    asked: dict[str, int | str] = {"state": "review", "organization": organization.pk, **chosen}
    page = browser.get(review, asked)
    return f"{review}{organization.pk}/?state=review", hidden(page.content.decode())


@pytest.mark.parametrize("decision", ["keep", "unmap"])
def test_a_row_that_changed_under_the_review_is_left(
    rows: list[OrganizationMapping], browser: Client, decision: str
) -> None:
    address, form = step(browser, rows[0].organization)
    change(rows[0].company)
    page = browser.post(address, {**form, "decision": decision}).content.decode()
    assert "Ash is left as it is" in page
    assert "company is inactive" in page, "what changed is shown now"
    assert open_names() == {"Ash", "Birch"}
    browser.post(address, {**hidden(page), "decision": decision})
    assert open_names() == {"Birch"}


@pytest.mark.parametrize("changed", ["mapped", "wanted"])
def test_a_remap_is_left_when_either_company_changed(
    rows: list[OrganizationMapping], main: IntegrationInstance, browser: Client, changed: str
) -> None:
    wanted = make_company(main, 77, "Ash Incorporated")
    address, form = step(browser, rows[0].organization, company=wanted.pk)
    assert form["company"] == str(wanted.pk)
    change({"mapped": rows[0].company, "wanted": wanted}[changed])
    assert "Ash is left as it is" in browser.post(address, {**form, "decision": "accept"}).content.decode()
    rows[0].refresh_from_db()
    assert rows[0].company.name == "Ash Ltd"
    address, form = step(browser, rows[0].organization, company=wanted.pk)
    browser.post(address, {**form, "decision": "accept"})
    rows[0].refresh_from_db()
    assert rows[0].company == wanted


def test_what_a_colleague_mapped_meanwhile_is_not_overwritten(
    main: IntegrationInstance, owner: User, browser: Client
) -> None:
    companies = [make_company(main, number, f"Oak {number}") for number in (1, 2)]
    organization = make_organization("Oak")
    address, form = step(browser, organization, company=companies[0].pk)
    make_mapping(organization, companies[1], owner)
    assert "Oak is left" in browser.post(address, {**form, "decision": "accept"}).content.decode()
    assert OrganizationMapping.objects.get().company == companies[1]


@pytest.mark.parametrize("decision", ["keep", "unmap"])
def test_all_are_decided_but_those_that_changed_since(
    rows: list[OrganizationMapping], main: IntegrationInstance, browser: Client, decision: str
) -> None:
    address = main.get_absolute_url()
    form = hidden(browser.get(address, {"state": "review"}).content.decode())
    change(rows[0].company)
    browser.post(f"{address}mappings/decide-all/", {**form, "decision": decision, "number": "2"})
    page = browser.get(address, {"state": "review"}).content.decode()
    assert "1 row is left as it is" in page
    assert open_names() == {"Ash"}
    browser.post(f"{address}mappings/decide-all/", {**hidden(page), "decision": decision, "number": "1"})
    assert not open_names()


def test_all_are_decided_but_what_a_colleague_decided_since(
    rows: list[OrganizationMapping], main: IntegrationInstance, owner: User, browser: Client
) -> None:
    address = main.get_absolute_url()
    form = hidden(browser.get(address, {"state": "review"}).content.decode())
    gone = make_company(main, 88, "Ash Limited")
    other = Client()
    other.force_login(owner)
    there, chosen = step(other, rows[0].organization, company=gone.pk)
    other.post(there, {**chosen, "decision": "accept"})
    Company.objects.filter(pk=gone.pk).update(is_active=False)
    assert open_names() == {"Ash", "Birch"}
    browser.post(f"{address}mappings/decide-all/", {**form, "decision": "unmap", "number": "2"})
    assert open_names() == {"Ash"}


@pytest.mark.parametrize("decision", ["keep", "unmap", "accept"])
def test_a_page_that_does_not_tell_what_it_showed_settles_nothing(
    rows: list[OrganizationMapping], browser: Client, main: IntegrationInstance, decision: str
) -> None:
    company = make_company(main, 77, "Oak Ltd")
    address, _ = step(browser, rows[0].organization)
    page = browser.post(address, {"decision": decision, "company": company.pk}).content.decode()
    assert "the page was out of date" in page
    if decision != "accept":
        every = f"{main.get_absolute_url()}mappings/decide-all/"
        form = {"decision": decision, "chosen": "state=review", "number": "2"}
        told = browser.post(every, form, follow=True)
        assert "the page was out of date" in told.content.decode()
    assert not AuditEvent.objects.exists()
