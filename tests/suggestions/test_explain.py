"""“Why (not)?” in words, and what a person decided earlier."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    Organization,
    OrganizationMapping,
    RejectedMatch,
)
from integrations.services.audit import Batch
from integrations.services.suggestions import reject_match
from integrations.services.suggestions.suggest import propose_mappings, suggest_mappings
from tests.support.rows import make_company, make_instance, save
from tests.support.simulated import actor_of, make_organization

Signed = Callable[[User], Client]


@pytest.fixture
def main(db: None) -> IntegrationInstance:
    instance = make_instance("Main")
    make_company(instance, 102, "Birchwood Veterinary Clinic")
    return instance


@pytest.fixture
def dental(main: IntegrationInstance) -> Company:
    company = make_company(main, 101, "Abbott Dental Care, LLC")
    Company.objects.filter(pk=company.pk).update(phone="555 201 3344", web_address="www.abbottdental.com")
    company.refresh_from_db()
    return company


@pytest.fixture
def abbott(db: None) -> Organization:
    row = make_organization("Abott Dental Care")
    Organization.objects.filter(pk=row.pk).update(phone="555 999 1122", domain="abbottdental.com")
    row.refresh_from_db()
    return row


def _page(client: Client, instance: IntegrationInstance, organization: Organization, company: Company) -> str:
    address = reverse("integrations:explain", args=[instance.psa, instance.pk, organization.pk, company.pk])
    return client.get(address).content.decode()


def test_the_page_says_in_words_what_speaks_for_and_against_with_the_values(
    main: IntegrationInstance, dental: Company, abbott: Organization, member: User, client_of: Signed
) -> None:
    page = _page(client_of(member), main, abbott, dental)
    plain = page.replace("&quot;", '"')
    assert "Suggested as " in plain
    assert "same but for spelling, and a contact agrees" in plain
    assert "Same domain abbottdental.com" in plain
    assert "Telephone numbers differ: 555 999 1122 / 555 201 3344" in plain
    assert 'spelling: "abott" / "abbott"' in plain
    before, _details, behind = page.partition("<summary>Details</summary>")
    assert "log-odds" not in before
    assert "log-odds" in behind


def test_the_page_says_which_rule_holds_an_answer_back(
    main: IntegrationInstance, member: User, client_of: Signed
) -> None:
    leeds = make_organization("Quillmore Tiles - Leeds Showroom")
    derby = make_company(main, 110, "Quillmore Tiles - Derby Showroom")
    page = _page(client_of(member), main, leeds, derby)
    assert "Not suggested because each name adds a place or site of its own" in page
    assert "would let it be suggested" in page


def test_a_rejection_is_seen_with_its_date_and_taken_back_there(
    main: IntegrationInstance, dental: Company, abbott: Organization, member: User, client_of: Signed
) -> None:
    reject_match(Batch(actor_of(member)), main, abbott, dental)
    client = client_of(member)
    page = _page(client, main, abbott, dental)
    assert f"because you said so on {timezone.localdate()}" in re.sub(r"<[^>]+>", "", page)
    address = reverse("integrations:reconsider", args=[main.psa, main.pk, abbott.pk])
    assert f'action="{address}"' in page

    client.post(address, {"company": dental.pk})

    assert not RejectedMatch.objects.exists()
    assert "said so" not in _page(client, main, abbott, dental)


def test_one_rejection_says_nothing_about_other_organizations(
    main: IntegrationInstance, dental: Company, abbott: Organization, member: User, client_of: Signed
) -> None:
    other = make_organization("Abbott Dental Care")
    reject_match(Batch(actor_of(member)), main, abbott, dental)
    assert "said so" not in _page(client_of(member), main, other, dental)
    answers = {answer.organization_id: answer for answer in suggest_mappings(main)}
    assert answers[str(other.pk)].company_id == str(dental.pk)


def test_a_rejection_of_the_same_name_elsewhere_leads_to_where_it_was_made(
    main: IntegrationInstance, dental: Company, abbott: Organization, member: User, client_of: Signed
) -> None:
    elsewhere = make_instance("Second")
    namesake = make_company(elsewhere, 7, "ABBOTT DENTAL CARE LLC")
    reject_match(Batch(actor_of(member)), elsewhere, abbott, namesake)
    page = _page(client_of(member), main, abbott, dental)
    assert reverse("integrations:reconsider", args=[elsewhere.psa, elsewhere.pk, abbott.pk]) in page
    assert "where the company has the same name" in page


def test_a_pair_has_one_score_on_the_table_in_the_review_and_on_its_page(
    main: IntegrationInstance, dental: Company, abbott: Organization, member: User, client_of: Signed
) -> None:
    client, page = client_of(member), main.get_absolute_url()

    def shown() -> set[str]:
        review = client.get(f"{page}review/", {"organization": abbott.pk}).content.decode()
        pages = (client.get(page).content.decode(), review, _page(client, main, abbott, dental))
        return {re.findall(r"<span>(\d+ %)", text)[0] for text in pages}

    propose_mappings(member, main)
    [share] = shown()
    assert "Weighed again" not in _page(client, main, abbott, dental)

    # What was told holds until somebody asks anew; the page says that it would be another by now.
    MappingProposal.objects.update(confidence=0.515)
    assert shown() == {"51 %"}
    assert f"Weighed again among what is open now, it is {share}" in _page(client, main, abbott, dental)

    MappingProposal.objects.update(selected=True)
    save(member, main)
    OrganizationMapping.objects.update(confirmed_name="Abbott")  # so that its review shows it
    assert shown() == {"51 %"}
    assert "51 % is what the mapping was saved with" in _page(client, main, abbott, dental)
